import { definition } from '../constructs/bison/definition';
import { BISON_FUNCTIONS, type BisonFunctionName } from '../constructs/bison/functions';
import { JOB_NAMES, JOBS, type JobName } from '../constructs/bison/jobs';
import { FILTER, RESULTS } from '../constructs/bison/queries';
import { ANALYTICS_PRICES, athenaDollars, crawlDollars, r7gVcpuHourly } from '../prices/analytics';
import { diagram } from './state-machine';

const LABELS = {
  Requested: '"not published yet"',
  'Requested Succeeded': '"published already"',
  'Requested Riis': '"not published yet"',
  'Crawled Describe': '"this crawl succeeded"',
  CrawlFailed: '"this crawl failed"',
  CrawlLate: '"an hour has passed"',
  NextLook: '"it runs"',
};

const named = <Name extends string>(names: readonly Name[]): Record<Name, string> =>
  Object.assign({}, ...names.map((name) => ({ [name]: name })));

/** Bytes of the two kinds of source: a month's text, and the open data's Parquet, of which a query reads some columns. */
const SOURCES = { text: 400e9, columns: 60e9 } as const;

/** The parts of docs/bison.md that are generated, by their names. */
export function bisonParts(): Readonly<Record<string, string>> {
  const machine = definition({
    functionArns: named<BisonFunctionName>(BISON_FUNCTIONS),
    dataStreamArn: 'datastream',
    ingest: 'download',
    bucket: 'bucket',
    database: 'database',
    workgroup: 'workgroup',
    crawler: 'crawler',
    queueArn: 'queue',
    jobArns: named<JobName>(JOB_NAMES),
    chunks: 64,
  });
  const dollars = (value: number) => `$${value.toFixed(2)}`;
  const text = athenaDollars([SOURCES.text]);
  const columns = athenaDollars([SOURCES.columns]);
  const hourly = r7gVcpuHourly('us-east-1');
  return {
    workflow: `\`\`\`mermaid\n${diagram(machine, LABELS)}\n\`\`\``,
    filter: `\`\`\`sql\n${FILTER}\n\`\`\``,
    results: [
      '| table, with the date behind | columns |',
      '| --- | --- |',
      ...RESULTS.map(
        ({ name, columns: all }) => `| \`${name}\` | ${all.map(({ Name }) => `\`${Name}\``).join(', ')} |`,
      ),
    ].join('\n'),
    prices: [
      `List prices of ${ANALYTICS_PRICES.region} of ${ANALYTICS_PRICES.as_of} (${ANALYTICS_PRICES.source}): $${ANALYTICS_PRICES.athena_tb} for a TB that Athena reads, $${ANALYTICS_PRICES.crawler_dpu_hour} for a DPU-hour of a crawler, ${dollars(hourly)} for a vCPU-hour of r7g on demand.`,
      '',
      '| step | what is paid | a month |',
      '| --- | --- | --- |',
      `| Ingest | an r7g.large for half a day, on demand; spot is cheaper | ${dollars(12 * 2 * hourly)} |`,
      `| Crawl | ${ANALYTICS_PRICES.crawler_dpus} DPUs for ten minutes | ${dollars(crawlDollars(10))} |`,
      `| Subset | a download of 400 GB of text, all of it; or of the open data the columns in use, about 60 GB | ${dollars(text)}; or ${dollars(columns)} |`,
      `| Count | the same text once more; Parquet is counted by its footers | ${dollars(text)}; or $0.00 |`,
      ...JOB_NAMES.map((name) => {
        const { vcpus, timeoutSeconds } = JOBS[name];
        const children = name === 'annotate' ? 64 : 1;
        const most = dollars(children * vcpus * (timeoutSeconds / 3600) * hourly);
        return `| \`${name}\` | ${children} of ${vcpus} vCPU, at most ${timeoutSeconds / 3600} hours each, on demand; spot is cheaper | at most ${most} |`;
      }),
    ].join('\n'),
  };
}

/** The page with its generated parts as they are now. @param page the page as it is */
export function bisonPage(page: string): string {
  return Object.entries(bisonParts()).reduce(
    (text, [name, part]) =>
      text.replace(
        new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(\\n<!-- /${name} -->)`),
        (_, before: string, after: string) => `${before}${part}${after}`,
      ),
    page,
  );
}
