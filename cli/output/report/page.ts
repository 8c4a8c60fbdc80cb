import { dashed } from '../../anomalies';
import { dollars } from '../dollars';
import { count } from '../summary';
import { cyclesChart, daysChart, dollarsChart, placesChart, STEP_COLOURS, stepsChart, timesChart } from './charts';
import { type Figures, figuresOf, OUTCOMES, outcomeOf, type ReportDocument, type ReportRow } from './figures';

/** Jobs that did not succeed are listed up to this many; the twin has all. */
const LISTED = 500;

/** A report: a page that a browser shows without network and script, and the same as JSON. */
export interface Report {
  readonly html: string;
  readonly document: ReportDocument;
}

/** What a page names beside itself. */
export interface Beside {
  /** The name of the JSON file. */
  readonly twin: string;
  /** The options that name the executions, for a command that a reader copies: ` --local`. */
  readonly where: string;
}

/**
 * Makes the report of some days.
 *
 * @param rows the expected jobs of those days, in the order in which streams and lines are to stand
 * @param title such as the name of the state machine
 * @param beside what the page tells its reader to look at; default: report.json and the deployed machine
 */
export function makeReport(
  rows: readonly ReportRow[],
  title: string,
  now: Date,
  beside: Beside = { twin: 'report.json', where: '' },
): Report {
  const document = figuresOf(rows, title, now);
  return { html: pageOf(document, beside), document };
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string) => text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? '');

const number = (value: number) => value.toLocaleString('en-US');

/** `8m05s`, `2h10m` */
function duration(seconds: number | null): string {
  if (seconds === null) return '–';
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.round(seconds % 60)];
  const two = (value: number) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}h${two(minutes)}m` : `${minutes}m${two(Math.min(rest, 59))}s`;
}

function pageOf(report: ReportDocument, beside: Beside): string {
  const { title, made_at, from, to, totals } = report;
  const days = from === to ? dashed(from) : `${dashed(from)} to ${dashed(to)}`;
  const bad = totals.failed + totals.missing;
  const sections = [
    ['outcomes', 'Outcomes by day', outcomes(report)],
    ['cycles', 'Cycles', cycles(report)],
    ...(report.place_cycles.length > 0 ? [['places', 'Places', places(report)] as const] : []),
    ['problems', bad > 0 ? `Failed and missing (${number(bad)})` : 'Failed and missing', problems(report, beside)],
    ['unusual', 'Unusual', unusual(report)],
    ['durations', 'Durations', durations(report)],
    ['leads', 'From the cycle to the result', leads(report)],
    ...(report.steps.length > 0 ? [['steps', 'Steps', steps(report)] as const] : []),
    ['cost', 'Cost', cost(report)],
  ] as const;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}, ${days}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escaped(title)}</h1>
<p>Cycles of ${days}, UTC. Made ${made_at.slice(0, 16).replace('T', ' ')} UTC. The same figures are in ${escaped(beside.twin)}.</p>
${tiles(totals)}
<nav aria-label="Sections"><ul>${sections.map(([id, name]) => `<li><a href="#${id}">${name}</a></li>`).join('')}</ul></nav>
</header>
<main>
${sections.map(([id, name, content]) => `<section id="${id}" aria-labelledby="h-${id}"><h2 id="h-${id}">${name}</h2>\n${content}</section>`).join('\n')}
</main>
</body>
</html>
`;
}

function tiles(totals: Figures): string {
  const unknown = totals.dollars_unknown > 0 ? `, without ${number(totals.dollars_unknown)} jobs` : '';
  const all: readonly (readonly [string, string, string?])[] = [
    ['expected', number(totals.jobs)],
    ...OUTCOMES.map((outcome) => [outcome, number(totals[outcome]), outcome] as const),
    ['median', duration(totals.p50_s)],
    [`cost${unknown}`, dollars(totals.dollars)],
  ];
  const tile = ([name, value, outcome]: (typeof all)[number]) =>
    `<div${outcome ? ` class="of-${outcome}"` : ''}><dt>${name}</dt><dd>${value}</dd></div>`;
  return `<dl class="tiles">${all.map(tile).join('')}</dl>`;
}

