/** The folder of all submissions in their bucket; each has a folder of its own in it, called by its ID. */
export const SUBMISSIONS_FOLDER = 'submissions';

/** A submission's objects, and the prefix of what the Map Run writes. */
export function keysOf(id: string) {
  const folder = `${SUBMISSIONS_FOLDER}/${id}`;
  return { items: `${folder}/items.json`, map: `${folder}/map`, results: `${folder}/results.json` } as const;
}
