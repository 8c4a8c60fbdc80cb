import { shellQuote, singleQuote } from './quoting';

/** The checked `datastream_command_options`, with values as the datastream script takes them. */
export interface DatastreamOptions {
  /** `YYYYMMDDHHMM` in UTC, or `DAILY`. */
  readonly start_time: string;
  /** `YYYYMMDDHHMM` in UTC; may be absent if the start is `DAILY`. */
  readonly end_time?: string;
  readonly forcing_source: string;
  /** How many processes the job may use. */
  readonly nprocs: string;
  readonly subset_id?: string;
  readonly subset_id_type?: string;
  readonly hydrofabric_version?: string;
  readonly realization?: string;
  readonly geopackage?: string;
  readonly ngen_forcings?: string;
  readonly s3_bucket?: string;
  readonly s3_prefix?: string;
}

/** The folder of the datastream repository on upstream's AMI. The command runs there. */
export const DATASTREAM_FOLDER = '/home/ec2-user/datastream';

/**
 * The command that upstream's Commander builds from the options, with every value quoted for both shells that read it:
 * root's, which runs `runuser`, and ec2-user's, which runs the script. Nothing in a value can run.
 */
export function datastreamCommand(options: DatastreamOptions): string {
  const flag = (name: string, value: string | undefined) => (value === undefined ? [] : [name, shellQuote(value)]);
  const words = [
    './scripts/datastream',
    ...flag('-s', options.start_time),
    ...flag('-e', options.end_time),
    ...flag('-C', options.forcing_source),
    ...flag('-I', options.subset_id),
    ...flag('-i', options.subset_id_type),
    ...flag('-v', options.hydrofabric_version),
    '-d $(pwd)/data/datastream',
    ...flag('-R', options.realization),
    ...flag('-g', options.geopackage),
    ...flag('-F', options.ngen_forcings),
    ...flag('-n', options.nprocs),
    ...flag('-S', options.s3_bucket),
    ...flag('-o', options.s3_prefix),
  ];
  return `runuser -l ec2-user -c ${singleQuote(`cd ${DATASTREAM_FOLDER} && ${words.join(' ')}`)}`;
}
