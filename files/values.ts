/** Tolerant views of a value that may have any type: the structure check reports what is wrong, the others read on. */

/** The value as an object with own keys; empty where it is none. */
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

/** The value as an array; empty where it is none. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value as a string; undefined where it is none. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Bytes of the text in UTF-8, which is what AWS's size limits count. */
export function utf8Bytes(value: string): number {
  return Buffer.byteLength(value, 'utf8');
}
