/** What a forcing source's name says about its forecast cycle. */
export interface ForcingCycle {
  /** Hour of the cycle in UTC, 0 to 23; 24 where no source is named: its day is always yesterday. */
  readonly hour: number;
  /** The medium range ensemble's member, from 1; absent for the other sources. */
  readonly member?: number;
}

/** Upstream's cycle for a source that names none: the extended analysis, published at 16:00 UTC. */
const OTHER_SOURCE_HOUR = 16;

/** Upstream's hour where no source is named: every hour of the day is before it. */
const NO_SOURCE_HOUR = 24;

/**
 * The cycle of a forcing source such as `NWM_V3_SHORT_RANGE_06` or `NWM_V3_MEDIUM_RANGE_00_1`.
 *
 * @param source the value of `--FORCING_SOURCE`; undefined where the commands name none
 * @returns undefined when the source should end in its cycle (`_HH`, `_HH_M`) and does not
 */
export function cycleOf(source: string | undefined): ForcingCycle | undefined {
  if (source === undefined) return { hour: NO_SOURCE_HOUR };
  if (!/SHORT_RANGE|MEDIUM_RANGE|ANALYSIS_ASSIM_RESTART_CHRT/.test(source)) return { hour: OTHER_SOURCE_HOUR };
  const medium = /MEDIUM_RANGE_(\d{2})(?:_(\d))?$/.exec(source);
  const hour = Number(
    medium?.[1] ?? /(?:SHORT_RANGE|ANALYSIS_ASSIM_RESTART_CHRT)_(\d{2})$/.exec(source)?.[1] ?? 'none',
  );
  if (!(hour < 24)) return undefined;
  if (!medium) return { hour };
  const member = Number(medium[2] ?? 1);
  return member >= 1 ? { hour, member } : undefined;
}
