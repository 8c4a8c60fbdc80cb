import type { Path, Problems } from '../../files/problems';
import { list, member } from '../../files/values';

/** EC2 takes 50 tags per resource (EC2 User Guide, "Tag restrictions"); the state machine needs 16 of them. */
const MOST_TAGS = 50 - 16;

/** Reports tags in `TagSpecifications` that EC2 would refuse, or that collide with the state machine's own tags. */
export function checkTags(specifications: unknown, root: Path, problems: Problems): void {
  const keysOf = new Map<unknown, Set<string>>();
  list(specifications).forEach((specification, index) => {
    const path = [...root, index, 'Tags'];
    const type = member(specification, 'ResourceType');
    const keys = keysOf.get(type) ?? new Set();
    keysOf.set(type, keys);
    list(member(specification, 'Tags')).forEach((tag, position) => {
      const key = member(tag, 'Key');
      if (typeof key === 'string') checkKey(key, [...path, position, 'Key'], keys, problems);
    });
    if (keys.size <= MOST_TAGS) return;
    problems.error(
      path,
      `These are ${keys.size} tags: at most ${MOST_TAGS} are possible, since EC2 takes 50 and the state machine needs 16.`,
    );
  });
}

function checkKey(key: string, path: Path, keys: Set<string>, problems: Problems): void {
  if (/^(aws|datastream):/i.test(key)) {
    const owner = /^aws:/i.test(key) ? 'AWS' : 'the state machine';
    problems.error(path, `Keys that begin so are ${owner}'s own: choose another key.`, key);
  } else if (keys.has(key) && !problems.hasProblemAt(path)) {
    problems.error(path, 'EC2 refuses the same key twice: leave one of them out.', key);
  }
  keys.add(key);
}
