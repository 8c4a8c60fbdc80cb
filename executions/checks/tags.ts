import type { Path, Problems } from '../../files/problems';
import { list, member } from '../../files/values';

/** EC2 takes 50 tags per resource (EC2 User Guide, "Tag restrictions"); the state machine needs 16 of them. */
const MOST_TAGS = 50 - 16;
const TAG_KEY_LENGTH = 128;
const TAG_VALUE_LENGTH = 256;

/** What RunInstances can tag (its API reference, TagSpecification.N). */
const TAGGABLE = ['instance', 'volume', 'network-interface', 'spot-instances-request', 'elastic-gpu'];

/** Reports what EC2 would refuse in `TagSpecifications`, and what would collide with the state machine's own tags. */
export function checkTags(specifications: unknown, root: Path, problems: Problems): void {
  const keysOf = new Map<string, Set<string>>();
  list(specifications).forEach((specification, index) => {
    const path = [...root, index];
    const type = member(specification, 'ResourceType');
    if (type === undefined)
      problems.error([...path, 'ResourceType'], '"ResourceType" is missing: write "instance" or "volume".');
    if (typeof type === 'string' && !TAGGABLE.includes(type)) {
      problems.error([...path, 'ResourceType'], `A launch cannot tag this: write one of ${TAGGABLE.join(', ')}.`, type);
    }
    if (member(specification, 'Tags') === undefined)
      problems.error([...path, 'Tags'], '"Tags" is missing: write a list, [ ] for none.');
    const keys = keysOf.get(String(type)) ?? new Set();
    keysOf.set(String(type), keys);
    list(member(specification, 'Tags')).forEach((tag, position) => {
      checkTag(tag, [...path, 'Tags', position], keys, problems);
    });
    if (keys.size <= MOST_TAGS) return;
    problems.error(
      [...path, 'Tags'],
      `These are ${keys.size} tags: at most ${MOST_TAGS} are possible, since EC2 takes 50 and the state machine needs 16.`,
    );
  });
}

function checkTag(tag: unknown, path: Path, keys: Set<string>, problems: Problems): void {
  const key = member(tag, 'Key');
  const value = member(tag, 'Value');
  if (key === undefined) problems.error([...path, 'Key'], '"Key" is missing: write the tag\'s key.');
  if (value === undefined)
    problems.error([...path, 'Value'], '"Value" is missing: write the tag\'s value, "" for none.');
  if (typeof value === 'string' && value.length > TAG_VALUE_LENGTH) {
    problems.error(
      [...path, 'Value'],
      `EC2 takes at most ${TAG_VALUE_LENGTH} characters: write a shorter value.`,
      value,
    );
  }
  if (typeof key !== 'string') return;
  if (key === '')
    problems.error([...path, 'Key'], "A tag's key cannot be empty: write one, or leave the tag out.", key);
  else if (key.length > TAG_KEY_LENGTH) {
    problems.error([...path, 'Key'], `EC2 takes at most ${TAG_KEY_LENGTH} characters: write a shorter key.`, key);
  } else if (/^(aws|datastream):/i.test(key)) {
    const owner = /^aws:/i.test(key) ? 'AWS' : 'the state machine';
    problems.error([...path, 'Key'], `Keys that begin so are ${owner}'s own: write another key.`, key);
  } else if (keys.has(key))
    problems.error([...path, 'Key'], 'EC2 refuses the same key twice: leave one of them out.', key);
  keys.add(key);
}
