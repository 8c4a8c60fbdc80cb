#!/usr/bin/env bash
# Removes what is this one instance's and no image's: caches, logs, identities. cloud-init, systemd and Docker make new
# ones on each instance of the image; the SSM agent keeps its own by the instance's ID. Packer's own key leaves
# authorized_keys after this.
set -euo pipefail

root=${DESTDIR:-}
# It removes this system's identity: not the one of a computer where somebody tries it.
if ! grep -q '^ID="\?amzn"\?$' "$root/etc/os-release"; then
  echo 'This is not Amazon Linux: nothing is removed.' >&2
  exit 1
fi

dnf clean all
# A daemon that runs would write it again.
systemctl stop docker.socket docker.service
rm -f "$root/var/lib/docker/engine-id" "$root/etc/hostname"
rm -rf "$root"/var/cache/dnf/* "$root"/var/lib/cloud/* "$root"/var/log/journal/*
rm -f "$root"/etc/ssh/ssh_host_*_key* "$root"/root/.bash_history "$root"/home/ec2-user/.bash_history
find "$root/var/log" -type f -exec truncate --size 0 {} +
# Empty, not missing: systemd then makes one at the next boot (machine-id(5)).
truncate --size 0 "$root/etc/machine-id"
sync
