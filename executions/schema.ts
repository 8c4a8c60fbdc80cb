import * as z from 'zod';
import { instanceParametersShape } from './run-instances';
import { executionFileShape, RUN_STATE_KEYS, runOptionsShape } from './shape';

/** A JSON Schema document. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The JSON Schema (draft-07, which every editor knows) of an execution file, made from the shape that the parser uses.
 * The parser finds problems that a schema cannot: placeholders, dates, instance types, values from the commands.
 */
export function executionSchema(): JsonSchema {
  const { $schema, ...schema } = z.toJSONSchema(executionFileShape, {
    target: 'draft-07',
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      // zod limits integers to JavaScript's safe integers. These limits do not help a user.
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      for (const key of leftBehind.get(zodSchema) ?? [])
        jsonSchema.properties = { ...jsonSchema.properties, [key]: fromEarlierRun };
    },
  });
  return {
    $schema,
    title: 'Execution file',
    description: 'One scientific batch job on one fresh EC2 instance.',
    ...schema,
    anyOf: [{ required: ['commands'] }, { required: ['datastream_command_options'] }],
  };
}

const fromEarlierRun = { description: 'State of an earlier run, dropped. May be left out.' };

/** Keys that a file saved from an earlier run may have. */
const leftBehind: ReadonlyMap<unknown, readonly string[]> = new Map<unknown, readonly string[]>([
  [executionFileShape, [...RUN_STATE_KEYS]],
  [instanceParametersShape, ['InstanceId']],
  [runOptionsShape, ['ii_s3_object_checked']],
]);
