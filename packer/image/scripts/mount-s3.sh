#!/usr/bin/env bash
# Installs Mountpoint for Amazon S3 from MOUNT_S3_URL, whose SHA-256 is MOUNT_S3_SHA256.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

bash "$DOWNLOAD" "$MOUNT_S3_URL" "$MOUNT_S3_SHA256" "$folder/mount-s3.rpm"
dnf --assumeyes install "$folder/mount-s3.rpm"
