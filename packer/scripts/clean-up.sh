#!/usr/bin/env bash
# Removes what is this one instance's and no image's: caches, logs, identities. cloud-init, Docker, systemd and the SSM
# agent make new ones on each instance of the image. Packer's own key leaves authorized_keys after this.
set -euo pipefail

root=${DESTDIR:-}
# It removes this system's identity: not the one of a computer where somebody tries it.
if ! grep -q '^ID="\?amzn"\?$' "$root/etc/os-release"; then
  echo 'This is not Amazon Linux: nothing is removed.' >&2
  exit 1
fi

dnf clean all
# Both write into their folders as they run or end: a random seed is saved at every shutdown.
systemctl stop docker.socket docker.service systemd-random-seed.service
rm -f "$root/var/lib/docker/engine-id" "$root/var/lib/systemd/random-seed" "$root/etc/hostname"
# This very session may go through the SSM agent, by files in its folder. What is to start before the agent stops after
# it: the folder is emptied as the system shuts down. The unit itself is in /run, and not in the image.
systemd-run --unit datastream-clean-up --property Type=oneshot --property RemainAfterExit=yes \
  --property Before=amazon-ssm-agent.service \
  --property "ExecStop=/usr/bin/find $root/var/lib/amazon/ssm -mindepth 1 -delete" /usr/bin/true
rm -rf "$root"/var/cache/dnf/* "$root"/var/lib/cloud/* "$root"/var/log/journal/*
rm -f "$root"/etc/ssh/ssh_host_*_key* "$root"/root/.bash_history "$root"/home/ec2-user/.bash_history
find "$root/var/log" -type f -exec truncate --size 0 {} +
# Empty, not missing: systemd then makes one at the next boot (machine-id(5)).
truncate --size 0 "$root/etc/machine-id"
sync
