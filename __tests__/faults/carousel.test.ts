import { carouselCells, carouselMatrix, sample } from './carousel-matrix';

/** The runs of this test; `npm run faults:carousel` has all. */
const RUNS = 120;

test('a sample of all faults in all calls breaks no invariant, and turns that are not stopped succeed', async () => {
  // Every day another sample; the seed is in the message of a failure.
  const seed = Math.floor(Date.now() / 86_400_000);
  const cells = await carouselCells();
  const { runs, failures } = await carouselMatrix(sample(cells, RUNS, seed));

  expect(cells.length).toBeGreaterThan(900);
  expect({ seed, runs, failures }).toEqual({ seed, runs: RUNS, failures: [] });
});
