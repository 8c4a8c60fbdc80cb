import { firstName } from '../executions/submission/items';

/** What the executions of one job have in common: their names without day, time and number of the retry. */
export const seriesOf = (name: string) => firstName(name).replace(/_\d{8}(-\d{6}(-\d{1,3})?)?$/, '');
