import { deploymentOf } from '../../pipelines/deployment';
import { SCHEDULES } from '../../pipelines/model';
import { ownBuckets } from '../../pipelines/names';
import { parsePipelines } from '../../pipelines/parse';
import {
  cronOf,
  matchesObject,
  OBJECT_INPUT,
  type ObjectEvent,
  objectInput,
  objectPattern,
} from '../../pipelines/rules';
import { PIPELINES } from '../support/pipelines';

const event = (key: string, bucket = 'in'): ObjectEvent => ({
  id: 'e1',
  time: '2026-03-10T14:00:00Z',
  source: 'aws.s3',
  'detail-type': 'Object Created',
  detail: { bucket: { name: bucket }, object: { key } },
});

test("has aws-template's times", () => {
  expect(SCHEDULES.map((schedule) => cronOf({ schedule }))).toEqual([
    'cron(0 0/1 * * ? *)',
    'cron(0 2 * * ? *)',
    'cron(30 2 ? * 1 *)',
    'cron(0 3 1 * ? *)',
  ]);
  expect(cronOf({})).toBe('cron(0 2 * * ? *)');
});

test.each([
  ['lidar/', 'lidar/x.csv', true],
  ['lidar/', 'lidar_b/x.csv', false],
  ['lidar/', 'a/lidar/x.csv', false],
  ['', 'x.csv', true],
])('the pattern of %j and the key %s: %s', (prefix, key, matches) => {
  expect(matchesObject(objectPattern('in', prefix), event(key))).toBe(matches);
  expect(matchesObject(objectPattern('other', prefix), event(key))).toBe(false);
  expect(matchesObject(objectPattern('in', prefix), { ...event(key), 'detail-type': 'Object Deleted' })).toBe(false);
});

test('makes of an event what S3 itself sends, whatever is in the key', () => {
  expect(objectInput(event('a "b" \\ c+d%20é/x.csv'))).toEqual({
    Records: [{ s3: { bucket: { name: 'in' }, object: { key: 'a "b" \\ c+d%20é/x.csv' } } }],
    id: 'e1',
    time: '2026-03-10T14:00:00Z',
  });
});

test('names in its template only values that it takes from the event', () => {
  const named = [...OBJECT_INPUT.template.matchAll(/<(\w+)>/g)].map(([, name]) => name);

  expect(named.sort()).toEqual(Object.keys(OBJECT_INPUT.paths).sort());
});

describe('the buckets of a branch', () => {
  const account = '123456789012';

  test('have its name', () => {
    expect(ownBuckets('buoy-main', account)).toEqual({
      artifacts: 'buoy-main-123456789012-artifacts',
      records: 'buoy-main-123456789012-records',
    });
  });

  test.each(['a_b-main', 'a.b-main', `${'long'.repeat(12)}-main`])('are names that S3 takes, for %s', (base) => {
    for (const name of Object.values(ownBuckets(base, account)))
      expect(name).toMatch(/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/);
  });

  test('differ where the names of branches differ', () => {
    const bases = ['a_b-main', 'a-b-main', 'a.b-main', `${'x'.repeat(50)}-1`, `${'x'.repeat(50)}-2`];

    expect(new Set(bases.map((base) => ownBuckets(base, account).records)).size).toBe(bases.length);
  });
});

test('a deployment has a function for each config', () => {
  const { config } = parsePipelines(PIPELINES);

  expect(config && deploymentOf(config, 'dev').functions.map(({ name }) => name)).toEqual([
    'buoy-pipelines-dev-lambda-lidar-humboldt',
    'buoy-pipelines-dev-lambda-lidar-morro',
    'buoy-pipelines-dev-lambda-lidar_vap-humboldt',
  ]);
});