/** A table that scrolls on its own, also by keyboard. Cells that are numbers stand to the right. */
function table(caption: string, header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (text: string, index: number) => {
    if (index === 0) return `<th scope="row">${escaped(text)}</th>`;
    const kind = /^[$–\d][\d,.hms]*$/.test(text) ? ' class="n"' : text.length > 60 ? ' class="long"' : '';
    return `<td${kind}>${escaped(text)}</td>`;
  };
  return `<div class="scroll" role="region" tabindex="0" aria-label="${escaped(caption)}"><table><caption>${escaped(caption)}</caption>
<thead><tr>${header.map((text) => `<th scope="col">${escaped(text)}</th>`).join('')}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n')}
</tbody></table></div>\n`;
}

const asTable = (content: string) => `<details><summary>As a table</summary>\n${content}</details>\n`;

const figure = (caption: string, chart: string) =>
  `<figure><figcaption>${escaped(caption)}</figcaption>${chart}</figure>\n`;

const LEGEND = `<ul class="legend" aria-label="Colours">${OUTCOMES.map((outcome) => `<li class="of-${outcome}">${outcome}</li>`).join('')}</ul>\n`;

const charts = (all: readonly string[]) => `<div class="charts">\n${all.join('')}</div>\n`;

const countsHeader = [...OUTCOMES];

function outcomes(report: ReportDocument): string {
  const rows = report.days.map((each) => [
    dashed(each.day),
    each.stream,
    ...[each.jobs, ...OUTCOMES.map((outcome) => each[outcome])].map(number),
  ]);
  return (
    LEGEND +
    charts(report.streams.map(({ stream }) => figure(stream, daysChart(report, stream)))) +
    asTable(table('Outcomes by day and stream', ['day', 'stream', 'expected', ...countsHeader], rows))
  );
}

function cycles(report: ReportDocument): string {
  const rows = report.lines.map((each) => [
    `${each.stream} ${each.line}`,
    ...[each.jobs, ...OUTCOMES.map((outcome) => each[outcome])].map(number),
  ]);
  return (
    `<p>Each cell is a cycle, in the colour of its worst outcome. A number says how many jobs have it.</p>\n${LEGEND}` +
    charts(report.lines.map(({ stream, line }) => figure(`${stream} ${line}`, cyclesChart(report, stream, line)))) +
    asTable(table('Outcomes by line', ['line', 'expected', ...countsHeader], rows))
  );
}

/** The lines that have several places, and what each place of a stream takes and costs. */
function places(report: ReportDocument): string {
  const lines = report.lines.filter((each) =>
    report.place_cycles.some(({ stream, line }) => stream === each.stream && line === each.line),
  );
  const rows = report.places.map((each) => [
    `${each.stream} ${each.place}`,
    ...[each.jobs, ...OUTCOMES.map((outcome) => each[outcome])].map(number),
    ...[each.p50_s, each.p95_s, each.lead_p50_s, each.lead_p95_s].map(duration),
    dollars(each.dollars),
    ofJob(each),
  ]);
  const header = ['place', 'expected', ...countsHeader, 'median', '95 %', 'lead', 'lead 95 %', 'dollars', 'of a job'];
  return (
    `<p>Each cell is a cycle of all days, in the colour of its worst outcome. A number says how many jobs have it.</p>\n${LEGEND}` +
    charts(lines.map(({ stream, line }) => figure(`${stream} ${line}`, placesChart(report, stream, line)))) +
    asTable(table('Outcomes, durations, leads and cost by stream and place', header, rows))
  );
}

