/** Tolerant views of a value of any type: the structure check reports a wrong type, and the other checks read on. */

/** The value as an object with own keys; empty if it is no object. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

/** Whether the value is an object and no array. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An own member, never one of the prototype (`constructor`, `toString`). */
export function member(value: unknown, key: string): unknown {
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** The value as an array; empty if it is no array. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value as a string; undefined if it is no string. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Bytes of the text in UTF-8, as AWS's size limits count. */
export function utf8Bytes(value: string): number {
  return Buffer.byteLength(value, 'utf8');
}
