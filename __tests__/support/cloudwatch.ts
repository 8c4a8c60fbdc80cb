/** A value of a metric, as a service or a log line reports it. */
export interface Datapoint {
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly time: Date;
  readonly value: number;
}

interface MetricStat {
  readonly namespace: string;
  readonly metric_name: string;
  readonly dimensions?: Readonly<Record<string, string>>;
  readonly period: number;
  readonly stat: string;
}

/** An alarm as Terraform has it. */
export interface AlarmDefinition {
  readonly alarm_name: string;
  readonly comparison_operator: string;
  readonly threshold: number;
  readonly evaluation_periods: number;
  readonly datapoints_to_alarm?: number;
  readonly treat_missing_data?: string;
  readonly namespace?: string;
  readonly metric_name?: string;
  readonly dimensions?: Readonly<Record<string, string>>;
  readonly period?: number;
  readonly statistic?: string;
  readonly metric_query?: readonly {
    readonly id: string;
    readonly expression?: string;
    readonly return_data?: boolean;
    readonly metric?: MetricStat;
  }[];
}

/**
 * Whether an alarm is in ALARM at some time between two: CloudWatch's rules, at the end of every period (CloudWatch User
 * Guide, evaluating an alarm; configuring how alarms treat missing data). M of the last N periods must breach.
 */
export function fires(alarm: AlarmDefinition, data: readonly Datapoint[], from: Date, until: Date): boolean {
  const { evaluation_periods: n, datapoints_to_alarm: m = n, treat_missing_data: missing = 'missing' } = alarm;
  const period = periodOf(alarm) * 1000;
  const value = readerOf(alarm, data);
  for (let end = Math.ceil(from.getTime() / period) * period; end <= until.getTime(); end += period) {
    const values = Array.from({ length: n }, (_, back) => value(end - (back + 1) * period));
    const breaching = values.filter((each) =>
      each === undefined ? missing === 'breaching' : breaches(alarm, each),
    ).length;
    if (breaching >= m) return true;
  }
  return false;
}

function breaches({ comparison_operator, threshold }: AlarmDefinition, value: number): boolean {
  switch (comparison_operator) {
    case 'GreaterThanOrEqualToThreshold':
      return value >= threshold;
    case 'LessThanThreshold':
      return value < threshold;
    default:
      throw new Error(`This evaluator does not know ${comparison_operator}.`);
  }
}

function periodOf({ period, metric_query = [] }: AlarmDefinition): number {
  const periods = new Set([period, ...metric_query.map(({ metric }) => metric?.period)].filter((each) => each));
  const [only] = periods;
  if (!only || periods.size > 1) throw new Error(`An alarm has one period, not ${[...periods].join(', ')}.`);
  return only;
}

/** The alarm's value in the period that begins at a time; undefined where it is missing. */
function readerOf(alarm: AlarmDefinition, data: readonly Datapoint[]): (begin: number) => number | undefined {
  const { namespace = '', metric_name = '', dimensions = {}, period = 0, statistic = '' } = alarm;
  if (!alarm.metric_query) return statistics({ namespace, metric_name, dimensions, period, stat: statistic }, data);
  const series = new Map(
    alarm.metric_query.flatMap(({ id, metric }) => (metric ? [[id, statistics(metric, data)] as const] : [])),
  );
  const returned = alarm.metric_query.find(({ return_data }) => return_data);
  // Of CloudWatch's metric math a sum of series, each perhaps with FILL(series, number).
  const terms = (returned?.expression ?? '').split(' + ').map((term) => {
    const [, filled, fill, plain] = /^(?:FILL\((\w+), (\d+)\)|(\w+))$/.exec(term) ?? [];
    const read = series.get(filled ?? plain ?? '');
    if (!read) throw new Error(`This evaluator cannot read ${term}.`);
    return { read, fill: fill === undefined ? undefined : Number(fill) };
  });
  return (begin) => {
    const values = terms.map(({ read, fill }) => read(begin) ?? fill);
    return values.reduce((sum, each) => (sum === undefined || each === undefined ? undefined : sum + each));
  };
}

function statistics(metric: MetricStat, data: readonly Datapoint[]): (begin: number) => number | undefined {
  const wanted = keyOf(metric.dimensions);
  const its = data.filter(
    (each) =>
      each.namespace === metric.namespace && each.metric === metric.metric_name && keyOf(each.dimensions) === wanted,
  );
  return (begin) => {
    const values = its
      .filter(({ time }) => time.getTime() >= begin && time.getTime() < begin + metric.period * 1000)
      .map(({ value }) => value);
    if (values.length === 0) return undefined;
    if (metric.stat === 'Sum') return values.reduce((sum, each) => sum + each);
    if (metric.stat === 'Maximum') return Math.max(...values);
    throw new Error(`This evaluator does not know the statistic ${metric.stat}.`);
  };
}

/** A metric is another one with other dimensions, or with one more. */
const keyOf = (dimensions: Readonly<Record<string, string>> = {}) =>
  JSON.stringify(Object.entries(dimensions).sort(([a], [b]) => a.localeCompare(b)));

/** A line of a function's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly time: Date; readonly function: string };

/** What the embedded metric format makes of log lines. */
export function embeddedMetrics(lines: readonly LogLine[]): Datapoint[] {
  return lines.flatMap((line) => {
    const described = line._aws as
      | {
          Timestamp: number;
          CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[];
        }
      | undefined;
    return (described?.CloudWatchMetrics ?? []).flatMap(({ Namespace, Dimensions, Metrics }) =>
      Dimensions.flatMap((keys) =>
        Metrics.flatMap(({ Name }) =>
          [line[Name] as number | number[]].flat().map((value) => ({
            namespace: Namespace,
            metric: Name,
            dimensions: Object.fromEntries(keys.map((key) => [key, String(line[key])])),
            time: new Date(described?.Timestamp ?? 0),
            value,
          })),
        ),
      ),
    );
  });
}

/** Whether a JSON pattern of a metric filter matches a line: members that are equal, or not, with && between them. */
export function matchesFilter(pattern: string, line: LogLine): boolean {
  const [, inner] = /^\{ (.*) \}$/.exec(pattern) ?? [];
  if (!inner) throw new Error(`This evaluator cannot read ${pattern}.`);
  return inner.split(' && ').every((condition) => {
    const [, member = '', operator, value] = /^\$\.(\w+) (=|!=) "([^"]*)"$/.exec(condition) ?? [];
    if (!operator) throw new Error(`This evaluator cannot read ${condition}.`);
    // A member that is not there matches neither (CloudWatch Logs User Guide, filter pattern syntax).
    return member in line && (line[member] === value) === (operator === '=');
  });
}