/** How long the steps of the jobs take, where they tell. */
function steps(report: ReportDocument): string {
  const lines = report.lines.filter((each) =>
    report.steps.some(({ stream, line }) => stream === each.stream && line === each.line),
  );
  const legend = [...new Set(report.steps.map(({ step }) => step))].map(
    (step, index) => `<li style="--c:${STEP_COLOURS[index % STEP_COLOURS.length]}">${escaped(step)}</li>`,
  );
  const rows = report.steps.map(({ stream, line, place, step, jobs, p50_s }) => [
    `${stream} ${line} ${place}`.trim(),
    step,
    number(jobs),
    duration(p50_s),
  ]);
  return (
    `<p>The median of each step, as the jobs tell in their profile.txt.</p>\n<ul class="legend" aria-label="Colours">${legend.join('')}</ul>\n` +
    charts(lines.map(({ stream, line }) => figure(`${stream} ${line}`, stepsChart(report, stream, line)))) +
    asTable(table('Steps by line and place', ['jobs of', 'step', 'jobs', 'median'], rows))
  );
}

/** What a job costs, of those whose cost is known. */
function ofJob({ jobs, dollars: sum, dollars_unknown }: Figures): string {
  const known = jobs - dollars_unknown;
  return known > 0 ? dollars(sum / known) : '–';
}

function problems(report: ReportDocument, { twin, where }: Beside): string {
  const bad = report.rows.filter((row) => ['failed', 'missing'].includes(outcomeOf(row)));
  if (bad.length === 0) return '<p>None.</p>\n';
  const errors = report.errors.map(({ error, jobs, example }) => [
    error,
    number(jobs),
    `datastream logs ${example}${where}`,
  ]);
  const rows = bad
    .slice(0, LISTED)
    .map(({ name, status, error, cause, attempts }) => [
      name,
      error ?? status,
      attempts === null ? '–' : number(attempts),
      cause?.split('\n')[0]?.slice(0, 200) ?? '',
    ]);
  const more = bad.length > LISTED ? `<p>${count(bad.length - LISTED, 'other job')} in ${escaped(twin)}.</p>\n` : '';
  return (
    (errors.length > 0 ? table('By error', ['error', 'jobs', 'see one'], errors) : '') +
    `<details><summary>${bad.length > LISTED ? `The first ${LISTED} jobs` : count(bad.length, 'job')}</summary>\n` +
    `${table('Jobs that failed or are missing', ['job', 'error', 'attempts', 'cause'], rows)}${more}</details>\n`
  );
}

function unusual({ anomalies }: ReportDocument): string {
  if (anomalies.length === 0) return '<p>Nothing.</p>\n';
  const items = anomalies.map(
    ({ stream, line, text }) => `<li><b>${escaped(`${stream} ${line}`)}</b>: ${escaped(text)}</li>`,
  );
  return `<ul>\n${items.join('\n')}\n</ul>\n`;
}

function durations(report: ReportDocument): string {
  const rows = report.lines.map(({ stream, line, p50_s, p95_s, longest_s }) => [
    `${stream} ${line}`,
    ...[p50_s, p95_s, longest_s].map(duration),
  ]);
  return (
    '<p>Jobs that succeeded: half of them take no longer than the dot, 95 % no longer than the bar, and the longest reaches the mark.</p>\n' +
    charts([figure('Minutes by line', timesChart(named(report.lines), 'Minutes of the jobs of each line'))]) +
    asTable(table('Durations by line', ['line', 'median', '95 %', 'longest'], rows))
  );
}

function leads(report: ReportDocument): string {
  const rows = report.line_cycles.map((each) => [
    `${each.stream} ${each.line} ${each.cycle}`,
    number(each.jobs),
    ...[each.lead_p50_s, each.lead_p95_s, each.p50_s, each.p95_s].map(duration),
  ]);
  const times = named(report.lines).map(({ name, lead_p50_s, lead_p95_s, lead_longest_s }) => ({
    name,
    p50_s: lead_p50_s,
    p95_s: lead_p95_s,
    longest_s: lead_longest_s,
  }));
  return (
    '<p>From the hour of a cycle to the success of its jobs.</p>\n' +
    charts([figure('Minutes by line', timesChart(times, 'Minutes from the cycle to the result of each line'))]) +
    asTable(
      table('Leads and durations by line and cycle', ['cycle', 'jobs', 'lead', 'lead 95 %', 'median', '95 %'], rows),
    )
  );
}

