import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { dashed } from '../../anomalies';
import { dollars as dollarText } from '../dollars';
import { OUTCOMES, type Outcome, type ReportDocument } from './figures';

/**
 * The width of a chart in pixels: it fits a phone in its own size, so that its text is not scaled down. On a wider screen
 * more charts stand in a row.
 */
const WIDTH = 352;

/** The page's style sheet has these colours, for light and for dark. */
const COLOUR = { domain: [...OUTCOMES], range: OUTCOMES.map((outcome) => `var(--${outcome})`) };

const { document } = parseHTML('<html></html>');

/** Pixels below a chart whose axis has a label: its text stands below those of the ticks. */
const BELOW = { marginBottom: 44, labelOffset: 40 };

/** Draws a chart as SVG that needs neither script nor style sheet. */
function draw(options: Plot.PlotOptions): string {
  const svg = Plot.plot({
    ...options,
    document: document as unknown as Plot.PlotOptions['document'],
    width: WIDTH,
    style: { fontSize: '12px', background: 'transparent' },
  });
  // Coordinates of 15 digits are most of a chart's bytes. Texts are not inside the tags.
  return svg.outerHTML.replace(/<[^>]*>/g, (tag) =>
    tag.replace(/\d+\.\d{3,}/g, (number) => String(Number(Number(number).toFixed(2)))),
  );
}

/** Jobs of a stream by day, stacked by outcome. */
export function daysChart(report: ReportDocument, stream: string): string {
  const days = report.days.filter((each) => each.stream === stream);
  const bars = days.flatMap((each) =>
    OUTCOMES.filter((outcome) => each[outcome] > 0).map((outcome) => ({
      day: each.day.slice(4).replace(/^(..)/, '$1-'),
      outcome,
      jobs: each[outcome],
      title: `${dashed(each.day)}: ${each[outcome]} ${outcome}`,
    })),
  );
  return draw({
    ariaLabel: `Jobs of ${stream} by day`,
    height: 170,
    marginLeft: 46,
    x: { label: null },
    // More ticks than jobs would be fractions of a job.
    y: { label: 'jobs', ticks: Math.min(4, ...days.map(({ jobs }) => jobs)) },
    color: COLOUR,
    marks: [
      Plot.barY(bars, { x: 'day', y: 'jobs', fill: 'outcome', order: [...OUTCOMES], title: 'title' }),
      Plot.ruleY([0]),
    ],
  });
}

/** The worst outcome first. */
const WORST: readonly Outcome[] = ['failed', 'missing', 'running', 'paused', 'retried', 'ok'];

/** The cycles of a line, a row for each day: the worst outcome of a cycle, and how many jobs have it. */
export function cyclesChart(report: ReportDocument, stream: string, line: string): string {
  const cells = report.cycles
    .filter((each) => each.stream === stream && each.line === line)
    .map((each) => {
      const worst = WORST.find((outcome) => each[outcome] > 0) ?? 'ok';
      const told = OUTCOMES.filter((outcome) => each[outcome] > 0).map((outcome) => `${each[outcome]} ${outcome}`);
      return {
        day: each.day.slice(4).replace(/^(..)/, '$1-'),
        cycle: each.cycle,
        worst,
        // A number in the cell says without colour that something is wrong.
        text: worst === 'ok' || worst === 'retried' ? '' : String(each[worst]),
        title: `${dashed(each.day)} ${each.cycle}Z: ${told.join(', ')}`,
      };
    });
  const days = new Set(cells.map(({ day }) => day)).size;
  const cycles = [...new Set(cells.map(({ cycle }) => cycle))].sort();
  return draw({
    ariaLabel: `Cycles of ${stream} ${line} by day`,
    height: 64 + days * 22,
    marginBottom: BELOW.marginBottom,
    marginLeft: 46,
    marginRight: 4,
    padding: 0.06,
    x: cycleAxis(cycles),
    y: { label: null, tickSize: 0 },
    color: COLOUR,
    marks: [
      Plot.cell(cells, { x: 'cycle', y: 'day', fill: 'worst', title: 'title' }),
      Plot.text(
        cells.filter(({ text }) => text !== ''),
        { x: 'cycle', y: 'day', text: 'text', fill: 'var(--on-colour)', fontSize: 10, fontWeight: 600 },
      ),
    ],
  });
}

/** The axis of a chart whose columns are cycles. */
const cycleAxis = (cycles: readonly string[]) => ({
  label: 'cycle, UTC',
  labelOffset: BELOW.labelOffset,
  domain: cycles,
  // Twelve labels fit.
  tickFormat: (cycle: string) => (cycles.length <= 12 || Number(cycle) % 3 === 0 ? cycle : ''),
  tickSize: 0,
});

/** Pixels for names beside a chart: 8 for a letter of 12 pixels, and at most half of the chart. */
const roomFor = (names: readonly string[]) =>
  Math.min(16 + 8 * Math.max(...names.map(({ length }) => length)), WIDTH / 2);

