import { DescribeImagesCommand, type Image } from '@aws-sdk/client-ec2';
import { HeadBucketCommand } from '@aws-sdk/client-s3';
import { GetAWSDefaultServiceQuotaCommand, GetServiceQuotaCommand } from '@aws-sdk/client-service-quotas';
import { GetParametersCommand } from '@aws-sdk/client-ssm';
import { s3Parts } from '../../executions/input-uris';
import { architectureOfType } from '../../executions/instance-types';
import type { Line, Matrix } from '../../executions/matrix/expand';
import { type Need, needsOf } from '../../executions/matrix/peak';
import { cronOf } from '../../executions/matrix/schedule';
import { parseExecution } from '../../executions/parse';
import { RESOLVE_SSM } from '../../executions/run-instances';
import { awsSentence } from '../../packer/aws-errors';
import type { Finding } from '../output/findings';
import { count } from '../output/summary';
import type { DoctorClients } from './doctor';
import type { LineSchedule } from './schedules';

const DEPLOY = 'npx cdktf deploy --var-file=variables.tfvars';

const nameOf = ({ stream, line }: Pick<Line, 'stream' | 'line'>) => `${stream}/${line}`;

/** Whether each line of the matrix has its schedule, enabled and with the matrix's times; and no other line has one. */
export function checkSchedules(matrix: Matrix, schedules: readonly LineSchedule[], again: string): Finding[] {
  const findings: Finding[] = [];
  const add = (severity: Finding['severity'], text: string, mend: string) =>
    findings.push({ check: 'schedules', severity, text, mend });
  for (const line of matrix.lines) {
    const found = schedules.find((each) => nameOf(each) === nameOf(line));
    if (!found) add('fail', `${nameOf(line)} has no schedule.`, DEPLOY);
    else if (found.cron !== cronOf(line)) {
      add('fail', `${nameOf(line)} is scheduled at ${found.cron}, in the matrix at ${cronOf(line)}.`, DEPLOY);
    } else if (found.state === 'DISABLED') {
      const mend = `datastream schedule resume --stream ${line.stream} --line ${line.line} --catch-up${again}`;
      add('warn', `${nameOf(line)} is paused.`, mend);
    }
  }
  for (const each of schedules) {
    if (matrix.lines.some((line) => nameOf(line) === nameOf(each))) continue;
    add('fail', `${nameOf(each)} has a schedule, and is not in the matrix.`, DEPLOY);
  }
  if (findings.length > 0) return findings;
  return [
    {
      check: 'schedules',
      severity: 'ok',
      text: `${count(schedules.length, 'schedule')} enabled, as the matrix has them`,
    },
  ];
}

/** Whether EC2's quotas are as large as what the matrix starts at once. */
export async function checkQuotas(
  { quotas }: Pick<DoctorClients, 'quotas'>,
  matrix: Matrix,
  region: string,
): Promise<Finding[]> {
  const { needs, unknown } = needsOf(matrix);
  const findings: Finding[] = unknown.map((type) => ({
    check: 'quotas',
    severity: 'unknown',
    text: `The quota and the vCPUs of ${type} are not known here.`,
  }));
  for (const need of needs) findings.push(quotaFinding(need, await quotaValue(quotas, need.code), region));
  return findings;
}

async function quotaValue(quotas: DoctorClients['quotas'], QuotaCode: string): Promise<number | undefined> {
  const asked = { ServiceCode: 'ec2', QuotaCode };
  try {
    return (await quotas.send(new GetServiceQuotaCommand(asked))).Quota?.Value;
  } catch (error) {
    // An account that has never had another value may have none of its own.
    if ((error as Error).name !== 'NoSuchResourceException') throw error;
    return (await quotas.send(new GetAWSDefaultServiceQuotaCommand(asked))).Quota?.Value;
  }
}

function quotaFinding(need: Need, value: number | undefined, region: string): Finding {
  const { code, market, families, starting, minute, ceiling } = need;
  const number = (vcpus: number) => vcpus.toLocaleString('en-US');
  const what = `${market} vCPUs, ${families} (${code})`;
  const check = 'quotas';
  if (value === undefined) return { check, severity: 'unknown', text: `${what}: Service Quotas tells no value.` };
  const mend = `aws service-quotas request-service-quota-increase --region ${region} --service-code ec2 --quota-code ${code} --desired-value ${ceiling}`;
  if (value < starting) {
    const text = `${what}: the quota is ${number(value)}, and jobs of ${number(starting)} start at ${minute} UTC.`;
    return { check, severity: 'fail', text, mend };
  }
  if (value < ceiling) {
    const text = `${what}: the quota is ${number(value)}, enough for the ${number(starting)} that start at ${minute} UTC, but not for the ${number(ceiling)} that run at once if each job lasts its timeout_s.`;
    return { check, severity: 'warn', text, mend };
  }
  const peak = `${number(starting)} start at ${minute} UTC, at most ${number(ceiling)} run at once`;
  return { check, severity: 'ok', text: `${what}: ${number(value)}; ${peak}` };
}

/** What the jobs of a line need of AWS. */
interface LineNeeds {
  readonly line: string;
  readonly images: ReadonlyMap<string, ReadonlySet<string>>;
  /** Buckets that jobs write to, and those that they read. */
  readonly written: ReadonlySet<string>;
  readonly read: ReadonlySet<string>;
}

