#!/usr/bin/env bash
# Takes files from the work queue and indexes them into HSDS, until the queue is empty.
#
# Environment: WORK_QUEUE_URL, FILES_TABLE, AWS_DEFAULT_REGION; HS_USERNAME and HS_PASSWORD, which AWS Batch sets from
# Secrets Manager. A message is the source's: {"domain", "hsds_endpoint", "s3_input_file"}. It is deleted last, so that a
# file whose indexing was interrupted is indexed again; after three times it goes to the dead letters.
set -euo pipefail

: "${WORK_QUEUE_URL:?is not set}" "${FILES_TABLE:?is not set}" "${AWS_DEFAULT_REGION:?is not set}"
: "${HS_USERNAME:?is not set}" "${HS_PASSWORD:?is not set}"
export HS_USERNAME HS_PASSWORD

failed=0
while true; do
  received=$(aws sqs receive-message --queue-url "$WORK_QUEUE_URL" --wait-time-seconds 5 --max-number-of-messages 1 --output json)
  [ -n "$received" ] || break
  receipt=$(jq -r '.Messages[0].ReceiptHandle // empty' <<<"$received")
  [ -n "$receipt" ] || break
  body=$(jq -r '.Messages[0].Body' <<<"$received")

  # What is no message of ours is left to the dead letters.
  if ! work=$(jq -er '[.domain, .hsds_endpoint, .s3_input_file] | map(select(type == "string" and length > 0)) | select(length == 3) | @tsv' <<<"$body" 2>/dev/null); then
    echo "no file to index: $body" >&2
    failed=1
    continue
  fi
  IFS=$'\t' read -r domain endpoint file <<<"$work"
  case $file in
    s3://*/*) key=${file#s3://*/} ;;
    *)
      echo "no address of an object: $file" >&2
      failed=1
      continue
      ;;
  esac
  target=${domain%/}/$key
  export HS_ENDPOINT=$endpoint
  echo "indexing $file as $target"

  # Folders first: a domain of HSDS needs the folder that it is in.
  folder=$domain
  IFS=/ read -ra parts <<<"${key%/*}"
  if [ "$key" != "${key%/*}" ]; then
    for part in "${parts[@]}"; do
      folder=${folder%/}/$part/
      hstouch "$folder" || true
    done
  fi
  # An earlier try may have left a part.
  hsrm "$target" >/dev/null 2>&1 || true
  # --link copies the metadata only: the data stay in the archived file.
  if ! hsload --link "$file" "$target"; then
    echo "hsload could not index $file" >&2
    failed=1
    continue
  fi
  aws dynamodb update-item --table-name "$FILES_TABLE" \
    --key "$(jq -nc --arg key "$key" '{FilePath: {S: $key}}')" \
    --update-expression 'SET IndexedAt = :now' \
    --expression-attribute-values "$(jq -nc --arg now "$(date -u +%Y-%m-%dT%H:%M:%SZ)" '{":now": {S: $now}}')"
  aws sqs delete-message --queue-url "$WORK_QUEUE_URL" --receipt-handle "$receipt"
done
exit "$failed"