/** The places of a line, a row for each, and its cycles over all days: the worst outcome of a cell, and how many have it. */
export function placesChart(report: ReportDocument, stream: string, line: string): string {
  const cells = report.place_cycles
    .filter((each) => each.stream === stream && each.line === line)
    .map((each) => {
      const worst = WORST.find((outcome) => each[outcome] > 0) ?? 'ok';
      const told = OUTCOMES.filter((outcome) => each[outcome] > 0).map((outcome) => `${each[outcome]} ${outcome}`);
      const text = worst === 'ok' || worst === 'retried' ? '' : String(each[worst]);
      return { ...each, worst, text, title: `${each.place} ${each.cycle}Z: ${told.join(', ')}` };
    });
  const places = [...new Set(cells.map(({ place }) => place))];
  const cycles = [...new Set(cells.map(({ cycle }) => cycle))].sort();
  return draw({
    ariaLabel: `Places of ${stream} ${line} by cycle`,
    height: 60 + places.length * 15,
    marginBottom: BELOW.marginBottom,
    marginLeft: roomFor(places),
    marginRight: 4,
    padding: 0.06,
    x: cycleAxis(cycles),
    y: { label: null, domain: places, tickSize: 0 },
    color: COLOUR,
    marks: [
      Plot.cell(cells, { x: 'cycle', y: 'place', fill: 'worst', title: 'title' }),
      Plot.text(
        cells.filter(({ text }) => text !== ''),
        { x: 'cycle', y: 'place', text: 'text', fill: 'var(--on-colour)', fontSize: 10, fontWeight: 600 },
      ),
    ],
  });
}

/** A time of some jobs in seconds: of half of them, of 95 %, and the longest. */
export interface Times {
  readonly name: string;
  readonly p50_s: number | null;
  readonly p95_s: number | null;
  readonly longest_s: number | null;
}

/** Times of groups of jobs, in minutes. @param label what the chart shows, for who cannot see it */
export function timesChart(all: readonly Times[], label: string): string {
  const lines = all
    .filter(({ p50_s }) => p50_s !== null)
    .map(({ name, p50_s, p95_s, longest_s }) => ({
      line: name,
      p50: (p50_s ?? 0) / 60,
      p95: (p95_s ?? 0) / 60,
      longest: (longest_s ?? 0) / 60,
    }));
  const title = (each: (typeof lines)[number]) =>
    `${each.line}: median ${each.p50.toFixed(1)}, 95 % ${each.p95.toFixed(1)}, longest ${each.longest.toFixed(1)} minutes`;
  return draw({
    ariaLabel: label,
    // The names stand above their marks: beside them, a long one would leave no room.
    height: 64 + lines.length * 38,
    marginBottom: BELOW.marginBottom,
    marginLeft: 20,
    marginRight: 20,
    x: { label: 'minutes', labelOffset: BELOW.labelOffset, ticks: 5, grid: true, zero: true },
    y: { axis: null, domain: lines.map(({ line }) => line) },
    marks: [
      Plot.text(lines, { x: 0, y: 'line', text: 'line', dy: -14, textAnchor: 'start' }),
      Plot.ruleY(lines, { x1: 'p50', x2: 'longest', y: 'line', stroke: 'currentColor', strokeOpacity: 0.5 }),
      Plot.ruleY(lines, { x1: 'p50', x2: 'p95', y: 'line', stroke: 'var(--ok)', strokeWidth: 5 }),
      Plot.dot(lines, { x: 'p50', y: 'line', r: 4, fill: 'var(--ok)', title }),
      Plot.tickX(lines, { x: 'longest', y: 'line', stroke: 'currentColor', inset: 14 }),
    ],
  });
}

/** Colours of steps: those of Okabe and Ito, which can be told apart on light and on dark; a tenth step has the first one. */
export const STEP_COLOURS = [
  ...['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8c8c8c', '#b8a800', '#7b61c4'],
] as const;

/** The median minutes of each step, stacked, by place. */
export function stepsChart(report: ReportDocument, stream: string, line: string): string {
  const its = report.steps.filter((each) => each.stream === stream && each.line === line);
  const bars = its.map(({ place, step, p50_s }) => ({
    place: place || line,
    step,
    minutes: p50_s / 60,
    title: `${place || line} ${step}: ${(p50_s / 60).toFixed(1)} minutes`,
  }));
  const steps = [...new Set(report.steps.map(({ step }) => step))];
  const places = [...new Set(bars.map(({ place }) => place))];
  return draw({
    ariaLabel: `Minutes of the steps of ${stream} ${line}`,
    height: 64 + places.length * 16,
    marginBottom: BELOW.marginBottom,
    marginLeft: roomFor(places),
    marginRight: 16,
    x: { label: 'minutes', labelOffset: BELOW.labelOffset, ticks: 5, grid: true },
    y: { label: null, domain: places, tickSize: 0 },
    color: { domain: steps, range: steps.map((_, index) => STEP_COLOURS[index % STEP_COLOURS.length] ?? '') },
    marks: [Plot.barX(bars, { x: 'minutes', y: 'place', fill: 'step', order: steps, title: 'title' }), Plot.ruleX([0])],
  });
}

/** What each stream costs. */
export function dollarsChart(report: ReportDocument): string {
  const streams = report.streams.map(({ stream, dollars }) => ({ stream, dollars, text: dollarText(dollars) }));
  return draw({
    ariaLabel: 'Dollars by stream',
    height: 64 + streams.length * 36,
    // Without it, the only stream's name would stand in its bar.
    marginTop: 20,
    marginBottom: BELOW.marginBottom,
    marginLeft: 36,
    marginRight: 36,
    x: { label: 'dollars', labelOffset: BELOW.labelOffset, ticks: 3, tickFormat: dollarText, grid: true, zero: true },
    y: { axis: null, domain: streams.map(({ stream }) => stream), padding: 0 },
    marks: [
      Plot.text(streams, {
        x: 0,
        y: 'stream',
        text: ({ stream, text }: (typeof streams)[number]) => `${stream}  ${text}`,
        dy: -10,
        textAnchor: 'start',
      }),
      Plot.barX(streams, { x: 'dollars', y: 'stream', fill: 'var(--ok)', insetTop: 18, insetBottom: 6, title: 'text' }),
      Plot.ruleX([0]),
    ],
  });
}
