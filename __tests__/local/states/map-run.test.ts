import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  UpdateMapRunCommand,
} from '@aws-sdk/client-sfn';
import type { Definition, State } from '../../../local/states/definition';
import { embeddedStates, endOf } from '../../support/states';

const READER = { Resource: 'arn:aws:states:::s3:getObject', Parameters: { Bucket: 'in', 'Key.$': '$.key' } };
const WRITER = { Resource: 'arn:aws:states:::s3:putObject', Parameters: { Bucket: 'out', Prefix: 'runs/' } };

/** Each item is `{ seconds, fails? }`, or what ItemSelector makes of it. */
const JOB: Definition = {
  StartAt: 'Work',
  States: {
    Work: { Type: 'Wait', SecondsPath: '$.seconds', Next: 'Good' },
    Good: {
      Type: 'Choice',
      Choices: [{ Variable: '$.fails', IsPresent: true, Next: 'Bad' }],
      Default: 'Done',
    },
    Bad: { Type: 'Fail', Error: 'JobFailed', Cause: 'exit code 1' },
    Done: { Type: 'Pass', Parameters: { 'took.$': '$.seconds', 'id.$': '$$.Execution.Id' }, End: true },
  },
};
const map = (state: Partial<State> = {}, processor = JOB): Definition => ({
  StartAt: 'Jobs',
  States: {
    Jobs: {
      Type: 'Map',
      Label: 'Each',
      ItemProcessor: { ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' }, ...processor },
      End: true,
      ...state,
    },
  },
});
const items = (count: number, failing = 0) =>
  Array.from({ length: count }, (_, index) => ({ seconds: 10, ...(index < failing && { fails: true }) }));
/** A machine whose result is what it has been given. */
const ECHO: Definition = { StartAt: 'Echo', States: { Echo: { Type: 'Pass', End: true } } };

describe('ItemReader (DG, ItemReader)', () => {
  const read = async (body: string | undefined, config: object, selector?: unknown) => {
    const { run, objects } = embeddedStates();
    if (body !== undefined) objects.set('in/list', body);
    const reader = { ...READER, ReaderConfig: config };
    const state = { ItemReader: reader, ...(selector !== undefined && { ItemSelector: selector }) };
    return endOf(await run(map(state, ECHO), { key: 'list', most: 1 }));
  };

  it.each([
    ['JSON', '[{"a":1},2]', { InputType: 'JSON' }, [{ a: 1 }, 2]],
    ['JSON Lines', '{"a":1}\n{"a":2}\n', { InputType: 'JSONL' }, [{ a: 1 }, { a: 2 }]],
    [
      'CSV with its names in the first row',
      'id,text\r\n1,"a, ""b""\nc"\r\n\r\n2\r\n',
      { InputType: 'CSV', CSVHeaderLocation: 'FIRST_ROW' },
      [
        { id: '1', text: 'a, "b"\nc' },
        { id: '2', text: '' },
      ],
    ],
    [
      'CSV with given names',
      '1,x\n2,y',
      { InputType: 'CSV', CSVHeaderLocation: 'GIVEN', CSVHeaders: ['n', 'w'] },
      [
        { n: '1', w: 'x' },
        { n: '2', w: 'y' },
      ],
    ],
    ['the first items, by MaxItems', '[1,2,3]', { InputType: 'JSON', MaxItems: 2 }, [1, 2]],
    ['the first items, by MaxItemsPath', '[1,2,3]', { InputType: 'JSON', MaxItemsPath: '$.most' }, [1]],
  ])('reads %s', async (_, body, config, output) => {
    expect(await read(body, config)).toEqual({ output });
  });

  it.each([
    ['an object that is missing', undefined, { InputType: 'JSON' }, 'NoSuchKey'],
    ['an object that is no array', '{}', { InputType: 'JSON' }, 's3://in/list holds no array'],
    ['an object that is no JSON', '[', { InputType: 'JSON' }, 's3://in/list: '],
    ['another type', '', { InputType: 'MANIFEST' }, "InputType is 'MANIFEST'"],
  ])('fails with States.ItemReaderFailed for %s', async (_, body, config, cause) => {
    expect(await read(body, config)).toEqual({
      error: 'States.ItemReaderFailed',
      cause: expect.stringContaining(cause),
    });
  });

  it('gives ItemSelector each item with its index', async () => {
    const selector = { 'at.$': '$$.Map.Item.Index', 'item.$': '$$.Map.Item.Value.a', 'key.$': '$.key' };

    expect(await read('[{"a":5},{"a":6}]', { InputType: 'JSON' }, selector)).toEqual({
      output: [
        { at: 0, item: 5, key: 'list' },
        { at: 1, item: 6, key: 'list' },
      ],
    });
  });
});

describe('A Map Run (DG, Map state in Distributed mode; API, DescribeMapRun)', () => {
  it('has child executions of ARNs and histories of their own', async () => {
    const { run, sfn, clock } = embeddedStates();

    const execution = await run(map(), items(2));

    const { mapRuns = [] } = await clock.run(
      sfn.client().send(new ListMapRunsCommand({ executionArn: execution.arn })),
    );
    const { mapRunArn } = mapRuns[0] ?? {};
    expect(mapRuns).toHaveLength(1);
    expect(mapRunArn).toMatch(/^arn:aws:states:us-east-1:000000000000:mapRun:small\/Each:[0-9a-f-]{36}$/);
    const children = await clock.run(sfn.client().send(new ListExecutionsCommand({ mapRunArn })));
    expect(children.executions?.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
    const child = children.executions?.[1]?.executionArn ?? '';
    expect(child).toMatch(/^arn:aws:states:us-east-1:000000000000:execution:small\/Each:[0-9a-f-]{36}$/);
    expect(execution.output).toContainEqual({ took: 10, id: child });
    const described = await clock.run(sfn.client().send(new DescribeExecutionCommand({ executionArn: child })));
    expect(described).toMatchObject({ mapRunArn, input: '{"seconds":10}', status: 'SUCCEEDED' });
    // Jobs, and a transition to start each child; Work, Good and Done are the child's own.
    expect(execution.used.transitions).toBe(3);
  });

  it('counts its items, and runs MaxConcurrency of them at once', async () => {
    const { start, sfn, clock, seconds } = embeddedStates();
    const execution = start(map({ MaxConcurrencyPath: '$.most', ItemsPath: '$.items' }), { most: 2, items: items(5) });
    await clock.run(clock.sleep(15_000));
    const [mapRunArn = ''] = [...sfn.mapRuns.keys()];
    const look = () => clock.run(sfn.client().send(new DescribeMapRunCommand({ mapRunArn })));

    expect(await look()).toMatchObject({
      status: 'RUNNING',
      maxConcurrency: 2,
      itemCounts: { total: 5, pending: 1, running: 2, succeeded: 2, failed: 0 },
    });
    await clock.run(execution.ended);

    expect(seconds()).toBe(30);
    expect(await look()).toMatchObject({
      status: 'SUCCEEDED',
      executionCounts: { total: 5, pending: 0, running: 0, succeeded: 5 },
    });
  });

  it('takes another MaxConcurrency while it runs, by UpdateMapRun', async () => {
    const { start, sfn, clock, seconds } = embeddedStates();
    const execution = start(map({ MaxConcurrency: 1 }), items(5));
    await clock.run(clock.sleep(5_000));
    const [mapRunArn = ''] = [...sfn.mapRuns.keys()];

    await clock.run(sfn.client().send(new UpdateMapRunCommand({ mapRunArn, maxConcurrency: 4 })));
    await clock.run(execution.ended);

    // One from 0 s; three more from 5 s; the last from 10 s.
    expect(seconds()).toBe(20);
  });

  it('ends when a limit is lowered below what has failed', async () => {
    const { start, sfn, clock, seconds } = embeddedStates();
    const execution = start(map({ MaxConcurrency: 1, ToleratedFailureCount: 5 }), items(5, 2));
    await clock.run(clock.sleep(25_000));
    const [mapRunArn = ''] = [...sfn.mapRuns.keys()];

    await clock.run(sfn.client().send(new UpdateMapRunCommand({ mapRunArn, toleratedFailureCount: 1 })));
    await clock.run(execution.ended);

    expect(endOf(execution)).toMatchObject({ error: 'States.ExceedToleratedFailureThreshold' });
    expect(seconds()).toBe(25);
  });

  it.each<[string, Partial<State>, number, string]>([
    ['nothing is tolerated', {}, 1, 'FAILED'],
    ['as many fail as the count', { ToleratedFailureCount: 3 }, 3, 'SUCCEEDED'],
    ['one more fails than the count', { ToleratedFailureCount: 3 }, 4, 'FAILED'],
    ['as many fail as the percentage', { ToleratedFailurePercentage: 5 }, 5, 'SUCCEEDED'],
    ['one more fails than the percentage', { ToleratedFailurePercentage: 5 }, 6, 'FAILED'],
    ['one of two limits is exceeded', { ToleratedFailurePercentage: 50, ToleratedFailureCount: 3 }, 4, 'FAILED'],
  ])('where %s', async (_, tolerated, failing, status) => {
    const { run, sfn } = embeddedStates();

    const execution = await run(map(tolerated), items(100, failing));

    expect(execution.status).toBe(status);
    expect([...sfn.mapRuns.values()].map((each) => each.status)).toEqual([status]);
  });

  it('stops its child executions and starts no more when too many have failed, or it is stopped', async () => {
    const counts = async (stop: boolean) => {
      const { start, sfn, clock } = embeddedStates();
      const list = [{ seconds: 10, ...(!stop && { fails: true }) }, { seconds: 500 }, { seconds: 500 }];
      const execution = start(map({ MaxConcurrency: 2 }), list);
      await clock.run(clock.sleep(5_000));
      if (stop) execution.stop();
      await clock.run(execution.ended);
      await clock.run(clock.sleep(0));
      const [mapRun] = [...sfn.mapRuns.values()];
      return { status: mapRun?.status, ...mapRun?.counts };
    };

    expect(await counts(false)).toMatchObject({ status: 'FAILED', failed: 1, aborted: 1, pending: 1 });
    expect(await counts(true)).toMatchObject({ status: 'ABORTED', failed: 0, aborted: 2, pending: 1 });
  });

  it('can be retried as a whole, in another Map Run', async () => {
    const { run, sfn } = embeddedStates();
    const Retry = [{ ErrorEquals: ['States.ExceedToleratedFailureThreshold'], MaxAttempts: 1 }];

    await run(map({ Retry }), items(1, 1));

    expect(sfn.mapRuns.size).toBe(2);
  });

  it('of 2,000 items whose 60 failures are tolerated gives the outcome of each', async () => {
    const { run, seconds } = embeddedStates();

    const execution = await run(
      map({ MaxConcurrency: 50, ToleratedFailurePercentage: 5, ResultSelector: { 'ends.$': '$[*].Status' } }),
      items(2000, 60),
    );

    expect(execution.output).toEqual({ ends: Array(60).fill('FAILED') });
    expect(seconds()).toBe(400);
  });
});

describe('ResultWriter (DG, ResultWriter)', () => {
  it('writes a file for each status, and a manifest', async () => {
    const { run, objects, sfn } = embeddedStates();

    const execution = await run(
      map({ ResultWriter: WRITER, ToleratedFailureCount: 1, MaxConcurrency: 1 }),
      items(2, 1),
    );

    const [mapRun] = [...sfn.mapRuns.values()];
    const folder = `runs/${mapRun?.arn.split(':').at(-1)}`;
    expect(execution.output).toEqual({
      MapRunArn: mapRun?.arn,
      ResultWriterDetails: { Bucket: 'out', Key: `${folder}/manifest.json` },
    });
    const text = (file: string) => objects.get(`out/${folder}/${file}`) ?? '';
    const file = (name: string) => ({ Key: `${folder}/${name}`, Size: Buffer.byteLength(text(name)) });
    expect(JSON.parse(text('manifest.json'))).toEqual({
      DestinationBucket: 'out',
      MapRunArn: mapRun?.arn,
      ResultFiles: { FAILED: [file('FAILED_0.json')], PENDING: [], SUCCEEDED: [file('SUCCEEDED_0.json')] },
    });
    const [failed, succeeded] = mapRun?.children ?? [];
    expect(JSON.parse(text('FAILED_0.json'))).toEqual([
      {
        Cause: 'exit code 1',
        Error: 'JobFailed',
        ExecutionArn: failed?.arn,
        Input: '{"seconds":10,"fails":true}',
        InputDetails: { Included: true },
        Name: failed?.name,
        RedriveCount: 0,
        RedriveStatus: 'REDRIVABLE',
        StartDate: '2026-03-01T12:00:00.000Z',
        StateMachineArn: 'arn:aws:states:us-east-1:000000000000:stateMachine:small/Each',
        Status: 'FAILED',
        StopDate: '2026-03-01T12:00:10.000Z',
      },
    ]);
    expect(JSON.parse(text('SUCCEEDED_0.json'))).toMatchObject([
      {
        Status: 'SUCCEEDED',
        Output: JSON.stringify({ took: 10, id: succeeded?.arn }),
        OutputDetails: { Included: true },
      },
    ]);
    expect(mapRun?.resultsWritten).toBe(2);
  });

  it('writes what was never started as pending, when too many have failed', async () => {
    const { run, objects } = embeddedStates();

    const execution = await run(map({ ResultWriter: WRITER, MaxConcurrency: 1 }), items(3, 1));

    expect(endOf(execution)).toMatchObject({ error: 'States.ExceedToleratedFailureThreshold' });
    const [, pending = ''] = [...objects].find(([key]) => key.endsWith('PENDING_0.json')) ?? [];
    const record = { Input: '{"seconds":10}', InputDetails: { Included: true }, Status: 'PENDING' };
    expect(JSON.parse(pending)).toEqual([record, record]);
  });

  it('fails with States.ResultWriterFailed when it may not write', async () => {
    const closed = { ...WRITER, Parameters: { Bucket: 'closed' } };

    expect(endOf(await embeddedStates().run(map({ ResultWriter: closed }), items(1)))).toEqual({
      error: 'States.ResultWriterFailed',
      cause: 'AccessDenied: Access Denied',
    });
  });
});
