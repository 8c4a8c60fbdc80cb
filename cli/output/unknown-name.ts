import { nearest } from '../../files/nearest';

/** What to tell a user who has named what is not there. @param what it is, such as `stream` */
export function unknownName(what: string, name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  const write = meant === undefined ? `write one of ${known.join(', ')}` : `write ${meant} if that is meant`;
  return `no ${what} is called '${name}': ${write}.`;
}
