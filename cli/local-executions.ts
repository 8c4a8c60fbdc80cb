import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ExecutionRecord, Records, type Stream } from '../local/records';
import { type Execution, type Executions, factsIn, type Listed, type ListFilter } from './executions';

/** How often the end of a stopped execution is looked for, in milliseconds, and for how long. */
const LOOK_MS = 100;
const LONGEST_STOP_MS = 15_000;

/** The executions of the embedded cloud, as their records say. @param folder such as `.datastream` */
export function localExecutions(folder: string): Executions {
  const records = new Records(resolve(folder));
  const read = (name: string, attempt: number, stream: Stream) => {
    const file = records.outputFile(name, attempt, stream);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  };
  return {
    // The embedded cloud's default; its prices are the known ones.
    region: 'us-east-1',
    list: async ({ status, since, limit }: ListFilter) =>
      records
        .list()
        .map(listed)
        .filter((each) => (status ?? each.status) === each.status && (!since || each.startedAt >= since))
        .slice(0, limit),
    find: async (name) => {
      const record = records.read(name);
      return record && executionIn(record);
    },
    instances: async ({ name }) => records.read(name)?.instances ?? [],
    output: async ({ name }, attempt) => {
      const [stdout, stderr] = [read(name, attempt, 'stdout'), read(name, attempt, 'stderr')];
      if (stdout === undefined && stderr === undefined) return undefined;
      const exitCode = records.exitCode(name, attempt);
      return { stdout: stdout ?? '', stderr: stderr ?? '', ...(exitCode !== undefined && { exitCode }) };
    },
    follow: async ({ name }, attempt, stream) => {
      let printed = 0;
      return {
        every: LOOK_MS / 1000,
        read: async () => {
          const text = read(name, attempt, stream) ?? '';
          const gained = text.slice(printed);
          printed = text.length;
          return gained;
        },
      };
    },
    stop: async ({ name }) => {
      records.askToStop(name);
      const until = Date.now() + LONGEST_STOP_MS;
      while (records.read(name)?.status === 'RUNNING') {
        if (Date.now() > until) throw new Error(`${name}: its process does not answer: end it there with Ctrl-C.`);
        await new Promise((done) => setTimeout(done, LOOK_MS));
      }
    },
  };
}

function listed({ name, status, started_at, ended_at }: ExecutionRecord): Listed {
  return { name, status, startedAt: new Date(started_at), ...(ended_at && { endedAt: new Date(ended_at) }) };
}

function executionIn(record: ExecutionRecord): Execution {
  const { input, error, cause, state, state_input, output } = record;
  return {
    ...listed(record),
    input,
    ...(error !== undefined && { error }),
    ...(cause !== undefined && { cause }),
    ...(state !== undefined && { state }),
    facts: factsIn(output ?? state_input),
  };
}
