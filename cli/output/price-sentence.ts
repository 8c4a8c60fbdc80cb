import { oldDays, own, type PriceList } from '../../prices/instances';

/** Says of which day the prices of a region are, and what to do where they are old; empty where there are none. */
export function priceSentence(region: string, now: Date, list: PriceList): string {
  const prices = own(list, region);
  if (!prices) return '';
  const days = oldDays(prices, now);
  const old =
    days === undefined ? '' : `, which is ${days} days ago: run 'datastream cost prices update --region ${region}'`;
  return `List prices of ${region} of ${prices.as_of}${old}.`;
}
