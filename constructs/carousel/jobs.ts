import type { KnownJob, KnownJobs } from '../../lambdas/carousel/known-job';

/** A job definition of the Carousel. */
export interface CarouselJob {
  /** The container image. */
  readonly image: string;
  /**
   * Its command. A turn gives values to `Ref::s3_input_file` or `Ref::manifest`, and to `Ref::output`; it also sets
   * CAROUSEL_INPUT and CAROUSEL_OUTPUT in the container's environment.
   */
  readonly command: readonly string[];
  /** Default values of the command's parameters. Default: none. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Default: 1. */
  readonly vcpus?: number;
  /** Default: 4096. */
  readonly memoryMiB?: number;
  /** Default: 3600. */
  readonly timeoutSeconds?: number;
  /** Default: 3. */
  readonly attempts?: number;
}

/** The document's sample: a file that may be read without a restore. */
export const SAMPLE = 's3://terrafusiondatasampler/P22/TERRA_BF_L1B_O85079_20151216160910_F000_V001.h5';

/**
 * The document's one job. Its defaults are those of the sample's month: the source's 2002 12 is not. The image is the
 * source's and is not this project's; it is x86_64.
 */
export const DEFAULT_JOBS: Readonly<Record<string, CarouselJob>> = {
  ComputeRadience: {
    image: 'bengal1/climatemarble:latest',
    command: ['python', 'work_flow.py', 'Ref::year', 'Ref::month', 'Ref::s3_input_file'],
    parameters: { year: '2015', month: '12', s3_input_file: SAMPLE },
    vcpus: 1,
    memoryMiB: 4096,
    timeoutSeconds: 3600,
  },
};

/** A job with its defaults, as the functions know it. */
export function knownJob(job: CarouselJob): KnownJob & { readonly memoryMiB: number } {
  const { command, parameters = {}, vcpus = 1, memoryMiB = 4096, timeoutSeconds = 3600, attempts = 3 } = job;
  return { command, parameters, vcpus, memoryMiB, timeoutSeconds, attempts };
}

export function knownJobs(jobs: Readonly<Record<string, CarouselJob>>): KnownJobs {
  return Object.fromEntries(
    Object.entries(jobs).map(([name, job]) => {
      const { memoryMiB: _, ...known } = knownJob(job);
      return [name, known];
    }),
  );
}
