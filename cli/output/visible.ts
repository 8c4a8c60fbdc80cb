/** Replaces control characters by visible ones: a job's output must not move the cursor or clear the screen. */
export function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to show
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, (character) =>
    character === '\u007f' ? '\u2421' : String.fromCodePoint(0x2400 + (character.codePointAt(0) ?? 0)),
  );
}
