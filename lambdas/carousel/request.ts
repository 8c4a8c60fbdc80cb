import * as z from 'zod';
import { nearest } from '../../files/nearest';
import { sentencesOf } from '../../files/wanted';
import { refsOf } from '../runtime/batch-command';
import type { KnownJobs } from './known-job';
import { type Conditions, parseQuery } from './query';

/** Parameters that a turn gives to each job, where the definition's command names them. */
const GIVEN = { file: ['s3_input_file', 'output'], all: ['manifest', 'output'] } as const;

/** S3 allows 1,024 bytes. */
const Key = z.string().min(1).max(1024);

/** What runs on the files. */
export const Job = z.strictObject({
  definition: z.string().min(1),
  parameters: z.record(z.string(), z.string()).default({}),
  /** `file`: a job for each file. `all`: one job for all files, which reads their list. */
  run: z.enum(['file', 'all']).default('file'),
});
export type Job = z.output<typeof Job>;

const Body = z.strictObject({
  username: z.string().min(1),
  job_description: z.string().default(''),
  query: z.string().optional(),
  files: z.array(Key).min(1).max(100_000).optional(),
  job: Job,
});

/** What a researcher asks for. */
export interface Request {
  readonly username: string;
  readonly job_description: string;
  /** As it was written; absent where files were named. */
  readonly query?: string;
  /** What the query demands; absent where files were named. */
  readonly conditions?: Conditions;
  /** Keys of the archive; absent with a query. */
  readonly files?: readonly string[];
  readonly job: Job;
}

/**
 * Reads a request.
 *
 * @returns it, or every problem in a sentence of its own
 */
export function parseRequest(
  value: unknown,
  jobs: KnownJobs,
): { readonly request: Request } | { readonly problems: string[] } {
  const parsed = Body.safeParse(value);
  if (!parsed.success) return { problems: sentencesOf(parsed.error, value) };
  const { query, files, ...rest } = parsed.data;
  const problems = problemsOfJob(rest.job, jobs);
  if ((query === undefined) === (files === undefined)) {
    problems.push('The request has both query and files, or neither: write one of them.');
  }
  const read = query === undefined ? undefined : parseQuery(query);
  if (read && 'problems' in read) problems.push(...read.problems);
  if (problems.length > 0) return { problems };
  const conditions = read && 'conditions' in read ? read.conditions : undefined;
  return {
    request: {
      ...rest,
      ...(query !== undefined && { query }),
      ...(conditions && { conditions }),
      ...(files && { files: [...new Set(files)].sort() }),
    },
  };
}

/** Everything that is wrong with a job, as far as the deployment's definitions tell. */
export function problemsOfJob({ definition, parameters, run }: Job, jobs: KnownJobs): string[] {
  const known = Object.hasOwn(jobs, definition) ? jobs[definition] : undefined;
  if (!known) {
    const near = nearest(definition, Object.keys(jobs));
    return [
      `job.definition is ${JSON.stringify(definition)}, which the deployment does not have: write ${near ?? (Object.keys(jobs).join(' or ') || 'one of its jobs')}.`,
    ];
  }
  const refs = [...new Set(refsOf(known.command))];
  const problems: string[] = [];
  for (const name of Object.keys(parameters)) {
    if (refs.includes(name)) continue;
    const near = nearest(name, refs);
    problems.push(
      `job.parameters has ${name}, which the command of ${definition} does not name: write ${near ?? (refs.join(', ') || 'no parameters')}.`,
    );
  }
  const given: readonly string[] = GIVEN[run];
  for (const ref of refs) {
    if (ref in parameters || given.includes(ref)) continue;
    if (ref in known.parameters && ref !== 's3_input_file' && ref !== 'manifest') continue;
    problems.push(
      ref === 's3_input_file'
        ? `${definition} reads one file (Ref::s3_input_file), but job.run is "all": write "file".`
        : ref === 'manifest'
          ? `${definition} reads a list of files (Ref::manifest), but job.run is "file": write "all".`
          : `Ref::${ref} of ${definition} has no value: write job.parameters.${ref}.`,
    );
  }
  return problems;
}
