import { applyEdit, isKnownPath, parseSet, parseUnset } from '../../executions/edit';
import { seedFile } from '../support/executions';

const COMMANDS = ['./first', './second'];

const FILE = {
  ...seedFile({ commands: COMMANDS }),
  run_options: { timeout_s: 3600, ii_cheapo: false },
  datastream_command_options: { nprocs: '4' },
  note: 'of mine',
};

/** The whole way of an option's text into the file; the sentence where it leads nowhere. */
function edited(option: 'set' | 'unset', text: string, file: unknown = FILE): unknown {
  const edit = option === 'set' ? parseSet(text) : parseUnset(text);
  if ('error' in edit) return edit.error;
  const result = applyEdit(file, edit);
  return 'error' in result ? result.error : result.file;
}

describe('a value becomes', () => {
  test.each([
    ['instance_parameters.KeyName=123', { instance_parameters: { KeyName: '123' } }],
    ['instance_parameters.KeyName=true', { instance_parameters: { KeyName: 'true' } }],
    ['instance_parameters.KeyName="team"', { instance_parameters: { KeyName: '"team"' } }],
    ['region=', { region: '' }],
    ['commands[0]=["x"]', { commands: ['["x"]', expect.any(String)] }],
    ['commands[0]=A=1 ./model --n=2', { commands: ['A=1 ./model --n=2', expect.any(String)] }],
    [
      'instance_parameters.InstanceMarketOptions.SpotOptions.MaxPrice=0.17',
      { instance_parameters: { InstanceMarketOptions: { SpotOptions: { MaxPrice: '0.17' } } } },
    ],
    ['note=5', { note: '5' }],
  ])('text where the file has text: %s', (text, expected) => {
    expect(edited('set', text)).toMatchObject(expected);
  });

  test.each([
    ['commands=["a", "b"]', { commands: ['a', 'b'] }],
    ['run_options.timeout_s=600', { run_options: { timeout_s: 600 } }],
    ['datastream_command_options.nprocs=8', { datastream_command_options: { nprocs: 8 } }],
    ['run_options.ii_cheapo=true', { run_options: { ii_cheapo: true } }],
    ['run_options.ii_check_s3={"bucket": "b", "prefix": "k"}', { run_options: { ii_check_s3: { prefix: 'k' } } }],
    ['instance_parameters.BlockDeviceMappings[0].Ebs.VolumeSize=100', volume({ VolumeSize: 100 })],
    ['instance_parameters.BlockDeviceMappings[0].Ebs.Encrypted=false', volume({ Encrypted: false })],
    ['another_note=5', { another_note: 5 }],
  ])('JSON where it has another type or is unknown: %s', (text, expected) => {
    expect(edited('set', text)).toMatchObject(expected);
  });

  test.each([
    ['run_options.ii_cheapo=yes', { run_options: { ii_cheapo: 'yes' } }],
    ['run_options.timeout_s=1h', { run_options: { timeout_s: '1h' } }],
    ['commands=ls', { commands: 'ls' }],
    ['another_note=007', { another_note: '007' }],
  ])('text where it is no JSON, for the parser to judge: %s', (text, expected) => {
    expect(edited('set', text)).toMatchObject(expected);
  });

  function volume(Ebs: object) {
    return { instance_parameters: { BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs }] } };
  }
});

