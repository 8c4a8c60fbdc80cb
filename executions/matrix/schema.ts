import * as z from 'zod';
import type { JsonSchema } from '../schema';
import { matrixShape } from './shape';

/** The JSON Schema (draft-07) of a schedule matrix, made from the shape that the expansion uses. */
export function matrixSchema(): JsonSchema {
  const { $schema, ...schema } = z.toJSONSchema(matrixShape, {
    target: 'draft-07',
    io: 'input',
    override: ({ jsonSchema }) => {
      // zod limits integers to JavaScript's safe integers. These limits do not help a user.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return {
    $schema,
    title: 'Schedule matrix',
    description: 'The jobs that start every day, from templates of execution files.',
    ...schema,
  };
}
