"""Tests of images/tsdat/build.py with stand-ins of docker and aws. build.test.ts runs them."""

import importlib.util
import io
import json
import os
import shutil
import stat
import sys
import tempfile
import unittest
from contextlib import redirect_stdout
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True

# Each call is a line of calls.txt. Images get the hash of their context as digest; S3 is a folder.
DOCKER = r"""#!/usr/bin/env python3
import hashlib, os, sys
from pathlib import Path
work = Path(os.environ["WORK"])
with open(work / "calls.txt", "a") as calls:
    print("docker", *sys.argv[1:], file=calls)
words = sys.argv[1:]
if words[0] == "build":
    folder, tag = Path(words[-1]), words[words.index("--tag") + 1]
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    if any(b"BROKEN" in each.read_bytes() for each in files):
        sys.exit(1)
    digest = hashlib.sha256(repr([(str(each.relative_to(folder)), each.read_bytes()) for each in files]).encode())
    name = tag.replace("/", "_")
    (work / f"image-{name}").write_text("sha256:" + digest.hexdigest())
    (work / f"files-{name}").write_text("\n".join(str(each.relative_to(folder)) for each in files))
    for each in files:
        target = work / f"context-{name}" / each.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(each.read_bytes())
if words[0] == "inspect":
    tag = words[-1]
    print("other/x@sha256:0\n" + tag.split(":")[0] + "@" + (work / f"image-{tag.replace('/', '_')}").read_text())
if words[0] == "login":
    sys.exit(0 if sys.stdin.read() == "password" else 1)
"""

