"""What the jobs of BISON share: objects of S3 or files, Parquet, and how a job ends.

An address is `s3://BUCKET/KEY`, or a path of this computer. S3 needs pyarrow, which the image has; paths need Python
alone, but for Parquet.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

# Rows that are in memory at once. A row of GBIF's is about 200 bytes here.
BATCH_ROWS = 65_536


class JobError(Exception):
    """An input that the job cannot use. The message says what is wrong, what was found and what to do."""


class Problems:
    """Collects what is wrong with the inputs, so that one message tells all of it.

    problems = Problems()
    with problems:
        read(one)
    with problems:
        read(other)
    problems.check()
    """

    def __init__(self):
        self.found = []

    def __enter__(self):
        return self

    def __exit__(self, _type, error, _traceback):
        if isinstance(error, JobError):
            self.found.append(str(error))
            return True
        return None

    def check(self):
        """Raises JobError with every problem, each in a line of its own."""
        if self.found:
            raise JobError("\n".join(self.found))


def run(name, main, arguments=None):
    """Runs a job as a program: exit code 0, or 1 with one message and no stack trace for what a user can mend."""
    try:
        main(sys.argv[1:] if arguments is None else arguments)
    except JobError as error:
        sys.exit(f"{name}: {error}")
    # AccessDenied, NoSuchBucket and a lost connection are OSErrors of pyarrow; a broken Parquet file is its ValueError.
    except OSError as error:
        sys.exit(f"{name}: {type(error).__name__}: {error}")
    except ValueError as error:
        if type(error).__module__.split(".")[0] != "pyarrow":
            raise
        sys.exit(f"{name}: {type(error).__name__}: {error}")


def log(message, **values):
    """Writes a line of JSON into the job's log."""
    print(json.dumps({"message": message, **values}, ensure_ascii=False), flush=True)


def chunk_of(environment):
    """The job's place in its array and the array's size, as AWS Batch says them: (0, 1) for a job without an array."""
    index = environment.get("AWS_BATCH_JOB_ARRAY_INDEX")
    size = environment.get("AWS_BATCH_JOB_ARRAY_SIZE")
    if index is None and size is None:
        return 0, 1
    numbers = [int(each) if re.fullmatch(r"\d{1,5}", each or "") else None for each in (index, size)]
    if None in numbers or numbers[0] >= numbers[1]:
        raise JobError(
            f"AWS_BATCH_JOB_ARRAY_INDEX is {index!r} and AWS_BATCH_JOB_ARRAY_SIZE is {size!r}: AWS Batch sets both for "
            "a child of an array job; set both, or neither."
        )
    return numbers[0], numbers[1]


# A snapshot is of the first day of a month, as GBIF's open data are.
SNAPSHOT = re.compile(r"\d{4}-(0[1-9]|1[0-2])-01")


def snapshot_of(text):
    """Checks the option --snapshot. argparse tells what is wrong with it."""
    if not SNAPSHOT.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no first day of a month, such as 2025-11-01")
    return text


class Place:
    """Where the jobs read and write, as the job definitions say it in variables.

    BISON_BUCKET is the bucket's name, or a folder's path, which has a slash. BISON_RIIS is the key of RIIS' list.
    BISON_REGIONS is JSON: for `county` and `aiannh` the `key` of a GeoPackage and the `layer` in it.

    Throws JobError that names every variable that is missing or has another form.
    """

    def __init__(self, environment):
        problems = Problems()
        values = {}
        for name in ("BISON_BUCKET", "BISON_RIIS", "BISON_REGIONS"):
            with problems:
                values[name] = environment.get(name)
                if not values[name]:
                    raise JobError(f"{name} is not set: the job definition of BISON sets it.")
        self.regions = {}
        for kind in ("county", "aiannh"):
            with problems:
                self.regions[kind] = region_file(values["BISON_REGIONS"], kind)
        problems.check()
        bucket = values["BISON_BUCKET"]
        self._root = bucket if "/" in bucket else f"s3://{bucket}"
        self.riis = self.address(values["BISON_RIIS"])

    def address(self, key):
        return joined(self._root, key)

    def annotated_riis(self, snapshot):
        """The address of the list that annotate_riis.py makes of RIIS for a snapshot."""
        stem = self.riis[: -len(".csv")] if self.riis.endswith(".csv") else self.riis
        return f"{stem}_annotated_{snapshot.replace('-', '_')}.csv"


