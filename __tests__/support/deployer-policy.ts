import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Authorisation } from './aws-calls';

/** A policy as an administrator writes it. A single value is allowed in place of a list. */
export interface DeployerPolicy {
  readonly Statement: readonly DeployerStatement[];
}

export interface DeployerStatement {
  readonly Sid: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** Replaces the placeholders of a policy's text, as docs/security.md says. */
export function fillIn(text: string, values: Readonly<Record<string, string>>): DeployerPolicy {
  return JSON.parse(text.replace(/\b(ACCOUNT|REGION|BUCKET)\b|PREFIX/g, (name) => values[name] ?? name));
}

const page = (name: string) => readFileSync(path.join(__dirname, '..', '..', 'docs', name), 'utf8');

export const DEPLOYER_POLICY = page('deployer-policy.json');

/** What a deployment with alarms, reporter or dashboard needs as well. */
const MONITORING_POLICY = page('deployer-policy-monitoring.json');

/** Both policies of a deployer, attached together. */
export function deployerPolicies(values: Readonly<Record<string, string>>): DeployerPolicy {
  return { Statement: [DEPLOYER_POLICY, MONITORING_POLICY].flatMap((text) => fillIn(text, values).Statement) };
}

/** The statements that allow an action on one of its resources. */
export function allowing(
  { Statement }: DeployerPolicy,
  { action, context }: Authorisation,
  resource: string,
): DeployerStatement[] {
  return Statement.filter(
    ({ Action, Resource, Condition = {} }) =>
      [Action].flat().includes(action) &&
      [Resource].flat().some((pattern) => matches(resource, pattern)) &&
      Object.entries(Condition).every(([operator, keys]) =>
        Object.entries(keys).every(([key, wanted]) => holds(operator, context[key], [wanted].flat())),
      ),
  );
}

function holds(operator: string, value: string | undefined, wanted: readonly string[]): boolean {
  // A key that the request does not have satisfies neither operator (IAM User Guide, condition operators).
  if (value === undefined) return false;
  if (operator === 'StringEquals') return wanted.includes(value);
  if (operator === 'StringLike') return wanted.some((pattern) => matches(value, pattern));
  throw new Error(`${operator} is no operator that ${__filename} knows: add it there.`);
}

function matches(value: string, pattern: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/\*/g, '.*').replace(/\?/g, '.')}$`).test(value);
}
