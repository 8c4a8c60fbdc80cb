import { TerraformVariable } from 'cdktf';
import type { Construct } from 'constructs';
import type { Rule } from './rules';

/** A text variable of a stack, which Terraform checks by a rule. @param fallback default: the user must give it */
export function ruledVariable(
  stack: Construct,
  name: string,
  description: string,
  { pattern, write }: Rule,
  fallback?: string,
): string {
  return new TerraformVariable(stack, name, {
    type: 'string',
    nullable: false,
    description,
    ...(fallback !== undefined && { default: fallback }),
    validation: [
      {
        condition: `\${can(regex(${JSON.stringify(pattern)}, var.${name}))}`,
        errorMessage: `${name} is "\${var.${name}}": write ${write}.`,
      },
    ],
  }).stringValue;
}

/** A number above 0. @param fallback default: the user must give it */
export function positiveVariable(stack: Construct, name: string, description: string, fallback?: number): number {
  return new TerraformVariable(stack, name, {
    type: 'number',
    nullable: false,
    description,
    ...(fallback !== undefined && { default: fallback }),
    validation: [
      { condition: `\${var.${name} > 0}`, errorMessage: `${name} is \${var.${name}}: write a number above 0.` },
    ],
  }).numberValue;
}
