#!/usr/bin/env bash
# Clones DATASTREAMCLI_REPOSITORY into ec2-user's home, at the commit DATASTREAMCLI_REF. Upstream's execution files have
# called the scripts by several paths since 2024. This script links each of these paths to a script. It runs after
# ngen-datastream.sh.
set -euo pipefail

home=${DESTDIR:-}/home/ec2-user
folder=$home/datastreamcli

git clone --quiet -- "$DATASTREAMCLI_REPOSITORY" "$folder"
git -C "$folder" checkout --quiet --detach "$DATASTREAMCLI_REF"
commit=$(git -C "$folder" rev-parse HEAD)
if [[ $commit != "$DATASTREAMCLI_REF" ]]; then
  echo "$DATASTREAMCLI_REPOSITORY is at $commit, not at $DATASTREAMCLI_REF." >&2
  exit 1
fi

# link TARGET LINK: creates a link, but keeps a file of this name. The scripts find their repository by realpath.
link() {
  [[ -e $home/$2 ]] || ln -s "$1" "$home/$2"
}

# Commands from datastream_command_options run in this folder.
link datastreamcli datastream
# The names of the script datastream in 2024 and 2025. stream.sh, of spring 2024, is in the ngen-datastream clone.
link ../../datastreamcli/scripts/datastream ngen-datastream/scripts/ngen-datastream
link ../../datastreamcli/scripts/datastream ngen-datastream/scripts/datastream
# The name of early 2026 for routing only. datastream does that too, with its options -t and -w.
link datastream datastreamcli/scripts/routing_only_datastream
# Forcing jobs copy a realization from one of the two clones.
for pair in ngen-datastream:datastreamcli datastreamcli:ngen-datastream; do
  for file in "$home/${pair%:*}"/configs/ngen/realization_*.json; do
    [[ ! -e $file ]] || link "../../../${pair%:*}/configs/ngen/${file##*/}" "${pair#*:}/configs/ngen/${file##*/}"
  done
done

chown --recursive --no-dereference ec2-user:ec2-user "$folder" "$home/ngen-datastream" "$home/datastream"