describe('a path', () => {
  test.each([
    ['$.region=eu-west-1', { region: 'eu-west-1' }],
    ['.region=eu-west-1', { region: 'eu-west-1' }],
    ['["region"]=eu-west-1', { region: 'eu-west-1' }],
    ['$["a = key.0"]=x', { 'a = key.0': 'x' }],
    ['datastream_command_options.ngen-forcings=f.nc', { datastream_command_options: { 'ngen-forcings': 'f.nc' } }],
    ['datastream_command_options["ngen-forcings"]=f.nc', { datastream_command_options: { 'ngen-forcings': 'f.nc' } }],
    ['$schema=x.json', { $schema: 'x.json' }],
  ])('is read as problems write it, and shorter: %s', (text, expected) => {
    expect(edited('set', text)).toMatchObject(expected);
  });

  test('makes the objects and lists on its way', () => {
    expect(edited('set', 'instance_parameters.TagSpecifications[0].Tags[0].Key=Name', {})).toEqual({
      instance_parameters: { TagSpecifications: [{ Tags: [{ Key: 'Name' }] }] },
    });
  });

  test('adds to a list at its end', () => {
    expect(edited('set', 'commands[2]=ls')).toMatchObject({ commands: [...COMMANDS, 'ls'] });
  });

  test('never leads to a prototype', () => {
    const file = edited('set', '__proto__.polluted=1');

    expect(Object.hasOwn(file as object, '__proto__')).toBe(true);
    expect(JSON.stringify(file)).toContain('"__proto__":{"polluted":1}');
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test.each(['', 'region', '=x', 'a..b=x', 'a.=x', 'a b=x', 'a[x]=1', 'a[1=x', 'a]=x', 'commands[0]x=1', '["a]=x'])(
    'that is none is refused with an example: %s',
    (text) => {
      expect(edited('set', text)).toMatch(/ is no PATH=VALUE: write for example /);
    },
  );

  test.each(['', 'region=x', 'a..b', 'commands[-1]'])('to remove that is none is refused: %s', (text) => {
    expect(edited('unset', text)).toMatch(/ is no PATH: write for example /);
  });

  test.each([
    ['commands[3]=ls', '$.commands has 2 entries: [3] is beyond the next free index, [2].'],
    [
      'instance_parameters.NetworkInterfaces[1].SubnetId=x',
      /has 0 entries: \[1\] is beyond the next free index, \[0\]/,
    ],
    ['commands.first=ls', '$.commands is a list: write an index, such as $.commands[0].'],
    ['run_options[0]=x', '$.run_options is an object, not a list: write a key in place of [0].'],
    ['[0]=x', 'The file is an object, not a list: write a key in place of [0].'],
    ['region[0]=x', '$.region is "us-east-2", not a list: leave [0] out.'],
    ['run_options.ii_cheapo.x=1', /^\$\.run_options\.ii_cheapo is false and has no "x": set it as a whole, as JSON/],
    [
      'commands=["a",]',
      'The value of $.commands is no JSON (line 1, column 5): JSON allows no comma before ]: remove this comma.',
    ],
  ])('that leads nowhere is told in a sentence: %s', (text, sentence) => {
    expect(edited('set', text)).toEqual(typeof sentence === 'string' ? sentence : expect.stringMatching(sentence));
  });

  test('is known where an execution file can have a value', () => {
    const known = (text: string) => {
      const edit = parseUnset(text);
      return !('error' in edit) && isKnownPath(edit.path);
    };

    expect(known('run_options.ii_check_s3.bucket')).toBe(true);
    expect(known('instance_parameters.TagSpecifications[4].Tags[7].Value')).toBe(true);
    expect(known('instance_parameters.KeyNam')).toBe(false);
    expect(known('commands.first')).toBe(false);
  });
});

describe('removing', () => {
  test('takes a key, and an entry of a list', () => {
    expect(edited('unset', 'note')).not.toHaveProperty('note');
    expect(edited('unset', 'commands[0]')).toMatchObject({ commands: [COMMANDS[1]] });
    expect(edited('unset', '$.instance_parameters.KeyName')).not.toHaveProperty('instance_parameters.KeyName');
  });

  test('of what is not there is told, with the key that is meant', () => {
    expect(edited('unset', 'run_options.timeout')).toBe(
      'There is nothing at $.run_options.timeout to remove: write $.run_options.timeout_s if that is meant.',
    );
    expect(edited('unset', 'elsewhere.x')).toBe('There is nothing at $.elsewhere to remove: check the path.');
    expect(edited('unset', 'commands[2]')).toBe('There is nothing at $.commands[2] to remove: check the path.');
  });

  test('and setting leave the file that was given as it is', () => {
    const before = structuredClone(FILE);

    edited('set', 'commands[0]=ls');
    edited('unset', 'instance_parameters.KeyName');

    expect(FILE).toEqual(before);
  });
});
