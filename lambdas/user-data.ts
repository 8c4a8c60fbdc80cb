/** How long after the deadline the instance switches itself off: time for RunChecker and EC2Stopper to end it as asked. */
export const GRACE_SECONDS = 900;

const BOUNDARY = '==datastream==';

/**
 * User data with a dead-man's switch: should the whole orchestration be gone, the instance still ends.
 * cloud-init runs both parts, ours first (cloud-init documentation, "MIME multi-part archive").
 *
 * @param deadline when the job is cancelled
 * @param own the file's own user data, plain text of any kind that cloud-init knows
 * @returns base64, as RunInstances takes it
 */
export function userData(deadline: Date, own?: string): string {
  const powerOff = Math.ceil(deadline.getTime() / 1000) + GRACE_SECONDS;
  const parts = [part('text/x-shellscript', deadMansSwitch(powerOff))];
  if (own?.trim())
    parts.push(own.startsWith('Content-Type:') || own.startsWith('MIME-Version:') ? own : part(typeOf(own), own));
  const text = [
    `Content-Type: multipart/mixed; boundary="${BOUNDARY}"`,
    'MIME-Version: 1.0',
    '',
    ...parts.flatMap((each) => [`--${BOUNDARY}`, each]),
    `--${BOUNDARY}--`,
    '',
  ].join('\n');
  return Buffer.from(text).toString('base64');
}

/** A point in time, however long the instance takes to boot; systemd-run leaves logins open, shutdown closes them. */
function deadMansSwitch(powerOff: number): string {
  return `#!/bin/sh
power_off_at=${powerOff}
left=$((power_off_at - $(date +%s)))
[ "$left" -gt 0 ] || left=1
systemd-run --on-active="$left" systemctl poweroff || shutdown -P "+$((left / 60 + 1))"`;
}

function part(type: string, body: string): string {
  return `Content-Type: ${type}; charset="utf-8"\nMIME-Version: 1.0\n\n${body}`;
}

/** cloud-init tells the kinds apart by the first line. */
function typeOf(own: string): string {
  if (own.startsWith('#cloud-config')) return 'text/cloud-config';
  if (own.startsWith('#cloud-boothook')) return 'text/cloud-boothook';
  if (own.startsWith('#include')) return 'text/x-include-url';
  return 'text/x-shellscript';
}
