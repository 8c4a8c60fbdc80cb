/** The instance shuts down this long after the deadline. Before that, RunChecker and EC2Stopper can end it as asked. */
export const GRACE_SECONDS = 900;

/**
 * User data with a dead-man's switch: the instance shuts down even if the whole state machine no longer exists.
 * cloud-init runs both parts, the switch first (cloud-init documentation, "MIME multi-part archive").
 *
 * @param timeoutSeconds from the launch until the job is cancelled
 * @param own the file's own user data, plain text of any kind that cloud-init knows
 * @returns base64, as RunInstances takes it
 */
export function userData(timeoutSeconds: number, own?: string): string {
  const parts = [part('text/x-shellscript', deadMansSwitch(timeoutSeconds + GRACE_SECONDS))];
  if (own?.trim())
    parts.push(own.startsWith('Content-Type:') || own.startsWith('MIME-Version:') ? own : part(typeOf(own), own));
  let boundary = '==datastream==';
  while (own?.includes(boundary)) boundary += '=';
  const text = [
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    'MIME-Version: 1.0',
    '',
    ...parts.flatMap((each) => [`--${boundary}`, each]),
    `--${boundary}--`,
    '',
  ].join('\n');
  return Buffer.from(text).toString('base64');
}

/**
 * The time counts from the boot, because a repeated launch must have the same parameters. `shutdown` blocks logins
 * before its time; systemd-run does not.
 */
function deadMansSwitch(seconds: number): string {
  return `#!/bin/sh
systemd-run --on-active=${seconds} systemctl poweroff || shutdown -P +${Math.ceil(seconds / 60)}`;
}

/**
 * cloud-init reads this with Python's email package. The package turns characters other than ASCII into `\\u...` unless
 * they are encoded.
 */
function part(type: string, body: string): string {
  const head = `Content-Type: ${type}; charset="utf-8"\nMIME-Version: 1.0\n`;
  if (Buffer.byteLength(body) === body.length) return `${head}\n${body}`;
  const lines =
    Buffer.from(body)
      .toString('base64')
      .match(/.{1,76}/g) ?? [];
  return `${head}Content-Transfer-Encoding: base64\n\n${lines.join('\n')}`;
}

/** cloud-init recognises the type by the first line. */
function typeOf(own: string): string {
  if (own.startsWith('#cloud-config')) return 'text/cloud-config';
  if (own.startsWith('#cloud-boothook')) return 'text/cloud-boothook';
  if (own.startsWith('#include')) return 'text/x-include-url';
  return 'text/x-shellscript';
}
