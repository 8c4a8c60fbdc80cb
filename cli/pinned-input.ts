import { asFile } from '../executions/as-file';
import { pinDates } from '../executions/datastream-command/pin-dates';
import { parseExecution } from '../executions/parse';

/**
 * An execution file with the dates that it has at a time, for a start on another day. A file without dates is returned
 * as it is, and so is one with errors: those are found where it is started.
 */
export function pinnedInput(input: unknown, at: Date): unknown {
  const { execution } = parseExecution(input);
  if (!execution) return input;
  const pinned = asFile(pinDates(execution, at));
  return JSON.stringify(pinned) === JSON.stringify(asFile(execution)) ? input : pinned;
}
