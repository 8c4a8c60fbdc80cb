import { execFileSync } from 'node:child_process';
import { userData } from '../../lambdas/datastream/user-data';
import { describeWith } from '../support/tools';

/** As cloud-init reads user data: Python's email package, every part that is not itself multipart, decoded. */
const READER = `
import base64, email, json, sys
message = email.message_from_string(base64.b64decode(sys.stdin.read()).decode("utf-8"))
parts = [part for part in message.walk() if not part.is_multipart()]
print(json.dumps([[part.get_content_type(), base64.b64encode(part.get_payload(decode=True)).decode()] for part in parts]))
`;

function seen(own?: string): [string, string][] {
  const output = execFileSync('python3', ['-c', READER], {
    input: userData(3600, own),
    encoding: 'utf8',
  });
  return (JSON.parse(output) as [string, string][]).map(([type, body]) => [
    type,
    Buffer.from(body, 'base64').toString(),
  ]);
}

describeWith(['python3'], 'User data, as cloud-init reads it', () => {
  it.each([
    ['text/x-shellscript', '#!/bin/sh\necho "$(id)" \'quoted\'\n\n'],
    ['text/x-shellscript', '#!/bin/bash\necho \u6f22\u00e9\u{1f6f0}\n'],
    ['text/x-shellscript', '#!/bin/sh\ncat <<END\n--==datastream==\n--==datastream==--\nEND\n'],
    ['text/x-shellscript', `#!/bin/sh\n# ${'x'.repeat(13_000)}\n`],
    ['text/cloud-config', '#cloud-config\npackages: [git]\n'],
    ['text/cloud-boothook', '#cloud-boothook\n#!/bin/sh\ntrue'],
    ['text/x-include-url', '#include\nhttps://example.com/x'],
  ])('holds the switch first, then the own part, byte for byte: %s %#', (type, own) => {
    const [first, second, ...rest] = seen(own);

    expect(first?.[0]).toBe('text/x-shellscript');
    expect(first?.[1]).toContain('systemctl poweroff');
    expect([second, rest]).toEqual([[type, own], []]);
  });

  it("holds every part of the file's own multi-part archive", () => {
    const own = [
      'Content-Type: multipart/mixed; boundary="mine"',
      'MIME-Version: 1.0',
      '',
      '--mine',
      'Content-Type: text/cloud-config',
      '',
      '#cloud-config',
      '--mine',
      'Content-Type: text/x-shellscript',
      '',
      '#!/bin/sh',
      '--mine--',
    ].join('\n');

    expect(seen(own).slice(1)).toEqual([
      ['text/cloud-config', '#cloud-config'],
      ['text/x-shellscript', '#!/bin/sh'],
    ]);
  });

  it('holds the switch alone where the file has none', () => {
    expect(seen().map(([type]) => type)).toEqual(['text/x-shellscript']);
  });
});