def region_file(regions, kind):
    """The key and the layer of a kind of regions."""
    try:
        found = json.loads(regions or "{}")[kind]
        key, layer = found["key"], found["layer"]
    except (ValueError, KeyError, TypeError):
        key = layer = None
    if not (isinstance(key, str) and key and isinstance(layer, str) and layer):
        raise JobError(
            f"BISON_REGIONS is {regions!r}, without a GeoPackage for {kind}: the job definition of BISON sets "
            f'{{"{kind}": {{"key": KEY, "layer": LAYER}}}}.'
        )
    return key, layer


def is_s3(address):
    return address.startswith("s3://")


_FILESYSTEMS = {}


def filesystem(address):
    """pyarrow's file system of an address, and the address's path in it."""
    from pyarrow import fs

    if not is_s3(address):
        return fs.LocalFileSystem(), str(Path(address).absolute())
    path = address[len("s3://") :]
    bucket = path.split("/")[0]
    if bucket not in _FILESYSTEMS:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or fs.resolve_s3_region(bucket)
        # pyarrow does not read the variable that AWS's own clients have for another endpoint.
        endpoint = urlsplit(os.environ.get("AWS_ENDPOINT_URL", ""))
        other = {"endpoint_override": endpoint.netloc, "scheme": endpoint.scheme} if endpoint.netloc else {}
        # With a delayed opening, a small object is one request in place of three.
        _FILESYSTEMS[bucket] = fs.S3FileSystem(region=region, allow_delayed_open=True, **other)
    return _FILESYSTEMS[bucket], path


def read_bytes(address):
    """The content of a file or an object. Throws JobError that names it if there is none."""
    try:
        if not is_s3(address):
            return Path(address).read_bytes()
        system, path = filesystem(address)
        with system.open_input_stream(path) as stream:
            return stream.read()
    except FileNotFoundError:
        raise JobError(f"{address}: there is no such file; see `datastream bison inputs check`.") from None
    except OSError as error:
        # S3 says so of a missing object too, to a role that may not list the bucket.
        if "ACCESS_DENIED" not in str(error):
            raise
        raise JobError(
            f"{address}: there is no such file, or the job's role may not read it; see `datastream bison inputs check`."
        ) from None


def create(address):
    """Opens a file or an object for writing, in the place of one that is there."""
    if not is_s3(address):
        Path(address).parent.mkdir(parents=True, exist_ok=True)
        return open(address, "wb")
    system, path = filesystem(address)
    return system.open_output_stream(path)


def write_bytes(address, content):
    """Writes a whole file or object, in the place of one that is there."""
    with create(address) as stream:
        stream.write(content)


def list_files(folder):
    """The addresses of the files below a folder, in the order of their names.

    Empty ones are left out, and those that Athena and Glue do not read: their names begin with `_` or `.`.
    """
    if not is_s3(folder):
        found = [(str(each), each.stat().st_size) for each in Path(folder).rglob("*") if each.is_file()]
    else:
        from pyarrow import fs

        system, path = filesystem(folder.rstrip("/"))
        selector = fs.FileSelector(path, recursive=True, allow_not_found=True)
        found = [(f"s3://{each.path}", each.size) for each in system.get_file_info(selector) if each.is_file]
    return sorted(address for address, size in found if size and address.split("/")[-1][0] not in "_.")


def joined(folder, name):
    """The address of a file in a folder, whether the folder's address ends with a slash or not."""
    return f"{folder.rstrip('/')}/{name}"


def open_parquet(address):
    """Opens a Parquet file of which rows are read as they are needed."""
    import pyarrow
    from pyarrow import parquet

    system, path = filesystem(address)
    try:
        return parquet.ParquetFile(system.open_input_file(path))
    except pyarrow.ArrowInvalid as error:
        raise JobError(f"{address}: this is no Parquet file: {error}") from None


def missing_columns(address, present, wanted, kind="column"):
    """Raises JobError that names each missing column, and those that are there."""
    missing = [each for each in wanted if each not in present]
    if missing:
        raise JobError(f"{address}: there is no {kind} {', '.join(missing)}. It has {', '.join(present) or 'none'}.")
