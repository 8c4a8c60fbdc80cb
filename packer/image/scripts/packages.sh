#!/usr/bin/env bash
# Installs packages of Amazon Linux. PACKAGES: dnf's names of the packages, separated by semicolons. RELEASE: the
# release of the packages; empty for the base image's release.
set -euo pipefail

os_release=${DESTDIR:-}/etc/os-release
if ! grep -q '^ID="\?amzn"\?$' "$os_release" || ! grep -q '^VERSION_ID="\?2023"\?$' "$os_release"; then
  echo "The base image is not Amazon Linux 2023 but $(grep '^PRETTY_NAME=' "$os_release" || echo 'another system'): choose another base_ami." >&2
  exit 1
fi

options=(--assumeyes)
[[ -z $RELEASE ]] || options+=("--releasever=$RELEASE")
IFS=';' read -r -a specs <<<"$PACKAGES"

dnf "${options[@]}" upgrade
dnf "${options[@]}" install "${specs[@]}"
