#!/usr/bin/env bash
# Clones NGEN_DATASTREAM_REPOSITORY into ec2-user's home, at the commit NGEN_DATASTREAM_REF.
set -euo pipefail

folder=${DESTDIR:-}/home/ec2-user/ngen-datastream

git clone --quiet -- "$NGEN_DATASTREAM_REPOSITORY" "$folder"
git -C "$folder" checkout --quiet --detach "$NGEN_DATASTREAM_REF"
commit=$(git -C "$folder" rev-parse HEAD)
if [[ $commit != "$NGEN_DATASTREAM_REF" ]]; then
  echo "$NGEN_DATASTREAM_REPOSITORY is at $commit, not at $NGEN_DATASTREAM_REF." >&2
  exit 1
fi
chown --recursive ec2-user:ec2-user "$folder"
