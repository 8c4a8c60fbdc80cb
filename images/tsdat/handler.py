"""Runs a tsdat pipeline on Lambda, or on this computer for `datastream pipelines run`.

The function's environment says which pipeline (constructs/tsdat/pipeline-function.ts). An event is one of

- an S3 event in the form of S3's notifications, {"Records": [{"s3": {"bucket": {"name"}, "object": {"key"}}}]}
- EventBridge's Scheduled Event, of which only "id" and "time" count
- {"inputs": [...]}: keys of the input bucket for an Ingest, two days (YYYYMMDD) for a VAP; the second is not included

With "rerun": true an event runs again that has not succeeded, though its record says that it runs: it may have been
killed. With "force": true an event runs again that has succeeded. Every failure is raised: Lambda repeats the event, and keeps
it in the bucket of records when it fails again.
"""

import json
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_plus

logger = logging.getLogger("handler")

# A large file's LastModified is the time when its upload began (S3 User Guide, multipart uploads): it may be older than
# a listing in which the file was not yet. Files of this long before the last run are looked at again.
OVERLAP = timedelta(days=1)

# Lambda's longest run, and a minute for clocks that differ: a run that began before has ended.
LONGEST_RUN = timedelta(seconds=960)


# Before any data.
EVER = datetime(1970, 1, 1, tzinfo=timezone.utc)


class HandlerError(Exception):
    """A failure whose message says what to do."""


class StorageNotS3(HandlerError):
    """The pipeline would write its output to the function's disk, where it is lost."""


class StorageNotLocal(HandlerError):
    """The pipeline would write to AWS from a run on this computer."""


class UnknownEvent(HandlerError):
    """No event of this system."""


class InputMissing(HandlerError):
    """An input that an event names is not in the bucket."""


class Settings:
    """What the environment says."""

    def __init__(self, env):
        self.pipeline = env["PIPELINE_NAME"]
        self.type = env["PIPELINE_TYPE"]
        self.trigger = env["PIPELINE_TRIGGER"]
        self.schedule = env.get("SCHEDULE")
        self.config = env["CONFIG_ID"]
        self.config_file = env["CONFIG_FILE"]
        self.branch = env["BRANCH"]
        self.function = env["FUNCTION_NAME"]
        self.input_bucket = env["INPUT_BUCKET"]
        self.input_prefix = env["INPUT_PREFIX"]
        self.output_bucket = env["TSDAT_S3_BUCKET_NAME"]
        self.records_bucket = env["RECORDS_BUCKET"]
        self.code_version = env.get("CODE_VERSION", "unknown")
        # Only of `datastream pipelines run`: the folder with a folder for each bucket.
        self.folder = env.get("TSDAT_LOCAL_FOLDER")


class S3Store:
    """The buckets on AWS."""

    local = False

    def __init__(self):
        import boto3
        from botocore.config import Config

        # Throttling and lost answers are the SDK's to repeat: every call here may be made twice.
        self._s3 = boto3.client("s3", config=Config(retries={"mode": "standard", "max_attempts": 10}))

    def download(self, bucket, key, target):
        from botocore.exceptions import ClientError

        try:
            self._s3.download_file(bucket, key, str(target))
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                raise InputMissing(f"s3://{bucket}/{key} is not there: upload it again.") from error
            raise

    def read(self, bucket, key):
        try:
            return self._s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        except self._s3.exceptions.NoSuchKey:
            return None

    def write(self, bucket, key, text):
        self._s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), ContentType="application/json")

    def list(self, bucket, prefix):
        """Keys and the times of their last change."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [(each["Key"], each["LastModified"]) for page in pages for each in page.get("Contents", [])]


class FolderStore:
    """The embedded cloud's buckets: folders."""

    local = True

    def __init__(self, folder):
        self._folder = Path(folder)

    def _file(self, bucket, key):
        return self._folder / bucket / key

    def download(self, bucket, key, target):
        if not self._file(bucket, key).is_file():
            raise InputMissing(f"s3://{bucket}/{key} is not there: upload it again.")
        shutil.copyfile(self._file(bucket, key), target)

    def read(self, bucket, key):
        file = self._file(bucket, key)
        return file.read_text() if file.is_file() else None

    def write(self, bucket, key, text):
        file = self._file(bucket, key)
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f"{file.name}.part.{uuid.uuid4().hex}")
        part.write_text(text)
        part.replace(file)

    def list(self, bucket, prefix):
        root = self._folder / bucket
        files = [each for each in root.rglob("*") if each.is_file()] if root.is_dir() else []
        found = [
            (each.relative_to(root).as_posix(), datetime.fromtimestamp(each.stat().st_mtime, timezone.utc))
            for each in files
        ]
        return sorted(each for each in found if each[0].startswith(prefix))


