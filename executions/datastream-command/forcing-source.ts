/** What a forcing source's name says about its forecast cycle. */
export interface ForcingCycle {
  /**
   * Hour of the cycle in UTC. 24 if no source is named: the cycle's day is always yesterday. 0 if the source should end
   * in an hour and does not: the cycle's day is the day of the start.
   */
  readonly hour: number;
  /** The medium range ensemble's member; absent for the other sources. Member 0 is a source like any other. */
  readonly member?: number;
  /** Present if the source should end in its hour (`_HH`, `_HH_M`) and does not, as in files of early 2025. */
  readonly hourMissing?: true;
}

/** Upstream's cycle hour for a source that names no cycle: the extended analysis, published at 16:00 UTC. */
const OTHER_SOURCE_HOUR = 16;

/** Upstream's hour if no source is named: every hour of the day is before it. */
const NO_SOURCE_HOUR = 24;

const HOURLY = /(?:SHORT_RANGE|ANALYSIS_ASSIM_RESTART_CHRT)_(\d{2})$/;
const MEDIUM_RANGE = /MEDIUM_RANGE_(\d{2})(?:_(\d))?$/;

/**
 * The cycle of a forcing source such as `NWM_V3_SHORT_RANGE_06` or `NWM_V3_MEDIUM_RANGE_00_1`.
 *
 * @param source the value of `--FORCING_SOURCE`; undefined if the commands name none
 */
export function cycleOf(source: string | undefined): ForcingCycle {
  if (source === undefined) return { hour: NO_SOURCE_HOUR };
  if (!/SHORT_RANGE|MEDIUM_RANGE|ANALYSIS_ASSIM_RESTART_CHRT/.test(source)) return { hour: OTHER_SOURCE_HOUR };
  const medium = MEDIUM_RANGE.exec(source);
  if (medium) return { hour: Number(medium[1]), member: Number(medium[2] ?? 1) };
  const hour = HOURLY.exec(source)?.[1];
  return hour === undefined ? { hour: 0, hourMissing: true } : { hour: Number(hour) };
}
