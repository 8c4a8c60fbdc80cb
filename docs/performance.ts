import { type Report, table } from '../bench/report';

/** `docs/performance.md`, made of the stored report: `docs/performance.json`. */
export function performancePage(report: Report): string {
  return `# The figures

What \`npm run bench -- --write\` measured last, on ${report.machine}. \`npm run bench\` measures again and says what is worse by more than a tenth. Made of \`performance.json\`; a test fails when it is stale, or when a figure that needs no clock is worse by more than a tenth.

Only times to load, memory, synthesis and plan depend on the computer. Those times are compared as multiples of the yardstick, a program of 4,000 functions that is never another and is loaded between them, for a computer is not always equally fast (\`bench/yardstick.ts\`). All else is counted, or measured in virtual time on the embedded cloud: the deployed definition and handlers; 15 s from RunInstances to running, 20 s more until SSM says Online. A job’s cost has the relay’s calls for its instance’s end, not the reaper’s rounds, which come without a job too; S3’s requests and CloudWatch Logs are left out. Upstream's figure is 0.9 GB-s and 0.125 GB-s for each second of the job on x86, without its state transitions. History is counted as GetExecutionHistory lists it: each try of a task is three events, of EC2Poller four. No attempt can be longer than the 48 hours of SSM's executionTimeout, so 14 days are seven attempts. EC2's and Step Functions' rates are AWS's published defaults; for Run Command AWS publishes none, and 10 a second after a burst of 20 are assumed. Lambda’s concurrent executions, 1,000 in most accounts, and EC2’s quota of vCPUs are not played. The SDK's own retries are left out: with them fewer tries reach the state machine.

${table(report)}
${report.missing.map((line) => `\n${line}\n`).join('')}`;
}