def open_pipeline(settings):
    """The pipeline of the configuration file, as tsdat makes it."""
    from tsdat import PipelineConfig

    return PipelineConfig.from_yaml(Path(settings.config_file)).instantiate_pipeline()


def handler(event, context=None):
    """What Lambda calls."""
    logging.getLogger().setLevel(logging.INFO)
    settings = Settings(os.environ)
    store = FolderStore(settings.folder) if settings.folder else S3Store()
    request = getattr(context, "aws_request_id", None) or uuid.uuid4().hex
    return run(event, request, settings, store, open_pipeline, lambda: datetime.now(timezone.utc))


def run(event, request, settings, store, opener, clock):
    """Runs the pipeline once for an event, with a record of the run.

    Returns the record. Raises whatever the pipeline raises, after the record says so.
    """
    started = clock()
    if not isinstance(event, dict):
        raise UnknownEvent(f"The event is {shown(event)}: send an object.")
    key = record_key(event, request, settings, started)
    before = json.loads(store.read(settings.records_bucket, key) or "{}")
    if before and not event.get("force") and handled(before, event, request, started):
        log("skipped", event=event.get("id"), record=key, status=before["status"])
        return before
    record = {
        "version": 1,
        "status": "running",
        "function": settings.function,
        "pipeline": settings.pipeline,
        "config": settings.config,
        "branch": settings.branch,
        "code_version": settings.code_version,
        "request": request,
        "started": iso(started),
        "event": event,
    }
    write = lambda: store.write(settings.records_bucket, key, json.dumps(record, indent=2) + "\n")

    def begin(inputs):
        # Before the pipeline runs: a run that fails or is killed has named what it was about.
        record["inputs"] = inputs
        write()

    write()
    log("started", record=key)
    try:
        runs = run_pipeline(event, started, settings, store, opener, begin)
    except BaseException as error:
        record.update(
            status="failed",
            ended=iso(clock()),
            error={"name": type(error).__name__, "message": str(error)[:2000]},
        )
        write()
        log("failed", record=key, error=record["error"])
        raise
    record.pop("inputs", None)
    record.update(status="succeeded", ended=iso(clock()), runs=runs)
    write()
    log("succeeded", record=key, runs=len(runs))
    return record


def record_key(event, request, settings, started):
    """The same key for every delivery of one event: EventBridge gives an event an id, and may deliver it twice."""
    time = parse_time(event.get("time")) or started
    name = re.sub(r"[^A-Za-z0-9-]", "-", str(event.get("id") or request))[:80]
    return f"runs/{settings.function}/{time:%Y-%m-%d}/{time:%H%M%S}-{name}.json"


def handled(before, event, request, now):
    """Whether another call has done, or is doing, what this one was called for."""
    if before["status"] == "succeeded":
        return True
    # Lambda repeats a call that was killed, with the same request: that one goes on here.
    if before["status"] != "running" or before["request"] == request or event.get("rerun"):
        return False
    return now - parse_time(before["started"]) < LONGEST_RUN


def run_pipeline(event, started, settings, store, opener, begin):
    """Returns the inputs of each run of the pipeline. Calls begin with them before that run."""
    if settings.type == "VAP":
        return run_vap(event, started, settings, store, opener, begin)
    return run_ingest(event, started, settings, store, opener, begin)