AWS = r"""#!/usr/bin/env python3
import os, shutil, sys
from pathlib import Path
work = Path(os.environ["WORK"])
words = sys.argv[1:]
with open(work / "calls.txt", "a") as calls:
    print("aws", *words, file=calls)
value = lambda name: words[words.index(name) + 1]
if words[:2] == ["s3api", "get-object"]:
    source = work / "s3" / value("--bucket") / value("--key")
    if (work / "throttled").exists():
        sys.exit("An error occurred (SlowDown) when calling the GetObject operation")
    if not source.exists():
        sys.exit("An error occurred (NoSuchKey) when calling the GetObject operation")
    shutil.copyfile(source, words[-1])
if words[:2] == ["s3api", "put-object"]:
    target = work / "s3" / value("--bucket") / value("--key")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(value("--body"), target)
if words[:2] == ["ecr", "get-login-password"]:
    print("password", end="")
if words[0] == "lambda" and (work / ("missing-" + value("--function-name"))).exists():
    sys.exit("An error occurred (ResourceNotFoundException)")
if words[:2] == ["lambda", "update-function-code"] and (work / "killed").exists():
    (work / "killed").unlink()
    sys.exit(1)
"""


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)
        for name, text in (("docker", DOCKER), ("aws", AWS)):
            file = self.work / "bin" / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text.replace("/usr/bin/env python3", sys.executable))
            file.chmod(file.stat().st_mode | stat.S_IXUSR)
        self.kit = self.work / "kit"
        shutil.copytree(ROOT / "images/tsdat", self.kit)
        self.repo = self.work / "repo"
        for name, text in {
            "requirements.txt": "tsdat>=0.8\n",
            "shared/storage.yaml": "classname: tsdat.io.storage.FileSystem\nhandler: x\n",
            "utils/__init__.py": "",
            "pipelines/lidar/config/pipeline.yaml": "a: 1\n",
            "pipelines/imu/config/pipeline.yaml": "a: 1\n",
            "pipelines/other/unused.yaml": "a: 1\n",
        }.items():
            self.write(name, text)
        self.deploy({"lidar": ["f-lidar-a", "f-lidar-b"], "imu": ["f-imu-a"]})
        old = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(old)))
        os.environ.update(PATH=f"{self.work / 'bin'}:{os.environ['PATH']}", WORK=str(self.work))

    def write(self, name, text):
        file = self.repo / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())

    def deploy(self, pipelines, config_hash=None):
        deployment = {"branch": "main", "artifactsBucket": "artifacts", "configHash": config_hash, "pipelines": pipelines}
        (self.kit / "deployment.json").write_text(json.dumps(deployment))

    def build(self, commit="abc"):
        """Returns the failures, what was built, and which functions were updated."""
        (self.work / "calls.txt").write_text("")
        spec = importlib.util.spec_from_file_location("build", self.kit / "build.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        with redirect_stdout(io.StringIO()):
            failures = module.Build(self.repo, self.repo, "123.dkr.ecr/buoy-main", commit).run()
        calls = [line.split() for line in (self.work / "calls.txt").read_text().splitlines()]
        built = [line[line.index("--tag") + 1].split(":")[1] for line in calls if line[:2] == ["docker", "build"]]
        updated = [line[line.index("--function-name") + 1] for line in calls if "update-function-code" in line]
        return failures, built, updated

    ALL = ["base-main", "lidar-main", "imu-main"]


class Builds(Case):
    def test_the_first_build_makes_all_and_the_second_nothing(self):
        self.assertEqual(self.build(), ({}, self.ALL, ["f-lidar-a", "f-lidar-b", "f-imu-a"]))
        self.assertEqual(self.build("def"), ({}, [], []))

    def test_a_change_of_one_pipeline_builds_one(self):
        self.build()
        self.write("pipelines/imu/config/pipeline.yaml", "a: 2\n")
        self.assertEqual(self.build(), ({}, ["imu-main"], ["f-imu-a"]))

    def test_a_shared_change_builds_every_image(self):
        for name in ("shared/qc.yaml", "utils/tool.py", "requirements.txt", "environment.yml"):
            with self.subTest(name=name):
                self.build()
                self.write(name, f"# {name}\ntsdat\n")
                self.assertEqual(self.build()[1], self.ALL)

    def test_a_change_elsewhere_builds_nothing(self):
        self.build()
        self.write("README.md", "x")
        self.write("pipelines/other/unused.yaml", "a: 2\n")
        self.assertEqual(self.build(), ({}, [], []))

    def test_a_site_added_gets_the_image_that_is_there(self):
        self.build()
        self.deploy({"lidar": ["f-lidar-a", "f-lidar-b", "f-lidar-c"], "imu": ["f-imu-a"]})
        self.assertEqual(self.build(), ({}, [], ["f-lidar-c"]))
        self.assertEqual(self.build(), ({}, [], []))

    def test_one_broken_pipeline_does_not_stop_the_others(self):
        self.write("pipelines/lidar/config/pipeline.yaml", "BROKEN\n")
        failures, built, updated = self.build()
        self.assertEqual((list(failures), updated), (["lidar"], ["f-imu-a"]))
        self.write("pipelines/lidar/config/pipeline.yaml", "a: 1\n")
        self.assertEqual(self.build(), ({}, ["lidar-main"], ["f-lidar-a", "f-lidar-b"]))

    def test_a_function_that_is_missing_fails_its_pipeline_alone(self):
        (self.work / "missing-f-lidar-a").touch()
        failures, _, updated = self.build()
        self.assertEqual((list(failures), updated), (["lidar"], ["f-imu-a"]))

    def test_a_build_that_was_killed_is_done_again(self):
        (self.work / "killed").touch()
        self.assertEqual(list(self.build()[0]), ["lidar"])
        self.assertEqual(self.build(), ({}, ["lidar-main"], ["f-lidar-a", "f-lidar-b"]))

    def test_a_throttled_look_is_no_reason_to_take_an_image_for_missing(self):
        self.build()
        (self.work / "throttled").touch()
        self.assertIn("SlowDown", self.build()[0]["the base image"])

    def test_a_missing_folder_is_named(self):
        self.deploy({"lidra": ["f"]})
        self.assertEqual(
            self.build()[0],
            {"lidra": "the repository has no folder pipelines/lidra: correct the name in pipelines_config.yml."},
        )

    def test_functions_get_the_digest_and_images_the_commit(self):
        self.build("abc123")
        calls = (self.work / "calls.txt").read_text()
        digest = (self.work / "image-123.dkr.ecr_buoy-main:imu-main").read_text()
        self.assertIn(f"--function-name f-imu-a --image-uri 123.dkr.ecr/buoy-main@{digest}", calls)
        self.assertIn("--build-arg CODE_VERSION=abc123 --build-arg BASE=123.dkr.ecr/buoy-main:base-main", calls)

    def test_images_have_storage_in_s3_line_ends_of_linux_and_no_other_pipeline(self):
        self.write("utils/run.sh", "#!/bin/sh\r\n")
        self.build()
        context = self.work / "context-123.dkr.ecr_buoy-main:base-main"
        storage = (context / "shared/storage.yaml").read_text()
        self.assertEqual(storage, "classname: tsdat.io.storage.FileSystemS3\nhandler: x\n")
        self.assertEqual((context / "utils/run.sh").read_bytes(), b"#!/bin/sh\n")
        self.assertTrue((context / "handler.py").exists())
        files = (self.work / "files-123.dkr.ecr_buoy-main:lidar-main").read_text().split()
        self.assertEqual(files, [".dockerignore", "Dockerfile", "pipelines/lidar/config/pipeline.yaml"])

    def test_line_ends_alone_are_no_change(self):
        self.build()
        self.write("requirements.txt", "tsdat>=0.8\r\n")
        self.assertEqual(self.build(), ({}, [], []))

    def test_another_configuration_than_the_deployed_one_fails_last(self):
        import hashlib

        text = "region: us-west-2\n"
        self.deploy({"imu": ["f-imu-a"]}, hashlib.sha256(text.encode()).hexdigest())
        self.write("pipelines_config.yml", text.replace("\n", "\r\n"))
        self.assertEqual(self.build()[0], {})
        self.write("pipelines_config.yml", "region: us-east-1\n")
        self.write("pipelines/imu/config/pipeline.yaml", "a: 3\n")
        failures, built, _ = self.build()
        self.assertEqual(built, ["imu-main"])
        self.assertIn("run cdktf deploy tsdat-main", failures["pipelines_config.yml"])


if __name__ == "__main__":
    unittest.main()
