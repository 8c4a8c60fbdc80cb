"""A stand-in for tsdat, of which the handler uses PipelineConfig, Pipeline.run and a storage.

A configuration file of it is JSON: {"classname", "datastream", "datastreams", "storage", "fails"}; or tsdat's YAML, of
which it reads the class and the attributes that name the datastream. An Ingest writes, for
each input DATE-named file, one dataset of that day; a VAP writes a dataset for each day of its range. Datasets are
folders' files or S3 objects, below storage/root as tsdat's are.
"""

import json
import os
import re
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace


class FileSystem:
    def __init__(self):
        self.parameters = SimpleNamespace(storage_root=Path(os.environ.get("TSDAT_STORAGE_ROOT", "storage/root")))

    def save(self, datastream, name, text):
        target = self.parameters.storage_root / "data" / datastream / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def last_modified(self, datastream):
        """tsdat's FileSystem does not know it (tsdat.io.base.Storage)."""
        return None

    def modified_since(self, datastream, since):
        return []

    def fetch(self, datastream, day):
        pass


class FileSystemS3(FileSystem):
    def __init__(self):
        import boto3

        self.parameters = SimpleNamespace(
            storage_root=Path("storage/root"), bucket=os.environ.get("TSDAT_S3_BUCKET_NAME", "tsdat-storage")
        )
        self._s3 = boto3.client("s3")

    def _objects(self, datastream):
        prefix = f"{self.parameters.storage_root.as_posix()}/data/{datastream}/"
        answer = self._s3.list_objects_v2(Bucket=self.parameters.bucket, Prefix=prefix)
        return [(each["Key"].split("/")[-1], each["LastModified"]) for each in answer.get("Contents", [])]

    def last_modified(self, datastream):
        return max((time for _, time in self._objects(datastream)), default=None)

    def modified_since(self, datastream, since):
        return [
            datetime.strptime(re.search(r"\d{8}\.\d{6}", name)[0], "%Y%m%d.%H%M%S")
            for name, time in self._objects(datastream)
            if time > since
        ]

    def fetch(self, datastream, day):
        """tsdat reads the datasets of a day as whole files."""
        for name, _ in self._objects(datastream):
            if f".{day}." in name:
                key = f"{self.parameters.storage_root.as_posix()}/data/{datastream}/{name}"
                self._s3.get_object(Bucket=self.parameters.bucket, Key=key)["Body"].read()

    def save(self, datastream, name, text):
        key = f"{self.parameters.storage_root.as_posix()}/data/{datastream}/{name}"
        self._s3.put_object(Bucket=self.parameters.bucket, Key=key, Body=text.encode())


class Pipeline:
    def __init__(self, config):
        self.config = config
        self.storage = {"FileSystem": FileSystem, "FileSystemS3": FileSystemS3}[config.get("storage", "FileSystem")]()
        self.dataset_config = SimpleNamespace(attrs=SimpleNamespace(datastream=config["datastream"]))
        self.parameters = SimpleNamespace(datastreams=config.get("datastreams", []))

    def run(self, inputs):
        if self.config.get("fails"):
            raise ValueError(self.config["fails"])
        version = os.environ.get("CODE_VERSION", "unknown")
        if self.config["classname"].endswith("TransformationPipeline"):
            begin, end = [datetime.strptime(each, "%Y%m%d") for each in inputs]
            if begin >= end:
                raise ValueError("begin = end")
            while begin < end:
                for each in self.parameters.datastreams:
                    self.storage.fetch(each, f"{begin:%Y%m%d}")
                self._write(begin, f"vap of {begin:%Y%m%d}, {version}\n")
                begin += timedelta(days=1)
            return
        for each in inputs:
            day = datetime.strptime(re.search(r"\d{8}", Path(each).name)[0], "%Y%m%d")
            self._write(day, f"{Path(each).read_text().strip()}, {version}\n")

    def _write(self, day, text):
        datastream = self.config["datastream"]
        self.storage.save(datastream, f"{datastream}.{day:%Y%m%d}.000000.nc", text)


class PipelineConfig:
    def __init__(self, config):
        self._config = config

    @classmethod
    def from_yaml(cls, path):
        text = Path(path).read_text()
        if text.startswith("{"):
            return cls(json.loads(text))
        dataset = Path(re.search(r"^dataset:\n +path: (.+)$", text, re.M)[1]).read_text()
        names = ("location_id", "dataset_name", "data_level")
        datastream = ".".join(re.search(rf"^  {name}: (.+)$", dataset, re.M)[1] for name in names)
        return cls({"classname": re.search(r"^classname: (.+)$", text, re.M)[1], "datastream": datastream})

    def instantiate_pipeline(self):
        return Pipeline(self._config)
