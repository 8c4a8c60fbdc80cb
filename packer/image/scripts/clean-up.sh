#!/usr/bin/env bash
# Removes the caches, logs and identities of the build instance. They must not be in the image. cloud-init, systemd and
# Docker create new ones on each instance of the image. The SSM agent stores its identity under the instance's ID.
# Packer removes its own key from authorized_keys after this script.
set -euo pipefail

root=${DESTDIR:-}
# The script removes the system's identity. So it refuses to run on a system that is not Amazon Linux.
if ! grep -q '^ID="\?amzn"\?$' "$root/etc/os-release"; then
  echo 'This is not Amazon Linux: nothing is removed.' >&2
  exit 1
fi

dnf clean all
# A running Docker daemon would write engine-id again.
systemctl stop docker.socket docker.service
rm -f "$root/var/lib/docker/engine-id" "$root/etc/hostname"
rm -rf "$root"/var/cache/dnf/* "$root"/var/lib/cloud/* "$root"/var/log/journal/*
rm -f "$root"/etc/ssh/ssh_host_*_key* "$root"/root/.bash_history "$root"/home/ec2-user/.bash_history
find "$root/var/log" -type f -exec truncate --size 0 {} +
# The file must be empty, not missing: systemd then writes a new ID at the next boot (machine-id(5)).
truncate --size 0 "$root/etc/machine-id"
sync
