import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { parseExecution } from '../../executions/parse';
import { executionSchema } from '../../executions/schema';
import {
  DIALECTS,
  type ExecutionFile,
  november2024File,
  optionsFile,
  withParameters,
  withRunOptions,
} from '../support/executions';
import { TEMPLATE } from '../support/terraform';

const room = join(__dirname, '../../executions');
const examples = readdirSync(join(room, 'examples'))
  .filter((name) => name.endsWith('.json'))
  .sort();
const read = (file: string): unknown => JSON.parse(readFileSync(join(room, file), 'utf8'));
const validate = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(executionSchema());

describe('the schema', () => {
  test('in the repository is the one that the generator writes: run `npm run generate`', () => {
    expect(read('execution.schema.json')).toEqual(executionSchema());
  });

  test.each(Object.entries(DIALECTS))('takes the dialect of %s', (_, file) => {
    expect(validate(file()) ? [] : validate.errors).toEqual([]);
  });

  test.each(['/datastream/ami', 'golden-ami:3', 'arn:aws:ssm:us-east-1:123456789012:parameter/ami:prod'])(
    'takes the SSM parameter %s as an AMI',
    (name) => {
      expect(validate(withParameters({ ImageId: `resolve:ssm:${name}` })) ? [] : validate.errors).toEqual([]);
    },
  );

  test.each([
    ['a typo in instance_parameters', withParameters({ KeyNames: 'x' })],
    ['a number in place of a string', withParameters({ KeyName: 3 })],
    ['a timeout that is too short', withRunOptions({ timeout_s: 5 })],
    ['a check of another type', withRunOptions({ ii_check_s3: 'yes' })],
    ['no AMI', withParameters({ ImageId: undefined })],
    ['an AMI that is a placeholder', withParameters({ ImageId: 'ami-###' })],
    ['an SSM parameter that cannot exist', withParameters({ ImageId: 'resolve:ssm:datastream/ami' })],
    ['an unknown kind of place', optionsFile({}, { subset_id_type: 'gage' })],
    ['neither commands nor options', november2024File({ commands: undefined })],
  ])('refuses %s', (_, file) => {
    expect(validate(JSON.parse(JSON.stringify(file)))).toBe(false);
  });

  test('describes every property', () => {
    const undescribed: string[] = [];
    const visit = (schema: unknown, path: string) => {
      if (typeof schema !== 'object' || schema === null) return;
      for (const [key, value] of Object.entries(schema)) {
        if (key === 'properties') {
          for (const [name, property] of Object.entries(value as Record<string, { description?: string }>)) {
            if (!property.description) undescribed.push(`${path}.${name}`);
          }
        }
        visit(value, `${path}.${key}`);
      }
    };

    visit(executionSchema(), '$');

    expect(undescribed).toEqual([]);
  });
});

describe('the examples', () => {
  test('are at least five', () => {
    expect(examples.length).toBeGreaterThanOrEqual(5);
  });

  test.each(examples)('%s has neither errors nor warnings', (name) => {
    const { execution, problems } = parseExecution(read(join('examples', name)));

    expect(problems).toEqual([]);
    expect(execution).toBeDefined();
  });

  test.each(examples)('%s is valid by the schema that it names', (name) => {
    const example = read(join('examples', name));

    expect(example).toMatchObject({ $schema: '../execution.schema.json' });
    expect(validate(example) ? [] : validate.errors).toEqual([]);
  });
});

/** What is to be filled in, by `datastream ami write-template` or by hand. */
const FILLED_IN = ['ImageId', 'InstanceType', 'IamInstanceProfile', 'VolumeSize', 'region'];

describe('the template', () => {
  const template: ExecutionFile = JSON.parse(readFileSync(TEMPLATE, 'utf8'));
  const { problems } = parseExecution(template);

  test('in the repository is the one that is tested, whatever its user has filled in', () => {
    const any = (key: string, value: unknown) =>
      FILLED_IN.includes(key) || (typeof value === 'string' && /###|<.*>/.test(value)) ? expect.anything() : value;
    const withAny = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map((entry) => any('', withAny(entry)));
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, any(key, withAny(inner))]));
    };

    expect(read('execution_template.json')).toEqual(withAny(template));
  });

  test('has no problem but a placeholder for each thing that only its user can know', () => {
    expect(problems.map(({ path }) => path)).toEqual([
      '$.instance_parameters.ImageId',
      '$.instance_parameters.KeyName',
      '$.instance_parameters.SecurityGroupIds[0]',
      '$.instance_parameters.IamInstanceProfile.Name',
      '$.instance_parameters.TagSpecifications[0].Tags[0].Value',
      '$.commands[1]',
      '$.run_options.ii_check_s3.bucket',
    ]);
    expect(problems.filter(({ message }) => !message.includes('placeholder'))).toEqual([]);
    // A tag and a command may hold anything: there it is a guess.
    const guesses = problems.filter(({ severity }) => severity === 'warning').map(({ path }) => path);
    expect(guesses).toEqual(['$.instance_parameters.TagSpecifications[0].Tags[0].Value', '$.commands[1]']);
  });

  test('is valid by the schema that it names, and free of problems, once they are filled in', () => {
    const filled: unknown = JSON.parse(
      JSON.stringify(template)
        .replace('ami-###', 'ami-0123456789abcdef0')
        .replace('sg-###', 'sg-0123456789abcdef0')
        .replace(/<(?:your-|name-of-)?([a-z-]+)>/g, 'my-$1'),
    );

    expect(template).toMatchObject({ $schema: './execution.schema.json' });
    expect(validate(filled) ? [] : validate.errors).toEqual([]);
    expect(parseExecution(filled).problems).toEqual([]);
  });

  test('leaves neither an instance nor a volume behind', () => {
    expect(template).toMatchObject({ run_options: { ii_terminate_instance: true, ii_delete_volume: true } });
  });
});
