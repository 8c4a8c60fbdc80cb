import { largeTurn } from '../../bench/carousel-turn';

test('1,000 files and 40 requests: one restore a file, one job a pair, and less than $0.0001 of orchestration a file', async () => {
  const turn = await largeTurn();

  expect([turn.status, turn.cause]).toEqual(['SUCCEEDED', undefined]);
  expect([turn.files, turn.restores, turn.restored]).toEqual([1000, 1000, 1000]);
  expect(turn.submitted).toBe(turn.pairs);
  expect(turn.events).toBeLessThan(25_000);
  expect(turn.dollars.file).toBeLessThanOrEqual(0.0001);
});
