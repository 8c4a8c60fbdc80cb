import { formatPath, type Path, type Problems } from '../../files/problems';

/** Problems of a matrix, each once: what is wrong with one line is wrong with hundreds of jobs. */
export interface Findings {
  /** An error; the same one at the same place is reported once. */
  error(path: Path, message: string, found?: unknown): void;
  /** The same of a warning. */
  warning(path: Path, message: string, found?: unknown): void;
  /** A problem of a job. Jobs with the same `kind` of problem at the same place are reported once, by the first one. */
  ofJob(severity: 'error' | 'warning', path: Path, kind: string, job: string, message: OfJobs, found?: unknown): void;
  /** Passes on the jobs' problems. */
  end(): void;
}

/** Makes the message from what to call the jobs: "Job a", or "Job a and 3 others". */
export type OfJobs = (jobs: string) => string;

/** Collects findings on their way to the problems. */
export function collectFindings(problems: Problems): Findings {
  const told = new Set<string>();
  const ofJobs = new Map<string, { count: number; tell: (count: number) => void }>();
  const once = (severity: 'error' | 'warning') => (path: Path, message: string, found?: unknown) => {
    const key = `${severity} ${formatPath(path)} ${message}`;
    if (told.has(key)) return;
    told.add(key);
    problems[severity](path, message, found);
  };
  return {
    error: once('error'),
    warning: once('warning'),
    ofJob(severity, path, kind, job, message, found) {
      const key = `${severity} ${formatPath(path)} ${kind}`;
      const known = ofJobs.get(key);
      if (known) known.count += 1;
      else {
        const tell = (count: number) => problems[severity](path, message(called(job, count)), found);
        ofJobs.set(key, { count: 1, tell });
      }
    },
    end() {
      for (const { count, tell } of ofJobs.values()) tell(count);
      ofJobs.clear();
    },
  };
}

function called(job: string, count: number): string {
  if (count === 1) return `Job ${job}`;
  return `Job ${job} and ${count - 1} ${count === 2 ? 'other' : 'others'}`;
}