def run_ingest(event, started, settings, store, opener, begin):
    objects = keys_of(event, settings)
    if objects is None:
        return run_new_inputs(started, settings, store, opener, begin)
    # An empty object whose key ends with a slash is a folder in S3's console.
    objects = [(bucket, key) for bucket, key in dict.fromkeys(objects) if not key.endswith("/")]
    if not objects:
        return []
    keys = [key for _, key in objects]
    # Before the pipeline is opened, which fails where its configuration is wrong.
    begin(keys)
    ingest(checked(opener(settings), settings, store), objects, store)
    return [keys]


def ingest(pipeline, objects, store):
    # A folder for this run alone: Lambda uses an environment again, and its disk is not empty then.
    with tempfile.TemporaryDirectory(prefix="tsdat-") as folder:
        pipeline.run([download(bucket, key, Path(folder), store) for bucket, key in objects])


def run_new_inputs(started, settings, store, opener, begin):
    pipeline = checked(opener(settings), settings, store)
    state = open_state(pipeline, started, settings, store)
    new, recent = new_inputs(state, started, settings, store)

    def work(part):
        begin(part)
        ingest(pipeline, [(settings.input_bucket, key) for key in part], store)

    runs = in_parts(
        list(new),
        parts_of,
        work,
        state,
        new,
        lambda: write_state(state, settings, store),
    )
    write_state({"since": iso(started), "seen": recent}, settings, store)
    return runs


def in_parts(items, split, work, state, seen, save):
    """Does the work in one part, and in smaller ones after a run that was killed: so a backlog of more than Lambda's
    longest run advances. Returns the parts.

    The state names the items of a run's first part while it is under way. A run that finds them there follows one that
    was killed over them alone: they were too much for a function's time or memory, and parts become half as large. An
    item that was too much alone comes last, and stops no other.
    """
    tried = state.pop("trying", [])
    late = state.setdefault("late", [])
    if len(tried) > 1:
        state["size"] = (len(tried) + 1) // 2
    else:
        late.extend(each for each in tried if each not in late)
    parts = split([each for each in items if each not in late], state.get("size"))
    if not parts:
        state.pop("size", None)
    parts += [[each] for each in items if each in late]
    for at, part in enumerate(parts):
        if at == 0:
            state["trying"] = part
        save()
        try:
            work(part)
        except Exception as error:
            # A failure is no sign of too much work; it keeps its items for the next run.
            if not isinstance(error, MemoryError):
                state.pop("trying", None)
                save()
            raise
        state.pop("trying", None)
        state["seen"].update({each: seen[each] for each in part})
    return parts


def parts_of(items, size):
    size = size or len(items)
    return [items[at : at + size] for at in range(0, len(items), size)] if items else []


def keys_of(event, settings):
    """Buckets and keys that the event names; None for a schedule."""
    if "inputs" in event:
        inputs = event["inputs"]
        if not isinstance(inputs, list) or not inputs or not all(isinstance(each, str) for each in inputs):
            raise UnknownEvent(f"inputs is {shown(inputs)}: write a list of keys.")
        return [(settings.input_bucket, each) for each in inputs]
    if "Records" not in event:
        if settings.trigger == "S3":
            raise UnknownEvent(f"The event is {shown(event)}: this pipeline runs on files; send {{\"inputs\": [KEY]}}.")
        return None
    found = []
    for each in event["Records"]:
        try:
            bucket, key = each["s3"]["bucket"]["name"], each["s3"]["object"]["key"]
        except (KeyError, TypeError) as error:
            raise UnknownEvent(f"A record is {shown(each)}: it names no object of S3.") from error
        # S3's own notifications have encoded keys, EventBridge's events do not.
        found.append((bucket, unquote_plus(key) if each.get("eventSource") == "aws:s3" else key))
    return found


def open_state(pipeline, started, settings, store):
    """What the runs before have left. It is written down before the first run.

    The first run may be one of a deployment that was taken over: what is older than the output has been run. Should it
    fail, its own output must not make the rest look done.
    """
    state = read_state(settings, store)
    if state is None:
        since = last_modified(pipeline, settings, store)
        state = {"since": iso(since) if since else None, "first": iso(started), "seen": {}}
        write_state(state, settings, store)
    return state


