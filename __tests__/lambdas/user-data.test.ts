import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GRACE_SECONDS, userData } from '../../lambdas/user-data';

const deadline = new Date('2026-03-01T13:00:00Z');

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
  it('powers the instance off at a fixed time, a grace after the deadline', () => {
    const folder = mkdtempSync(join(tmpdir(), 'datastream-test-'));
    try {
      // prepare: a clock that stands ten minutes before the deadline, and a systemd-run that tells its arguments
      writeFileSync(join(folder, 'date'), `#!/bin/sh\necho ${deadline.getTime() / 1000 - 600}\n`);
      writeFileSync(join(folder, 'systemd-run'), '#!/bin/sh\necho "$@"\n');
      for (const name of ['date', 'systemd-run']) chmodSync(join(folder, name), 0o755);

      // act
      const said = execFileSync('sh', ['-c', parts(userData(deadline))[0]?.body ?? ''], {
        env: { PATH: `${folder}:${process.env.PATH}` },
        encoding: 'utf8',
      });

      // assess
      expect(said).toBe(`--on-active=${600 + GRACE_SECONDS} systemctl poweroff\n`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    ['#!/bin/bash\necho mine', 'text/x-shellscript'],
    ['#cloud-config\npackages: [git]', 'text/cloud-config'],
    ['#include\nhttps://example.com/x', 'text/x-include-url'],
  ])("keeps the file's own: %j", (own, type) => {
    const [first, second] = parts(userData(deadline, own));

    expect(first?.type).toBe('text/x-shellscript');
    expect(second).toEqual({ type, body: own });
  });

  it("encodes the file's own where it has other characters than ASCII", () => {
    const own = '#!/bin/sh\necho \u6f22\u00e9\u{1f6f0}\n';
    const text = Buffer.from(userData(deadline, own), 'base64').toString();

    expect(text).not.toMatch(/[^\n -~]/);
    const [encoded = ''] = text.split('Content-Transfer-Encoding: base64\n\n')[1]?.split('\n--') ?? [];
    expect(Buffer.from(encoded, 'base64').toString()).toBe(own);
  });

  it('is the same whenever it is made', () => {
    expect(userData(deadline, '#!/bin/sh')).toBe(userData(new Date(deadline), '#!/bin/sh'));
  });
});
