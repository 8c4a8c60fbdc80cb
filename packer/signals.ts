/** Ctrl-C, `kill`, and a terminal that is closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs what must come to its own end, lest something stays in AWS. A signal does not end the process but calls
 * `onSignal`, once.
 */
export async function uninterrupted<Result>(action: () => Promise<Result>, onSignal: () => void): Promise<Result> {
  let told = false;
  const handler = () => {
    if (told) return;
    told = true;
    onSignal();
  };
  for (const signal of SIGNALS) process.on(signal, handler);
  try {
    return await action();
  } finally {
    for (const signal of SIGNALS) process.off(signal, handler);
  }
}