def new_inputs(state, started, settings, store):
    """The files of a scheduled Ingest that no successful run has had, and those that a next run may list again; each
    key with its time.

    A file counts as new from the start of the last success, not from its output: one that arrived meanwhile, or that
    failed while a later one succeeded, is not lost.
    """
    since = parse_time(state["since"])
    new, recent = {}, {}
    for key, modified in store.list(settings.input_bucket, settings.input_prefix):
        if key.endswith("/") or (since and modified <= since - OVERLAP):
            continue
        if modified > started - OVERLAP:
            recent[key] = iso(modified)
        if state["seen"].get(key) != iso(modified):
            new[key] = iso(modified)
    return new, recent


def download(bucket, key, folder, store):
    """Returns the path of the file, which ends with its key: patterns of readers look at it."""
    parts = PurePosixPath(key).parts
    target = folder.joinpath(*[each for each in parts if each not in ("/", "..")])
    target.parent.mkdir(parents=True, exist_ok=True)
    store.download(bucket, key, target)
    return str(target)


def run_vap(event, started, settings, store, opener, begin):
    pipeline = checked(opener(settings), settings, store)

    def work(days):
        begin(days)
        pipeline.run(days)

    if "inputs" in event:
        days = given_days(event["inputs"])
        work(days)
        return [days]
    state = open_state(pipeline, started, settings, store)
    days = sorted(modified_days_of(pipeline, event, state, started, settings, store))
    runs = in_parts(
        [day_name(each) for each in days],
        lambda names, size: [part for each in contiguous(names) for part in parts_of(each, size)],
        lambda part: work(range_of(part)),
        state,
        {day_name(each): iso(started) for each in days},
        lambda: write_state(state, settings, store),
    )
    write_state({"since": iso(started), "seen": {}}, settings, store)
    return [range_of(part) for part in runs]


def given_days(inputs):
    try:
        begin, end = [datetime.strptime(each, "%Y%m%d").date() for each in inputs]
    except (TypeError, ValueError) as error:
        raise UnknownEvent(f"inputs is {shown(inputs)}: write two days such as 20240830.") from error
    if end <= begin:
        raise UnknownEvent(f"inputs is {shown(inputs)}: the second day is not included; write a later one.")
    return [day_name(begin), day_name(end)]


def modified_days_of(pipeline, event, state, started, settings, store):
    """The days whose datasets have changed since the last success began, and the days that the event names."""
    since = parse_time(state["since"])
    datastreams = pipeline.parameters.datastreams
    changed = lambda time: {day for each in datastreams for day in modified_days(pipeline, each, time, settings, store)}
    days = {day for _, key in keys_of(event, settings) or [] for day in [day_of_key(key, datastreams)] if day}
    if since is not None:
        days |= changed(since)
    elif "Records" not in event:
        # Nothing says how far back to go: the last period, and those of earlier runs that failed. Of these days those
        # that have data: tsdat fails on a day without.
        begin, _ = last_period(parse_time(state["first"]).date(), settings.schedule)
        _, end = last_period(started.date(), settings.schedule)
        days |= {day for day in changed(EVER) if begin <= day < end}
    # What a run that was killed has done counts, unless it has changed since.
    for time in set(state["seen"].values()):
        done = {day for day in days if state["seen"].get(day_name(day)) == time}
        days -= done - changed(parse_time(time))
    return days


def last_modified(pipeline, settings, store):
    """When the output was last written; None if there is none."""
    datastream = pipeline.dataset_config.attrs.datastream
    if not store.local:
        return pipeline.storage.last_modified(datastream)
    return max((time for _, time in datasets(datastream, settings, store)), default=None)


def modified_days(pipeline, datastream, since, settings, store):
    """The days of the datasets that have been written since."""
    if not store.local:
        return {each.date() for each in pipeline.storage.modified_since(datastream, since)}
    return {day_of_key(key, [datastream]) for key, time in datasets(datastream, settings, store) if time > since}


