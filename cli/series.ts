/** The name of the first one of an execution and its retries: without `_r2`, `_r3` and so on. */
export const firstName = (name: string) => name.replace(/_r\d{1,2}$/, '');

/** What the executions of one job have in common: their names without day, time and number of the retry. */
export const seriesOf = (name: string) => firstName(name).replace(/_\d{8}(-\d{6}(-\d{1,3})?)?$/, '');
