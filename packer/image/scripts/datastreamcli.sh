#!/usr/bin/env bash
# Clones DATASTREAMCLI_REPOSITORY into ec2-user's home, at the commit DATASTREAMCLI_REF, and lets every path that
# upstream's execution files have called since 2024 lead to a script. After ngen-datastream.sh.
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

# link TARGET LINK: what the clone has under this name stays. The scripts find their repository by realpath.
link() {
  [[ -e $home/$2 ]] || ln -s "$1" "$home/$2"
}

# datastream_command_options run there.
link datastreamcli datastream
# datastream under its names of 2024 and 2025. stream.sh, of the spring of 2024, is ngen-datastream's own.
link ../../datastreamcli/scripts/datastream ngen-datastream/scripts/ngen-datastream
link ../../datastreamcli/scripts/datastream ngen-datastream/scripts/datastream
# Of early 2026: datastream routes alone too, by its options -t and -w.
link datastream datastreamcli/scripts/routing_only_datastream
# Forcing jobs copy a realization out of either clone.
for pair in ngen-datastream:datastreamcli datastreamcli:ngen-datastream; do
  for file in "$home/${pair%:*}"/configs/ngen/realization_*.json; do
    [[ ! -e $file ]] || link "../../../${pair%:*}/configs/ngen/${file##*/}" "${pair#*:}/configs/ngen/${file##*/}"
  done
done

chown --recursive --no-dereference ec2-user:ec2-user "$folder" "$home/ngen-datastream" "$home/datastream"
