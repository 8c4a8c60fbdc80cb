import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalClock } from './clock';

/** How the embedded GBIF makes a download. */
export interface Making {
  /** Milliseconds until it is there, or until it fails. Infinity: it never is. Default: three hours. */
  readonly takes?: number;
  /** How it ends. Default: SUCCEEDED. */
  readonly ends?: 'SUCCEEDED' | 'FAILED' | 'KILLED';
}

interface Download {
  readonly key: string;
  readonly creator: string;
  readonly request: unknown;
  readonly created: Date;
  readonly making: Making;
}

const THREE_HOURS_MS = 3 * 3_600_000;
const API = 'https://api.gbif.org/v1/occurrence/download';

/**
 * GBIF's API of downloads (GBIF, Occurrence Download API): a request, its key, and how it stands. The downloads
 * themselves are the zips of a folder, by their keys.
 */
export class EmbeddedGbif {
  readonly downloads: Download[] = [];
  /** Every question, in order: the method and the path below the API. */
  readonly calls: string[] = [];
  readonly #clock: LocalClock;
  readonly #folder: string;
  readonly #keys: readonly string[];
  readonly #making: Making;
  readonly #answer: (call: string, number: number) => number | undefined;

  /**
   * @param keys of the downloads that requests get, in order; the last one for all further requests
   * @param making how each is made
   * @param answer the HTTP status of a question in place of its answer; by default every one is answered
   */
  constructor(
    clock: LocalClock,
    folder: string,
    keys: readonly string[],
    making: Making = {},
    answer: (call: string, number: number) => number | undefined = () => undefined,
  ) {
    this.#clock = clock;
    this.#folder = folder;
    this.#keys = keys;
    this.#making = making;
    this.#answer = answer;
  }

  /** In place of `fetch`: answers questions to GBIF's API, and to no other server. */
  readonly fetch = async (url: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const address = String(url instanceof Request ? url.url : url);
    if (!address.startsWith(API))
      throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ENETUNREACH' } });
    const { method = 'GET', body, headers } = init;
    const path = address.slice(API.length).replace(/\?.*/, '');
    this.calls.push(`${method} ${path}`);
    await this.#clock.sleep(300);
    const status = this.#answer(`${method} ${path}`, this.calls.length);
    if (status !== undefined) return new Response('', { status });
    if (method === 'POST' && path === '/request') return this.#request(JSON.parse(String(body)), new Headers(headers));
    const user = /^\/user\/([^/]+)$/.exec(path)?.[1];
    if (user !== undefined) {
      const results = this.downloads.filter(({ creator }) => creator === user).map((each) => this.#told(each));
      return Response.json({ offset: 0, limit: 1000, endOfRecords: true, count: results.length, results });
    }
    const download = this.downloads.find(({ key }) => path === `/${key}`);
    return download ? Response.json(this.#told(download)) : new Response('', { status: 404 });
  };

  #request(request: { creator?: string }, headers: Headers): Response {
    const [, basic = ''] = /^Basic (.+)$/.exec(headers.get('authorization') ?? '') ?? [];
    const [creator = ''] = Buffer.from(basic, 'base64').toString('utf8').split(':');
    if (creator === '') return new Response('', { status: 401 });
    const key = this.#keys[Math.min(this.downloads.length, this.#keys.length - 1)] as string;
    this.downloads.push({ key, creator, request, created: this.#clock.now(), making: this.#making });
    return new Response(key, { status: 201 });
  }

  #told({ key, request, created, making }: Download) {
    const { takes = THREE_HOURS_MS, ends = 'SUCCEEDED' } = making;
    const file = join(this.#folder, `${key}.zip`);
    const done = this.#clock.now().getTime() - created.getTime() >= takes;
    return {
      key,
      request,
      created: created.toISOString(),
      modified: this.#clock.now().toISOString(),
      status: done ? ends : 'RUNNING',
      downloadLink: `${API}/request/${key}.zip`,
      size: done && existsSync(file) ? statSync(file).size : 0,
    };
  }
}
