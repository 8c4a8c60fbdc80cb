import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { ReportRow } from './output/report/figures';

/** How many objects are read at once. */
const READ_AT_ONCE = 16;

/** Reads an object as text. @throws an error where it is not there, or may not be read */
export type ReadObject = (bucket: string, key: string) => Promise<string>;

/** Objects of S3. */
export const fromS3 =
  (s3: Pick<S3Client, 'send'>): ReadObject =>
  async (Bucket, Key) =>
    (await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString()) ?? '';

/** Objects of the embedded cloud. @param folder such as `.datastream` */
export const fromFolder =
  (folder: string): ReadObject =>
  (bucket, key) =>
    readFile(join(folder, 'buckets', bucket, key), 'utf8');

/**
 * Adds to each job that has succeeded how long its steps took. ngen-datastream writes that beside its results, in
 * `datastream-metadata/profile.txt`. Jobs without such a file have no steps. Each job that is not known costs a GetObject.
 */
export async function withSteps(rows: readonly ReportRow[], read: ReadObject): Promise<ReportRow[]> {
  const found = new Map<string, ReportRow['steps']>();
  const left = rows.filter(({ object, steps }) => object !== null && steps === undefined).values();
  const ask = async () => {
    for (const { name, object } of left) found.set(name, await stepsOf(object ?? '', read));
  };
  await Promise.all(Array.from({ length: READ_AT_ONCE }, ask));
  return rows.map((row) => (found.has(row.name) ? { ...row, steps: found.get(row.name) ?? null } : row));
}

async function stepsOf(object: string, read: ReadObject): Promise<ReportRow['steps']> {
  const [, bucket = '', folder = ''] = /^s3:\/\/([^/]+)\/(.*\/)?[^/]*$/.exec(object) ?? [];
  try {
    return stepsIn(await read(bucket, `${folder}datastream-metadata/profile.txt`));
  } catch {
    // A job of another kind has no such file, and S3 answers 403 for that without ListBucket.
    return null;
  }
}

/**
 * The steps of a profile.txt, in seconds: it has lines such as `NGEN_START: 20260818061530` and `NGEN_END: 20260818062210`
 * (ngen-datastream, vpu_comparison_graphs.py). The whole, `DATASTREAM`, is no step.
 *
 * @returns null where there is none
 */
export function stepsIn(profile: string): Record<string, number> | null {
  const times = new Map(
    Array.from(profile.matchAll(/^(\w+_(?:START|END)): (\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\s*$/gm), (match) => {
      const [year = 0, month = 0, ...rest] = match.slice(2).map(Number);
      return [match[1] ?? '', Date.UTC(year, month - 1, ...rest)] as const;
    }),
  );
  const steps = [...times].flatMap(([name, from]) => {
    const step = name.replace(/_START$/, '');
    const to = times.get(`${step}_END`);
    if (step === name || step === 'DATASTREAM' || to === undefined || to < from) return [];
    return [[step, (to - from) / 1000] as const];
  });
  return steps.length > 0 ? Object.fromEntries(steps) : null;
}