def datasets(datastream, settings, store):
    """The datasets of a datastream in folders, of which tsdat's FileSystem does not tell when they were written."""
    objects = store.list(settings.output_bucket, "storage/root/")
    return [(key, time) for key, time in objects if day_of_key(key, [datastream])]


def day_of_key(key, datastreams):
    """The day of a dataset that the VAP reads, DATASTREAM.YYYYMMDD.HHMMSS.nc; None for others, such as its own output."""
    name = PurePosixPath(key).name
    found = re.search(r"\.(\d{8})\.\d{6}\.", name)
    if not found or not any(name.startswith(f"{each}.") for each in datastreams):
        return None
    return datetime.strptime(found[1], "%Y%m%d").date()


def last_period(today, schedule):
    """The period that a schedule's first run is about, in whole days."""
    tomorrow = today + timedelta(days=1)
    if schedule == "Monthly":
        end = today.replace(day=1)
        return (end - timedelta(days=1)).replace(day=1), end
    if schedule == "Weekly":
        return today - timedelta(days=7), today
    if schedule == "Daily":
        return today - timedelta(days=1), today
    # Hourly: a day is the least that a VAP takes, and the hour before midnight is yesterday's.
    return today - timedelta(days=1), tomorrow


def contiguous(names):
    """Splits days in order where one is missing."""
    ranges = []
    for name in names:
        if ranges and day_after(ranges[-1][-1]) == name:
            ranges[-1].append(name)
        else:
            ranges.append([name])
    return ranges


def range_of(names):
    """The first day, and the day after the last one, as tsdat takes them."""
    return [names[0], day_after(names[-1])]


def day_name(day):
    return f"{day:%Y%m%d}"


def day_after(name):
    return day_name(datetime.strptime(name, "%Y%m%d").date() + timedelta(days=1))


def checked(pipeline, settings, store):
    """Refuses a pipeline whose output would be lost."""
    storage = pipeline.storage
    classes = [each.__name__ for each in type(storage).__mro__]
    if store.local:
        if "FileSystemS3" in classes:
            raise StorageNotLocal(
                f"The storage of {settings.config_file} is S3, and a run on this computer would write to AWS: name "
                "tsdat.io.storage.FileSystem in shared/storage.yaml; the build replaces it."
            )
        return pipeline
    if "FileSystemS3" not in classes:
        raise StorageNotS3(
            f"The storage of {settings.config_file} is {classes[0]}, and its output would be lost with the function's "
            "disk: name shared/storage.yaml as the storage, or tsdat.io.storage.FileSystemS3."
        )
    bucket = getattr(storage.parameters, "bucket", None)
    if bucket != settings.output_bucket:
        raise StorageNotS3(
            f"The storage of {settings.config_file} is the bucket {bucket}, and the function may write to "
            f"{settings.output_bucket}: remove `bucket` from the storage's parameters."
        )
    return pipeline


def state_key(settings):
    return f"state/{settings.function}.json"


def read_state(settings, store):
    text = store.read(settings.records_bucket, state_key(settings))
    return json.loads(text) if text else None


def write_state(state, settings, store):
    store.write(settings.records_bucket, state_key(settings), json.dumps({"version": 1, **state}) + "\n")


def iso(time):
    return time.astimezone(timezone.utc).isoformat(timespec="microseconds")


def parse_time(text):
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def shown(value):
    return json.dumps(value, default=str)[:200]


def log(message, **values):
    # Flushed: Lambda freezes the process, and a killed one loses what is still in its buffer.
    print(json.dumps({"message": message, **values}, default=str), flush=True)


if __name__ == "__main__":
    # `datastream pipelines run`: the event is on standard input, the request in an argument.
    class _Context:
        aws_request_id = sys.argv[1]

    sys.path.insert(0, os.getcwd())
    # The terminal's Ctrl-C reaches this process too; the command ends it, as it tells.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(stream=sys.stdout, level=logging.INFO)
    try:
        handler(json.load(sys.stdin), _Context())
    except HandlerError as failure:
        sys.exit(f"{type(failure).__name__}: {failure}")
