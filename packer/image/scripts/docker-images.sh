#!/usr/bin/env bash
# Pulls DOCKER_IMAGES, separated by spaces. Docker also pulls an image of another architecture. Such an image fails only
# when it runs. So this script checks the architecture now.
set -euo pipefail

case $ARCHITECTURE in
  x86_64) expected=amd64 ;;
  *) expected=$ARCHITECTURE ;;
esac

read -r -a images <<<"$DOCKER_IMAGES"
for image in "${images[@]}"; do
  docker pull --quiet "$image"
  actual=$(docker image inspect --format '{{.Architecture}}' "$image")
  if [[ $actual != "$expected" ]]; then
    echo "$image is there for $actual, not for $expected: leave it out, or choose a tag that is." >&2
    exit 1
  fi
done