function needsOfLine(line: Line): LineNeeds {
  const images = new Map<string, Set<string>>();
  const written = new Set<string>();
  const read = new Set<string>();
  for (const { input } of line.jobs) {
    const { execution } = parseExecution(input);
    if (!execution) continue;
    const { ImageId, InstanceType } = execution.instance_parameters;
    const types = [InstanceType, ...(execution.ii_instance_types ?? [])].filter((type) => type !== undefined);
    if (ImageId !== undefined) images.set(ImageId, new Set([...(images.get(ImageId) ?? []), ...types]));
    for (const place of [execution.check_object, execution.output]) if (place) written.add(place.bucket);
    for (const uri of execution.ii_wait_inputs?.uris ?? []) {
      const bucket = s3Parts(uri)?.bucket;
      if (bucket) read.add(bucket);
    }
  }
  return { line: nameOf(line), images, written, read };
}

/** Whether the images of the matrix can be launched, on the types that its jobs name. */
export async function checkImages(
  clients: Pick<DoctorClients, 'ec2' | 'ssm'>,
  matrix: Matrix,
  region: string,
): Promise<Finding[]> {
  const needs = matrix.lines.map(needsOfLine);
  const named = [...new Set(needs.flatMap(({ images }) => [...images.keys()]))];
  const ids = await resolved(clients, named);
  const found = await imagesOf(clients, [...new Set([...ids.values()].flatMap((id) => id ?? []))]);
  const findings: Finding[] = [];
  for (const name of named) {
    const its = needs.filter(({ images }) => images.has(name));
    const types = new Set(its.flatMap(({ images }) => [...(images.get(name) ?? [])]));
    const id = ids.get(name);
    const wrong = id === undefined ? `is no parameter of SSM in ${region}` : wrongImage(found.get(id), types, region);
    if (wrong === undefined) continue;
    const [first, ...others] = its.map(({ line }) => line);
    const who = `${first}${others.length > 0 ? ` and ${count(others.length, 'other line')}` : ''}`;
    const text = `${who}: ${name} ${wrong}: write another image in the matrix, or build one.`;
    findings.push({ check: 'images', severity: 'fail', text, mend: 'datastream ami list' });
  }
  if (findings.length > 0) return findings;
  return [
    {
      check: 'images',
      severity: 'ok',
      text: `${count(named.length, 'image')} available, of the instance types' architectures`,
    },
  ];
}

/** Most names of a GetParameters call (SSM API). */
const PARAMETERS = 10;

/** Each image's ID; undefined for a parameter that SSM does not have. */
async function resolved(
  { ssm }: Pick<DoctorClients, 'ssm'>,
  names: readonly string[],
): Promise<Map<string, string | undefined>> {
  const ids = new Map<string, string | undefined>(names.map((name) => [name, name]));
  const parameters = names.filter((name) => name.startsWith(RESOLVE_SSM));
  for (let first = 0; first < parameters.length; first += PARAMETERS) {
    const some = parameters.slice(first, first + PARAMETERS);
    const Names = some.map((name) => name.slice(RESOLVE_SSM.length));
    const { Parameters = [] } = await ssm.send(new GetParametersCommand({ Names }));
    for (const [index, name] of some.entries()) {
      // A parameter may be asked for with a version or label, which the answer has beside the name.
      const found = Parameters.find(({ Name, Selector = '' }) => `${Name}${Selector}` === Names[index]);
      ids.set(name, found?.Value);
    }
  }
  return ids;
}

async function imagesOf({ ec2 }: Pick<DoctorClients, 'ec2'>, ids: readonly string[]): Promise<Map<string, Image>> {
  if (ids.length === 0) return new Map();
  // A filter, since an ID that does not exist would be an error for all.
  const Filters = [{ Name: 'image-id', Values: [...ids] }];
  const { Images = [] } = await ec2.send(new DescribeImagesCommand({ Filters, IncludeDisabled: true }));
  return new Map(Images.map((image) => [image.ImageId ?? '', image]));
}

function wrongImage(image: Image | undefined, types: ReadonlySet<string>, region: string): string | undefined {
  if (!image) return `does not exist in ${region}, is deregistered, or is not shared with this account`;
  if (image.State !== 'available') return `is ${image.State}`;
  const other = [...types].find((type) => {
    const architecture = architectureOfType(type);
    return architecture !== undefined && architecture !== image.Architecture;
  });
  return other === undefined ? undefined : `is ${image.Architecture}, and ${other} is ${architectureOfType(other)}`;
}

/** Whether the buckets of the matrix exist and are in the region. */
export async function checkBuckets(
  { s3 }: Pick<DoctorClients, 's3'>,
  matrix: Matrix,
  region: string,
): Promise<Finding[]> {
  const needs = matrix.lines.map(needsOfLine);
  const written = new Set(needs.flatMap((each) => [...each.written]));
  const buckets = [...new Set([...written, ...needs.flatMap((each) => [...each.read])])];
  const findings: Finding[] = [];
  for (const Bucket of buckets) {
    const add = (severity: Finding['severity'], text: string, mend?: string) =>
      findings.push({ check: 'buckets', severity, text: `${Bucket} ${text}`, ...(mend && { mend }) });
    try {
      const { BucketRegion } = await s3.send(new HeadBucketCommand({ Bucket }));
      // What others publish is where they have it.
      if (BucketRegion !== undefined && BucketRegion !== region && written.has(Bucket)) {
        add('warn', `is in ${BucketRegion}, the jobs run in ${region}: each transfer between them costs money.`);
      }
    } catch (error) {
      const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
      if (status === 404) add('fail', 'does not exist.', `aws s3 mb s3://${Bucket} --region ${region}`);
      else if (status === 403) {
        add('unknown', 'is there, and these credentials may not see it; whether the jobs may is not known.');
      } else add('unknown', `cannot be asked for: ${awsSentence(error, region)}`);
    }
  }
  if (findings.length > 0) return findings;
  if (buckets.length === 0) return [{ check: 'buckets', severity: 'ok', text: 'The jobs name none.' }];
  return [{ check: 'buckets', severity: 'ok', text: `${count(buckets.length, 'bucket')} reachable` }];
}
