import { costOf } from '../local/cost';
import { measure, upstreamDollars } from './orchestration';

const LENGTHS = [
  ['8 minutes', 480],
  ['1 hour', 3600],
  ['2 hours', 7200],
  ['12 hours', 43_200],
] as const;

/** Prints what the orchestration of one healthy job costs: `npm run bench`. */
async function main(): Promise<void> {
  console.log('Orchestration of one healthy job, list prices of us-east-1, without the instance:\n');
  console.log('| job | state transitions | Lambda requests | GB-s | cost | upstream | job end to TerminateInstances |');
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const [name, seconds] of LENGTHS) {
    const { end, secondsFromJobEndToTerminate } = await measure(seconds);
    const { transitions, requests, gbSeconds, dollars } = end.cost;
    console.log(
      `| ${name} | ${transitions} | ${requests} | ${gbSeconds.toFixed(1)} | $${dollars.toFixed(5)} | $${upstreamDollars(seconds).toFixed(5)} | ${secondsFromJobEndToTerminate.toFixed(1)} s |`,
    );
  }
  const calls = (31 * 24 * 60) / 10;
  const month = costOf(
    0,
    Array.from({ length: calls }, () => ({ function: 'reaper', milliseconds: 200 })),
  );
  console.log(`\nThe reaper's look every ten minutes, 31 days: ${calls} calls, $${month.dollars.toFixed(3)}.`);
  const relay = costOf(0, [{ function: 'relay', milliseconds: 100 }]);
  console.log(`A call of the relay for an instance that is not a job's: $${relay.dollars.toFixed(6)}.`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
