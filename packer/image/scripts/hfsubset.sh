#!/usr/bin/env bash
# Installs hfsubset from HFSUBSET_URL, whose SHA-256 is HFSUBSET_SHA256.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

bash "$DOWNLOAD" "$HFSUBSET_URL" "$HFSUBSET_SHA256" "$folder/hfsubset.tar.gz"
tar --extract --gzip --file "$folder/hfsubset.tar.gz" --directory "$folder" hfsubset
install -D --mode 0755 "$folder/hfsubset" "${DESTDIR:-}/usr/bin/hfsubset"
