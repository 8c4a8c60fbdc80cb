import { seriesOf } from '../../cli/series';
import { firstName } from '../../executions/submission/items';

test.each([
  [
    'cfe_nom_short_range_vpu01_init00_20260818',
    'cfe_nom_short_range_vpu01_init00_20260818',
    'cfe_nom_short_range_vpu01_init00',
  ],
  ['cfe_nom_init00_20260818_r3', 'cfe_nom_init00_20260818', 'cfe_nom_init00'],
  ['first-job_20260818-091501', 'first-job_20260818-091501', 'first-job'],
  ['first-job_20260818-091501-2_r2', 'first-job_20260818-091501-2', 'first-job'],
  ['mine', 'mine', 'mine'],
  ['mine_r100', 'mine_r100', 'mine_r100'],
])('%s', (name, first, series) => {
  expect([firstName(name), seriesOf(name)]).toEqual([first, series]);
});