const named = (lines: ReportDocument['lines']) =>
  lines.map((each) => ({ ...each, name: `${each.stream} ${each.line}` }));

function cost(report: ReportDocument): string {
  const rows = report.lines.map((each) => [
    `${each.stream} ${each.line}`,
    number(each.jobs - each.dollars_unknown),
    dollars(each.dollars),
    ofJob(each),
  ]);
  return (
    charts([figure('Dollars by stream', dollarsChart(report))]) +
    asTable(table('Cost by line', ['line', 'jobs with a known cost', 'dollars', 'of a job'], rows))
  );
}

/**
 * Colours of Okabe and Ito's palette, which people of every colour vision tell apart; darker or lighter where the
 * contrast with the page asks for it.
 */
const STYLE = `
:root{color-scheme:light dark;--page:#fff;--ink:#1b1f24;--soft:#59636e;--line:#d0d7de;--card:#f6f8fa;--link:#0550ae;
--ok:#0072b2;--retried:#56b4e9;--running:#a3437f;--failed:#b84200;--missing:#6e6e6e;--paused:#806600;--on-colour:#fff}
@media (prefers-color-scheme:dark){:root{--page:#0d1117;--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--card:#151b23;--link:#79b8ff;
--ok:#3d9bd8;--retried:#a5d8f7;--running:#d898bd;--failed:#f08040;--missing:#9a9a9a;--paused:#e0c040;--on-colour:#0d1117}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:100rem;background:var(--page);color:var(--ink);font:1rem/1.45 system-ui,sans-serif}
h1{font-size:1.5rem;margin:0;overflow-wrap:anywhere}h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}
p{margin:.3rem 0 .8rem;max-width:45rem;color:var(--soft)}a{color:var(--link)}
a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(6.5rem,1fr));gap:.5rem;margin:.5rem 0}
.tiles div{background:var(--card);border:1px solid var(--line);border-left:5px solid var(--c,var(--line));padding:.4rem .6rem}
dt{color:var(--soft);font-size:.85rem}dd{margin:0;font-size:1.3rem;font-variant-numeric:tabular-nums}
nav ul,.legend{display:flex;flex-wrap:wrap;gap:.3rem 1rem;list-style:none;padding:0;margin:.6rem 0}
.legend li::before{content:"";display:inline-block;width:.8em;height:.8em;margin-right:.4em;background:var(--c)}
.of-ok{--c:var(--ok)}.of-retried{--c:var(--retried)}.of-running{--c:var(--running)}.of-failed{--c:var(--failed)}.of-missing{--c:var(--missing)}.of-paused{--c:var(--paused)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(22rem,100%),1fr));gap:1rem}
figure{margin:0;max-width:30rem}figcaption{font-weight:600;overflow-wrap:anywhere}figure svg{width:100%;height:auto}
details{margin:.6rem 0}summary{cursor:pointer;color:var(--link)}
.scroll{overflow-x:auto;max-width:100%;margin:.4rem 0}table{border-collapse:collapse;font-size:.9rem}
caption{text-align:left;font-weight:600;padding:.2rem 0}th,td{padding:.2rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;white-space:nowrap}
td.long{white-space:normal;min-width:20rem}td.n{text-align:right;font-variant-numeric:tabular-nums}thead th{color:var(--soft)}
@media (max-width:40rem){tbody th{white-space:normal;overflow-wrap:anywhere;min-width:8rem;font-weight:500}td.long{min-width:14rem}th,td{padding:.2rem .35rem}}
@media print{details:not([open])>*{display:none}.charts{break-inside:avoid}}
`;
