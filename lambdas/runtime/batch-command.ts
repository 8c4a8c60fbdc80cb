/**
 * The parameters that a command of AWS Batch names: `year` of `Ref::year`. Batch replaces a whole word only (User Guide,
 * job definition parameters).
 */
export function refsOf(command: readonly string[]): string[] {
  return command.flatMap((word) => /^Ref::([A-Za-z0-9_.-]+)$/.exec(word)?.[1] ?? []);
}
