#!/usr/bin/env bash
# download.sh URL SHA256 FILE: downloads a file. If its SHA-256 differs, the script deletes the file and fails.
set -euo pipefail

url=$1 expected=$2 file=$3
name=${url##*/}

if [[ ! $expected =~ ^[0-9a-f]{64}$ ]]; then
  echo "$name: its SHA-256 is '$expected': write the 64 hexadecimal digits into the variable sha256, with '$name' as the key." >&2
  exit 1
fi
curl --fail --silent --show-error --location --proto =https --retry 5 --output "$file" "$url"
actual=$(sha256sum "$file" | cut -d ' ' -f 1)
if [[ $actual != "$expected" ]]; then
  rm -f "$file"
  echo "$name: its SHA-256 is $actual, but the variable sha256 says $expected: this is not the file that was pinned." >&2
  exit 1
fi
