import { cpus } from 'node:os';
import * as z from 'zod';

/** One line of the report. Less is better in all of them. */
export interface Figure {
  readonly section: string;
  readonly name: string;
  readonly value: number;
  /** `$`, or what follows the number. */
  readonly unit: string;
  /** A figure to compare with: a limit, or upstream's figure. */
  readonly beside?: string;
  /** The figure was measured on this computer. Another run or another computer gives another value. */
  readonly measured?: true;
  /** For a time: the yardstick's time in the same run and unit. Comparisons use the figure divided by it. */
  readonly yardstick?: number;
}

/** A report, with the computer that made it. */
export interface Report {
  readonly machine: string;
  readonly figures: readonly Figure[];
  /** The figures that could not be measured, with the reasons. */
  readonly missing: readonly string[];
}

const StoredReport = z.object({
  machine: z.string(),
  figures: z.array(
    z.object({
      section: z.string(),
      name: z.string(),
      value: z.number(),
      unit: z.string(),
      beside: z.string().optional(),
      measured: z.literal(true).optional(),
      yardstick: z.number().positive().optional(),
    }),
  ),
  missing: z.array(z.string()),
});

/** @throws Error if the text is not a report */
export function parseReport(text: string): Report {
  const report = StoredReport.safeParse(JSON.parse(text));
  if (report.success) return report.data as Report;
  const [issue] = report.error.issues;
  throw new Error(`${issue?.path.join('.')}: ${issue?.message}`);
}

/** Describes this computer by what timings depend on. The text does not identify the owner. */
export function thisMachine(): string {
  const [first, ...others] = cpus();
  return `${first?.model.trim() || process.arch}, ${others.length + 1} cores, Node.js ${process.version}`;
}

/** A figure is worse if it has grown by more than this share. */
const TOLERANCE = 0.1;

/** Returns the stored figure of the same section and name. */
export function storedOf(figure: Figure, stored: Report | undefined): Figure | undefined {
  return stored?.figures.find(({ section, name }) => section === figure.section && name === figure.name);
}

/** Whether a figure has grown by more than a tenth. If the stored figure is 0, any growth is worse. */
export function isWorse(figure: Figure, before: Figure | undefined): boolean {
  return before !== undefined && size(figure) > size(before) * (1 + TOLERANCE);
}

/** The value for comparisons. */
function size({ value, yardstick = 1 }: Figure): number {
  return value / yardstick;
}

/** The report as one table. Each section has a heading. The stored figures are beside the new ones. */
export function table(report: Report, stored?: Report): string {
  const sections = [...new Set(report.figures.map(({ section }) => section))];
  const columns = stored
    ? ['figure', 'value', 'compare with', 'stored', 'change']
    : ['figure', 'value', 'compare with'];
  const rows = sections.map((section) => {
    const its = report.figures.filter((figure) => figure.section === section);
    return [
      `| **${section}** |${' |'.repeat(columns.length - 1)}`,
      ...its.map((figure) => row(figure, stored && { before: storedOf(figure, stored) })),
    ].join('\n');
  });
  const head = [`| ${columns.join(' | ')} |`, `| ${columns.map(() => '---').join(' | ')} |`];
  return [...head, ...rows].join('\n');
}

function row(figure: Figure, stored?: { readonly before: Figure | undefined }): string {
  const cells = [figure.name, text(figure), figure.beside ?? multiple(figure)];
  if (stored) cells.push(stored.before ? text(stored.before) : '', change(figure, stored.before));
  return `| ${cells.join(' | ')} |`;
}

/** A figure with its unit; dollars to the ten-millionth, the rest to three digits or whole. */
export function text({ value, unit }: Figure): string {
  if (unit === '$') return `$${value.toFixed(7)}`;
  const digits = Number.isInteger(value) ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return `${value.toFixed(Math.min(digits, 3))} ${unit}`.trim();
}

function multiple(figure: Figure): string {
  return figure.yardstick ? `${size(figure).toFixed(2)} × the yardstick` : '';
}

function both(figure: Figure | undefined): string {
  return figure ? [text(figure), multiple(figure)].filter(Boolean).join(', ') : '';
}

function change(figure: Figure, before: Figure | undefined): string {
  if (!before) return 'new';
  if (size(before) === size(figure)) return '';
  if (before.value === 0) return 'worse';
  const percent = Math.round((size(figure) / size(before) - 1) * 100);
  return `${percent > 0 ? '+' : ''}${percent} %${isWorse(figure, before) ? ', worse' : ''}`;
}

/** One sentence for each figure that is worse than in the stored report, or that is missing now. */
export function verdict(report: Report, stored: Report | undefined): string[] {
  if (!stored) return ['There is no stored report to compare with; with --write this one is stored.'];
  const gone = stored.figures.filter((figure) => !storedOf(figure, report));
  const worse = report.figures.filter((figure) => isWorse(figure, storedOf(figure, stored)));
  const elsewhere = stored.machine === report.machine ? '' : ` (the stored one was measured on ${stored.machine})`;
  return [
    ...worse.map((figure) => {
      const where = figure.measured ? elsewhere : '';
      return `Worse by more than a tenth: ${figure.section}, ${figure.name}: ${both(figure)}, was ${both(storedOf(figure, stored))}${where}.`;
    }),
    ...(worse.some(({ measured }) => measured)
      ? ['What is measured may be better in another run: npm run bench.']
      : []),
    ...gone.map(({ section, name }) => `Stored, but not measured now: ${section}, ${name}.`),
    ...(worse.length === 0 ? ['Nothing is worse by more than a tenth than in the stored report.'] : []),
  ];
}

/** The middle one of the sorted values. For an even number of values: the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? 0) + (sorted[Math.floor(half)] ?? 0)) / 2;
}
