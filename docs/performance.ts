import { type Report, table } from '../bench/report';

/** `docs/performance.md`, generated from the stored report: `docs/performance.json`. */
export function performancePage(report: Report): string {
  return `# The figures

The last result of \`npm run bench -- --write\`, on ${report.machine}. \`npm run bench\` measures again and lists every figure that is worse by more than a tenth. This page is generated from \`performance.json\`. A test fails if the page is out of date, or if a counted figure is worse by more than a tenth.

Only load times, memory, synthesis and plan depend on the computer. A computer's speed varies, so times are compared as multiples of the yardstick: a fixed program of 4,000 functions that is loaded between the measurements (\`bench/yardstick.ts\`). All other figures are counted, or measured in virtual time on the embedded cloud, with the definition and the handlers that are deployed.

- **Boot:** 15 s from RunInstances to running, and 20 s more until SSM reports Online.
- **Cost of a job:** includes the relay's calls for the end of the job's instance. It excludes the reaper's scheduled calls, which also run without a job, S3's requests and CloudWatch Logs.
- **Upstream's figure:** 0.9 GB-s, and 0.125 GB-s for each second of the job, on x86, without its state transitions.
- **History:** counted as GetExecutionHistory lists it. Each try of a task has three events, each try of EC2Poller four.
- **Long jobs:** an attempt cannot be longer than SSM's executionTimeout of 48 hours, so 14 days are seven attempts.
- **Rate limits:** AWS's published defaults for EC2 and Step Functions. AWS publishes none for Run Command; 10 calls a second after a burst of 20 are assumed.
- **Not simulated:** the limit of concurrent executions of Lambda (1,000 in most accounts), EC2's quota of vCPUs, and the SDK's own retries. With these retries fewer tries reach the state machine.

${table(report)}
${report.missing.map((line) => `\n${line}\n`).join('')}`;
}
