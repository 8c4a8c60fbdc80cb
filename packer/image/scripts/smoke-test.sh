#!/usr/bin/env bash
# Runs all installed software as ec2-user. Writes the result to /etc/datastream/software.json: the versions, the digests
# of the Docker images (DOCKER_IMAGES, separated by spaces), the commits and the running kernel. If the next boot uses
# another kernel, the file has this one as default_kernel.
set -euo pipefail

as_user() {
  # The tool gets no input. Otherwise it could read the rest of the list below.
  runuser --login ec2-user --command "$1" 2>&1 </dev/null
}

# try NAME COMMAND: prints the command's output. If the command fails or prints nothing, the build ends.
try() {
  local output
  if ! output=$(as_user "$2") || [[ -z $output ]]; then
    echo "$1 does not work. ec2-user has run: $2" >&2
    echo "${output:-It prints nothing.}" >&2
    exit 1
  fi
  printf '%s\n' "$output"
}

versions='{}'
while IFS='|' read -r name command; do
  output=$(try "$name" "$command")
  versions=$(jq --arg name "$name" --arg version "$(head -n 1 <<<"$output")" '.[$name] = $version' <<<"$versions")
done <<'TOOLS'
docker|docker --version
mount-s3|mount-s3 --version
git|git --version
pip|python3 -m pip --version
pigz|pigz --version
aws|aws --version
python|python3 --version
jq|jq --version
TOOLS

# hfsubset prints no version. Some of its releases exit with 2 after they print their help.
usage=$(as_user 'hfsubset --help' || true)
if [[ $usage != *'Hydrofabric Subsetter'* ]]; then
  printf '%s\n' "hfsubset does not work. ec2-user has run: hfsubset --help" "$usage" >&2
  exit 1
fi
versions=$(jq --arg file "${HFSUBSET_URL##*/}" '.hfsubset = $file' <<<"$versions")

# Each path by which upstream's execution files call a script. With --help the scripts only print their usage. Their
# exit codes differ.
while read -r folder script; do
  usage=$(as_user "cd $folder && $script --help" || true)
  if [[ $usage != *'Usage:'* ]]; then
    printf '%s\n' "$script does not work. ec2-user has run: cd $folder && $script --help" "${usage:-It prints nothing.}" >&2
    exit 1
  fi
done <<'SCRIPTS'
~/datastream ./scripts/datastream
~ ~/datastreamcli/scripts/datastream
~ ~/datastreamcli/scripts/routing_only_datastream
~ ~/ngen-datastream/scripts/datastream
~ ~/ngen-datastream/scripts/ngen-datastream
~/ngen-datastream ./scripts/stream.sh
SCRIPTS
for clone in datastream datastreamcli ngen-datastream; do
  try 'A realization' "ls ~/$clone/configs/ngen/realization_sloth_nom_cfe_pet.json" >/dev/null
done

# Tests the Docker daemon and a container. The container's image is empty and made here, so nothing is pulled.
server=$(try 'The docker daemon' "docker info --format '{{.ServerVersion}}'")
versions=$(jq --arg server "$server" '.["docker daemon"] = $server' <<<"$versions")
try 'A container' "tar --create --files-from /dev/null | docker import - datastream-smoke-test" >/dev/null
case $ARCHITECTURE in
  arm64) expected=aarch64 ;;
  *) expected=$ARCHITECTURE ;;
esac
machine=$(try 'A container' "docker run --rm --network none --volume /usr:/usr:ro --volume /lib:/lib:ro --volume /lib64:/lib64:ro \
  datastream-smoke-test /usr/bin/uname --machine")
if [[ $machine != "$expected" ]]; then
  echo "A container runs on $machine, not on $expected: choose a base_ami and an instance_type of the architecture $ARCHITECTURE." >&2
  exit 1
fi
try 'docker' 'docker image rm datastream-smoke-test' >/dev/null

images='{}'
read -r -a names <<<"$DOCKER_IMAGES"
for name in "${names[@]}"; do
  digest=$(try "The image $name" "docker image inspect --format '{{index .RepoDigests 0}}' '$name'")
  images=$(jq --arg name "$name" --arg digest "$digest" '.[$name] = $digest' <<<"$images")
done

kernel=$(uname --kernel-release)
# The upgrade may have installed another kernel. Instances of the image boot that kernel; this test ran on the old one.
default_kernel=$(grubby --default-kernel)
default_kernel=${default_kernel##*/vmlinuz-}
system=$(sed -n 's/^PRETTY_NAME="\?\([^"]*\)"\?$/\1/p' "${DESTDIR:-}/etc/os-release")
commit=$(try 'The ngen-datastream repository' 'git -C ~/ngen-datastream rev-parse HEAD')
datastreamcli_commit=$(try 'The datastreamcli repository' 'git -C ~/datastreamcli rev-parse HEAD')

folder=${DESTDIR:-}/etc/datastream
mkdir -p "$folder"
jq --null-input \
  --arg system "$system" \
  --arg kernel "$kernel" \
  --arg default_kernel "$default_kernel" \
  --arg architecture "$ARCHITECTURE" \
  --argjson versions "$versions" \
  --argjson images "$images" \
  --arg repository "$NGEN_DATASTREAM_REPOSITORY" \
  --arg commit "$commit" \
  --arg datastreamcli_repository "$DATASTREAMCLI_REPOSITORY" \
  --arg datastreamcli_commit "$datastreamcli_commit" \
  '{
    system: $system, kernel: $kernel, architecture: $architecture, versions: $versions, docker_images: $images,
    ngen_datastream: { repository: $repository, commit: $commit },
    datastreamcli: { repository: $datastreamcli_repository, commit: $datastreamcli_commit }
  } + (if $default_kernel == $kernel then {} else { default_kernel: $default_kernel } end)' >"$folder/software.json"
cat "$folder/software.json"
