import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GRACE_SECONDS, userData } from '../../../lambdas/datastream/user-data';

/** Seconds from the launch until the job is cancelled. */
const TIMEOUT = 3600;

/** The parts of a MIME message, as type and body. */
function parts(base64: string): { type?: string; body: string }[] {
  const text = Buffer.from(base64, 'base64').toString();
  const boundary = /boundary="([^"]+)"/.exec(text)?.[1] ?? '';
  return text
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => ({
      type: /Content-Type: ([^;\n]+)/.exec(part)?.[1],
      body: part.slice(part.indexOf('\n\n') + 2).trim(),
    }));
}

describe('User data', () => {
  it('powers the instance off a grace after the deadline', () => {
    const folder = mkdtempSync(join(tmpdir(), 'datastream-test-'));
    try {
      // prepare: a systemd-run that tells its arguments
      writeFileSync(join(folder, 'systemd-run'), '#!/bin/sh\necho "$@"\n', { mode: 0o755 });

      // act
      const said = execFileSync('sh', ['-c', parts(userData(TIMEOUT))[0]?.body ?? ''], {
        env: { PATH: `${folder}:${process.env.PATH}` },
        encoding: 'utf8',
      });

      // assess
      expect(said).toBe(`--on-active=${TIMEOUT + GRACE_SECONDS} systemctl poweroff\n`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    ['#!/bin/bash\necho mine', 'text/x-shellscript'],
    ['#cloud-config\npackages: [git]', 'text/cloud-config'],
    ['#include\nhttps://example.com/x', 'text/x-include-url'],
  ])("keeps the file's own: %j", (own, type) => {
    const [first, second] = parts(userData(TIMEOUT, own));

    expect(first?.type).toBe('text/x-shellscript');
    expect(second).toEqual({ type, body: own });
  });

  it("encodes the file's own where it has other characters than ASCII", () => {
    const own = '#!/bin/sh\necho \u6f22\u00e9\u{1f6f0}\n';
    const text = Buffer.from(userData(TIMEOUT, own), 'base64').toString();

    expect(text).not.toMatch(/[^\n -~]/);
    const [encoded = ''] = text.split('Content-Transfer-Encoding: base64\n\n')[1]?.split('\n--') ?? [];
    expect(Buffer.from(encoded, 'base64').toString()).toBe(own);
  });
});
