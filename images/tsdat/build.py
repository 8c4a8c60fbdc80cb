"""Builds what has changed: the images of a branch's pipelines. CodeBuild runs it after every push (buildspec.yml).

What enters an image is hashed, and compared with the object built/<name> of the last build; there is no git history to
ask. Every pipeline is tried. The exit code is 1, and the names are printed, when one has failed.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

KIT = Path(__file__).resolve().parent

# What every image has of the repository; pipelines/repository.ts checks the same.
SHARED = ["shared", "utils", "requirements.txt", "environment.yml"]

TEXT = {".py", ".yaml", ".yml", ".txt", ".sh", ".cfg", ".toml", ".json"}

S3_STORAGE = "classname: tsdat.io.storage.FileSystemS3"


class BuildError(Exception):
    """A failure whose message says what to do."""


def command(*words, stdin=None, capture=False):
    """Runs a program, whose output is in the build's log."""
    # Lambda takes a single image: no list of images with an attestation, which buildx makes by default.
    env = {**os.environ, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    result = subprocess.run(words, input=stdin, stdout=subprocess.PIPE if capture else None, text=True, env=env)
    if result.returncode != 0:
        raise BuildError(f"{' '.join(words[:3])} ended with {result.returncode}: see its output above.")
    return result.stdout if capture else None


def files_below(root, names):
    """Each file with its content as it is in the image, by its path."""
    found = {}
    for name in names:
        start = root / name
        paths = [start] if start.is_file() else sorted(start.rglob("*")) if start.is_dir() else []
        for path in paths:
            if path.is_file() and "__pycache__" not in path.parts and ".git" not in path.parts:
                found[path.relative_to(root).as_posix()] = normalised(path)
    return found


def normalised(path):
    """The bytes of a file. A checkout of Windows has CRLF, with which no script starts on Linux."""
    content = path.read_bytes()
    return content.replace(b"\r\n", b"\n") if path.suffix in TEXT else content


def with_s3_storage(files):
    """The shared files, with storage in S3: the repository's own is a folder, for runs on a person's computer."""
    storage = files.get("shared/storage.yaml")
    if storage is None:
        return files
    text, count = re.subn(r"(?m)^classname:.*$", S3_STORAGE, storage.decode(), count=1)
    text = text if count else f"{text.rstrip()}\n{S3_STORAGE}\n"
    return {**files, "shared/storage.yaml": text.encode()}


def hash_of(files, *more):
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    for each in more:
        digest.update(f"{each}\0".encode())
    return digest.hexdigest()


class Build:
    def __init__(self, sources, config, repository, code_version, deployment=None):
        self.sources = Path(sources)
        self.config = Path(config) if config else None
        self.repository = repository
        self.code_version = code_version
        # Of a person's computer there is none given: images stay there, and no function is updated.
        self.local = deployment is not None
        self.deployment = deployment or json.loads((KIT / "deployment.json").read_text())
        self.bucket = self.deployment["artifactsBucket"]
        self.logged_in = False

    def run(self):
        """Returns the names of what has failed, with the reasons."""
        failures = {}
        try:
            base = self.base()
        except Exception as error:
            return {"the base image": str(error)}
        for name, functions in self.deployment["pipelines"].items():
            try:
                self.pipeline(name, functions, base)
            except Exception as error:
                failures[name] = str(error)
                print(f"{name}: {error}", flush=True)
        failures.update(self.check_config())
        return failures

    def base(self):
        """Builds the image that all pipelines begin with, where it has changed. Returns its hash."""
        files = with_s3_storage(files_below(self.sources, SHARED))
        if "requirements.txt" not in files and "environment.yml" not in files:
            raise BuildError("the repository has no requirements.txt: add one that names tsdat.")
        files["handler.py"] = (KIT / "handler.py").read_bytes()
        dockerfile = (KIT / "Dockerfile.base").read_bytes()
        # An empty package: those of pipelines come with their images.
        files["pipelines/__init__.py"] = b""
        wanted = hash_of({**files, "Dockerfile": dockerfile})
        if self.built("base").get("hash") != wanted:
            digest = self.image("base", files, dockerfile, [])
            self.remember("base", {"hash": wanted, "digest": digest})
        else:
            print("the base image: no change", flush=True)
        return wanted

    def pipeline(self, name, functions, base):
        files = files_below(self.sources, [f"pipelines/{name}"])
        if not files:
            raise BuildError(f"the repository has no folder pipelines/{name}: correct the name in pipelines_config.yml.")
        dockerfile = (KIT / "Dockerfile.pipeline").read_bytes()
        wanted = hash_of({**files, "Dockerfile": dockerfile}, base)
        before = self.built(name)
        changed = before.get("hash") != wanted
        digest = None if changed else before["digest"]
        todo = functions if changed else [each for each in functions if each not in before["functions"]]
        if changed:
            tag = self.tag("base")
            digest = self.image(name, files, dockerfile, ["--build-arg", f"BASE={tag}"])
        if not todo:
            print(f"{name}: no change", flush=True)
        for function in todo:
            self.update(function, digest)
        if changed or set(functions) != set(before["functions"]):
            # Last: a build that was killed before it is done again.
            self.remember(name, {"hash": wanted, "digest": digest, "functions": functions, "commit": self.code_version})

    def tag(self, name):
        return f"{self.repository}:{name}-{self.deployment['branch']}"

    def image(self, name, files, dockerfile, arguments):
        """Builds and pushes an image. Returns its digest."""
        if not self.local:
            self.log_in()
        tag = self.tag(name)
        with tempfile.TemporaryDirectory() as folder:
            for path, content in files.items():
                target = Path(folder, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            Path(folder, "Dockerfile").write_bytes(dockerfile)
            Path(folder, ".dockerignore").write_text("Dockerfile\n.dockerignore\n")
            print(f"{name}: building", flush=True)
            command(
                "docker", "build", "--platform", "linux/amd64",
                "--build-arg", f"CODE_VERSION={self.code_version}", *arguments, "--tag", tag, folder,
            )  # fmt: skip
        if self.local:
            return tag
        command("docker", "push", "--quiet", tag)
        pushed = command("docker", "inspect", "--format", "{{join .RepoDigests \"\\n\"}}", tag, capture=True)
        for each in pushed.split():
            repository, _, digest = each.partition("@")
            if repository == self.repository:
                return digest
        raise BuildError(f"docker names no digest of {tag}: start the build again.")

    def log_in(self):
        if self.logged_in:
            return
        password = command("aws", "ecr", "get-login-password", capture=True)
        registry = self.repository.split("/")[0]
        command("docker", "login", "--username", "AWS", "--password-stdin", registry, stdin=password)
        self.logged_in = True

    def update(self, function, digest):
        """Gives a function the image, and waits until it has it."""
        print(f"{function}: updating", flush=True)
        # A function that is being made, or changed, refuses an update.
        command("aws", "lambda", "wait", "function-active", "--function-name", function)
        command("aws", "lambda", "wait", "function-updated", "--function-name", function)
        command(
            "aws", "lambda", "update-function-code", "--function-name", function,
            "--image-uri", f"{self.repository}@{digest}", "--output", "text", "--query", "CodeSha256",
        )  # fmt: skip
        command("aws", "lambda", "wait", "function-updated", "--function-name", function)

    def built(self, name):
        """What the last build of an image wrote; empty if there was none."""
        if self.local:
            return {}
        with tempfile.TemporaryDirectory() as folder:
            target = str(Path(folder, "built"))
            result = subprocess.run(
                ["aws", "s3api", "get-object", "--bucket", self.bucket, "--key", f"built/{name}", target],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            if result.returncode == 0:
                return json.loads(Path(target).read_text())
            if "NoSuchKey" in result.stderr:
                return {}
            raise BuildError(f"built/{name} cannot be read: {result.stderr.strip()}")

    def remember(self, name, built):
        if self.local:
            return
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "built")
            source.write_text(json.dumps(built) + "\n")
            command(
                "aws", "s3api", "put-object", "--bucket", self.bucket, "--key", f"built/{name}",
                "--body", str(source), "--output", "text", "--query", "ETag",
            )  # fmt: skip

    def check_config(self):
        """Compares the file of the repository with the one that is deployed."""
        wanted = self.deployment["configHash"]
        if not wanted or not self.config:
            return {}
        file = self.config / "pipelines_config.yml"
        if file.is_file() and hashlib.sha256(normalised(file)).hexdigest() == wanted:
            return {}
        branch = self.deployment["branch"]
        return {"pipelines_config.yml": f"the file of this branch is not the one that is deployed: run cdktf deploy tsdat-{branch}."}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pipelines", required=True)
    parser.add_argument("--config")
    parser.add_argument("--local", nargs="+", metavar=("BRANCH", "NAME"), help="build images of this computer alone")
    options = parser.parse_args()
    deployment = None
    if options.local:
        branch, *names = options.local
        pipelines = {name: [] for name in names}
        deployment = {"branch": branch, "artifactsBucket": "", "configHash": None, "pipelines": pipelines}
    code_version = os.environ.get("CODE_VERSION", "unknown")
    failures = Build(options.pipelines, options.config, os.environ["REPOSITORY"], code_version, deployment).run()
    for name, reason in failures.items():
        print(f"FAILED {name}: {reason}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
