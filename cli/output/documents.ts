import * as z from 'zod';
import { STATUSES } from '../statuses';

/**
 * What `--json` prints, by command. A later version may have more keys; it has these. What is not known is null.
 * `docs/output.schema.json` is made of it.
 */

const nullable = <T extends z.ZodType>(type: T) => type.nullable();
const text = z.string();
const count = z.number().int().nonnegative();
const seconds = z.number().nonnegative();
const dollars = nullable(z.number().nonnegative());
const time = z.iso.datetime();
const cycle = z.string().regex(/^\d{8}T\d{2}$/);

const execution = z.looseObject({
  name: text,
  status: z.enum(STATUSES),
  error: nullable(text),
  cause: nullable(text),
  attempts: nullable(count),
  type: nullable(text),
  market: nullable(z.enum(['spot', 'on-demand'])),
  started_at: time,
  ended_at: nullable(time),
  seconds: nullable(seconds),
  dollars,
  dollars_unknown: text.optional(),
  object: nullable(text),
});

const change = execution.extend({ state: nullable(text) });

const cycleOfLine = z.looseObject({
  stream: text,
  line: text,
  cycle,
  scheduled_at: time,
  jobs: count,
  ok: count,
  failed: count,
  running: count,
  starting: count,
  missing: count,
});

/** Each document, by its command. */
export const DOCUMENTS = {
  list: z.looseObject({ executions: z.array(execution) }),
  'list --stream': z.looseObject({
    lines: z.array(cycleOfLine.extend({ p50_seconds: nullable(seconds), dollars, dollars_unknown: count })),
  }),
  'list --missing': z.looseObject({
    missing: z.array(z.looseObject({ name: text, stream: text, line: text, cycle, scheduled_at: time })),
  }),
  status: change.extend({
    attempts_allowed: nullable(count),
    instances: z.array(z.looseObject({ instance_id: text, attempt: nullable(count), state: text })),
    earlier_attempts: z.array(
      z.looseObject({ attempt: count, error: text, cause: text, launches: z.array(z.looseObject({})) }),
    ),
  }),
  watch: change,
  'watch STREAM/LINE': cycleOfLine,
  logs: z.looseObject({
    name: text,
    attempt: count,
    instance: nullable(text),
    exit_code: nullable(z.number().int()),
    stdout: text,
    stderr: text,
    log: nullable(text),
    partial: nullable(text),
  }),
  schedule: z.looseObject({
    schedules: z.array(
      z.looseObject({
        stream: text,
        line: text,
        state: z.enum(['ENABLED', 'DISABLED']),
        cron: text,
        not_before: nullable(text),
      }),
    ),
  }),
  'carousel cost': z.looseObject({
    tier: z.enum(['Expedited', 'Standard', 'Bulk']),
    days: count,
    files: count,
    to_restore: count,
    gb: z.number().nonnegative(),
    jobs: count,
    dollars: z.looseObject({
      restores: z.number().nonnegative(),
      jobs: z.number().nonnegative(),
      orchestration: z.number().nonnegative(),
      total: z.number().nonnegative(),
    }),
    not_counted_at_worst: z.looseObject({
      retries: z.number().nonnegative(),
      extensions: z.number().nonnegative(),
    }),
    prices_of: text,
    instance_prices_of: text,
  }),
  'pipelines status': z.looseObject({
    configs: z.array(
      z.looseObject({
        pipeline: text,
        config: text,
        function: text,
        trigger: text,
        runs: z.array(
          z.looseObject({
            status: z.enum(['running', 'succeeded', 'failed', 'killed', 'interrupted']),
            started_at: time,
            seconds: nullable(seconds),
            inputs: count,
            first_input: nullable(text),
            commit: text,
            error: nullable(text),
          }),
        ),
        failed_events: z.array(z.looseObject({ key: text, time: text, error: text })),
      }),
    ),
    builds: z.array(
      z.looseObject({ pipeline: text, built_at: nullable(time), commit: nullable(text), digest: nullable(text) }),
    ),
    last_build: nullable(z.looseObject({ status: text, started_at: time })),
    leftovers: nullable(z.array(text)),
    links: z.record(text, text),
  }),
  doctor: z.looseObject({
    findings: z.array(
      z.looseObject({
        check: text,
        severity: z.enum(['ok', 'warn', 'fail', 'unknown']),
        text,
        mend: nullable(text),
      }),
    ),
  }),
  'bison start': z.looseObject({ name: text, execution: text, snapshot: text }),
  'bison status': z.looseObject({
    name: text,
    status: z.enum([...STATUSES, 'PENDING_REDRIVE']),
    state: nullable(text),
    snapshot: nullable(text),
    error: nullable(text),
    cause: nullable(text),
    advice: nullable(text),
    counts: nullable(z.record(text, count)),
    children: nullable(z.record(text, count)),
    failed_jobs: z.array(
      z.looseObject({
        job: text,
        index: nullable(count),
        reason: nullable(text),
        exit_code: nullable(z.number().int()),
        log_stream: nullable(text),
      }),
    ),
    started_at: nullable(time),
    ended_at: nullable(time),
  }),
  'bison cost': z.looseObject({
    source_bytes: z.number().nonnegative(),
    scan_limit_bytes: count,
    dollars: z.record(text, z.number().nonnegative()),
    assumptions: z.array(text),
    prices_of: text,
  }),
  'bison preview': z.looseObject({
    table: text,
    columns: z.array(nullable(text)),
    rows: z.array(z.array(nullable(text))),
    bytes: count,
  }),
  'batch submit': z.looseObject({
    job_id: text,
    name: text,
    definition: text,
    queue: text,
    priority: count,
    children: nullable(count),
  }),
} as const;

/** The JSON Schema (draft-07) of every document: `definitions` has one for each command. */
export function outputSchema(): object {
  const definitions = Object.entries(DOCUMENTS).map(([command, document]) => {
    const { $schema, ...schema } = z.toJSONSchema(document, {
      target: 'draft-07',
      override: ({ jsonSchema }) => {
        // zod limits integers to JavaScript's safe integers. These limits do not help a user.
        if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      },
    });
    return [command, schema];
  });
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'What datastream --json prints',
    description: 'By command. watch prints one document on a line for each change.',
    definitions: Object.fromEntries(definitions),
  };
}
