import * as z from 'zod';
import { executionFileShape, RUN_STATE_KEYS } from './shape';

/** A JSON Schema document. */
export type JsonSchema = Readonly<Record<string, unknown>>;

interface ObjectSchema {
  properties: Record<string, unknown>;
  required?: string[];
  [keyword: string]: unknown;
}

/**
 * The JSON Schema (draft-07, which every editor knows) of an execution file, made from the shape that the parser uses.
 * The parser finds more than a schema can say: placeholders, dates, instance types, what derives from the commands.
 */
export function executionSchema(): JsonSchema {
  const schema = z.toJSONSchema(executionFileShape, {
    target: 'draft-07',
    io: 'input',
    override: ({ jsonSchema }) => {
      // zod bounds integers by what JavaScript can count, which says nothing to a user.
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  }) as unknown as ObjectSchema;
  const { $schema, properties, ...rest } = schema;
  const parameters = properties.instance_parameters as ObjectSchema;
  const runOptions = properties.run_options as ObjectSchema;
  return {
    $schema,
    title: 'Execution file',
    description: 'One scientific batch job on one fresh EC2 instance.',
    ...rest,
    properties: {
      ...properties,
      instance_parameters: {
        ...parameters,
        required: ['ImageId', 'InstanceType'],
        properties: { ...parameters.properties, InstanceId: fromEarlierRun },
      },
      run_options: {
        ...runOptions,
        properties: { ...runOptions.properties, ii_s3_object_checked: fromEarlierRun },
      },
      ...named([...RUN_STATE_KEYS], fromEarlierRun),
    },
    anyOf: [{ required: ['commands'] }, { required: ['datastream_command_options'] }],
  };
}

const fromEarlierRun = { description: 'State of an earlier run, dropped. May be left out.' };

function named(keys: readonly string[], schema: JsonSchema): Record<string, JsonSchema> {
  return Object.fromEntries(keys.map((key) => [key, schema]));
}
