import { inspect } from 'node:util';
import { isRecord } from '../../files/values';
import type { Check } from '../aws/rules';

/** A statement for the functions' role, as IAM's JSON has it. */
export interface PolicyStatement {
  /** Letters and digits. Default: none. */
  readonly Sid?: string;
  /** Only `Allow`. Default: `Allow`. */
  readonly Effect?: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** What `parsePipelines` returns as `config`. */
export const parsedConfig: Check = (property, value) => {
  if (isRecord(value) && Array.isArray(value.pipelines)) return;
  throw new Error(`${property} is ${shown(value)}: write the config that parsePipelines returns.`);
};

export const flag: Check = (property, value) => {
  if (value === undefined || typeof value === 'boolean') return;
  throw new Error(`${property} is ${shown(value)}: write true or false.`);
};

/** A whole number. */
export const within =
  (least: number, most: number, what: string): Check =>
  (property, value) => {
    if (value === undefined) return;
    if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return;
    throw new Error(`${property} is ${shown(value)}: write a whole number from ${least} to ${most} (${what}).`);
  };

export const statements: Check = (property, value) => {
  if (value === undefined) return;
  const write = 'write a list of { "Action": [...], "Resource": [...] }, as in an IAM policy';
  if (!Array.isArray(value)) throw new Error(`${property} is ${shown(value)}: ${write}.`);
  for (const [at, each] of value.entries()) {
    const where = `${property}[${at}]`;
    if (!isRecord(each)) throw new Error(`${where} is ${shown(each)}: ${write}.`);
    const known = ['Sid', 'Effect', 'Action', 'Resource', 'Condition'];
    const unknown = Object.keys(each).find((key) => !known.includes(key));
    if (unknown !== undefined) throw new Error(`${where} has the key ${unknown}: choose from ${known.join(', ')}.`);
    for (const key of ['Action', 'Resource']) {
      const texts = [each[key]].flat();
      if (texts.length === 0 || texts.some((one) => typeof one !== 'string' || one === '')) {
        throw new Error(`${where}.${key} is ${shown(each[key])}: write a text, or a list of texts.`);
      }
    }
    if (each.Effect !== undefined && each.Effect !== 'Allow') {
      throw new Error(`${where}.Effect is ${shown(each.Effect)}: write Allow, or leave it out.`);
    }
    if (each.Sid !== undefined && !/^[A-Za-z0-9]+$/.test(String(each.Sid))) {
      throw new Error(`${where}.Sid is ${shown(each.Sid)}: write letters and digits, or leave it out.`);
    }
    if (each.Condition !== undefined && !isRecord(each.Condition)) {
      throw new Error(`${where}.Condition is ${shown(each.Condition)}: write operators with keys and values.`);
    }
  }
};

const shown = (value: unknown) =>
  typeof value === 'string' ? JSON.stringify(value) : inspect(value, { depth: 1, breakLength: Infinity });
