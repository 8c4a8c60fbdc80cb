import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process, so that another one can tell whether it still runs. */
export interface ProcessId {
  readonly pid: number;
  /** A hash of the host and the PID namespace: other hosts and containers have the same process IDs. */
  readonly place: string;
  /** When it began, in the kernel's ticks, since a process ID is used again; absent where the system does not tell. */
  readonly began?: string;
}

/** This process. */
export function thisProcess(): ProcessId {
  const began = beganAt(process.pid);
  return { pid: process.pid, place: place(), ...(began !== undefined && { began }) };
}

/** Whether the process still runs; undefined for one of another host or container, which cannot be known here. */
export function stillRuns({ pid, place: where, began }: ProcessId): boolean | undefined {
  if (where !== place()) return undefined;
  return isAlive(pid) && (began === undefined || beganAt(pid) === began);
}

/** Whether a process of this host and PID namespace has the ID. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process is another user's.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** A hash of host and PID namespace: other hosts and containers may share a folder and have the same process IDs. */
export function place(): string {
  let namespace = '';
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Only Linux has this file.
  }
  return createHash('sha256').update(`${hostname()} ${namespace}`).digest('hex').slice(0, 8);
}

/** proc(5), /proc/pid/stat: field 22 is the start time. The second field may hold spaces and brackets. */
function beganAt(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return fields.slice(fields.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    // Only Linux has this file; or the process has ended.
    return undefined;
  }
}
