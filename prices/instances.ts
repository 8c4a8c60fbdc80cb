/**
 * On-demand list prices of a family's `large` in us-east-1, Linux, in dollars an hour: those of AWS's price list as
 * SkyPilot's catalog holds it (skypilot-org/skypilot-catalog, catalogs/v7/aws/vms.csv, commit 001367d). Within these
 * families the price is proportional to the size, but for AWS's rounding of a few of `medium`: `c7g.medium` is 0.0363.
 */
const LARGE: Readonly<Record<string, number>> = {
  c5: 0.085,
  c6g: 0.068,
  c6i: 0.085,
  c7a: 0.10264,
  c7g: 0.0725,
  c7i: 0.08925,
  c8g: 0.07976,
  m5: 0.096,
  m6g: 0.077,
  m6i: 0.096,
  m7a: 0.11592,
  m7g: 0.0816,
  m7i: 0.1008,
  m8g: 0.08976,
  r5: 0.126,
  r6g: 0.1008,
  r6i: 0.126,
  r7a: 0.15215,
  r7g: 0.1071,
  r7i: 0.1323,
  r8g: 0.11782,
  t3: 0.0832,
  t4g: 0.0672,
};

/** How many `large` a size is. */
const SIZES: Readonly<Record<string, number>> = {
  nano: 1 / 16,
  micro: 1 / 8,
  small: 1 / 4,
  medium: 1 / 2,
  large: 1,
  xlarge: 2,
};

/** The region of the prices. Other regions have others. */
export const PRICED_REGION = 'us-east-1';

/**
 * What an on-demand instance costs.
 *
 * @param type such as `m8g.2xlarge`
 * @returns dollars an hour; undefined where this list does not have the type
 */
export function onDemandHourly(type: string): number | undefined {
  const [family = '', size = ''] = type.split('.');
  const large = LARGE[family];
  const sizes = SIZES[size] ?? (/^\d+xlarge$/.test(size) ? 2 * Number.parseInt(size, 10) : undefined);
  return large === undefined || sizes === undefined ? undefined : large * sizes;
}
