"""Tests of images/tsdat/handler.py with a stand-in of tsdat. handler.test.ts runs them."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "images/tsdat"))
sys.path.insert(0, str(ROOT / "__tests__/support/tsdat_stub"))

import handler  # noqa: E402

NOW = datetime(2026, 3, 10, 14, 0, 30, tzinfo=timezone.utc)


class Killed(BaseException):
    """The end of the process: nothing is written after it."""


class Faulty(handler.FolderStore):
    """A store whose calls can fail before or after their effect."""

    def __init__(self, folder):
        super().__init__(folder)
        self.fault = None
        self.calls = 0
        self.dead = False

    def _call(self, effect):
        if self.dead:
            raise Killed()
        self.calls += 1
        kind, at = self.fault or (None, 0)
        if self.calls != at:
            return effect()
        if kind == "throttled":
            raise OSError("SlowDown: Please reduce your request rate.")
        if kind == "lost reply":
            effect()
            raise OSError("The reply was lost.")
        if kind == "killed after":
            effect()
        self.dead = True
        raise Killed()

    def read(self, *args):
        return self._call(lambda: super(Faulty, self).read(*args))

    def write(self, *args):
        return self._call(lambda: super(Faulty, self).write(*args))

    def list(self, *args):
        return self._call(lambda: super(Faulty, self).list(*args))

    def download(self, *args):
        return self._call(lambda: super(Faulty, self).download(*args))


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.now = NOW
        self.runs = []
        self.env(type="Ingest", trigger="S3")

    def env(self, type, trigger, schedule="Hourly", **config):
        self.config = self.folder / "pipeline.yaml"
        classname = "tsdat.IngestPipeline" if type == "Ingest" else "tsdat.TransformationPipeline"
        self.config.write_text(
            json.dumps({"classname": classname, "datastream": "hum.lidar.b1", "datastreams": ["hum.raw.a1"], **config})
        )
        self.variables = {
            "PIPELINE_NAME": "lidar",
            "PIPELINE_TYPE": type,
            "PIPELINE_TRIGGER": trigger,
            "SCHEDULE": schedule,
            "CONFIG_ID": "humboldt",
            "CONFIG_FILE": str(self.config),
            "BRANCH": "main",
            "FUNCTION_NAME": "f",
            "INPUT_BUCKET": "inputs",
            "INPUT_PREFIX": "lidar/",
            "TSDAT_S3_BUCKET_NAME": "outputs",
            "RECORDS_BUCKET": "records",
            "CODE_VERSION": "abc123",
        }
        os.environ["CODE_VERSION"] = "abc123"
        os.environ["TSDAT_STORAGE_ROOT"] = str(self.folder / "outputs/storage/root")

    def put(self, key, text="x", age=timedelta(0), bucket="inputs"):
        file = self.folder / bucket / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        time = (self.now - age).timestamp()
        os.utime(file, (time, time))

    def output(self, day, text="x", age=timedelta(0), datastream="hum.raw.a1"):
        self.put(f"storage/root/data/{datastream}/{datastream}.{day}.000000.nc", text, age, "outputs")

    def call(self, event, request="r1", store=None):
        settings = handler.Settings(self.variables)
        opened = handler.open_pipeline

        def opener(given):
            pipeline = opened(given)
            run = pipeline.run
            pipeline.run = lambda inputs: (self.runs.append([Path(each).name for each in inputs]), run(inputs))
            return pipeline

        return handler.run(event, request, settings, store or handler.FolderStore(self.folder), opener, lambda: self.now)

    def arrived(self, key, id="e1", time="2026-03-10T14:00:00Z"):
        return {"Records": [{"s3": {"bucket": {"name": "inputs"}, "object": {"key": key}}}], "id": id, "time": time}

    def tick(self, id="t1"):
        return {"id": id, "time": f"{self.now:%Y-%m-%dT%H:%M:%SZ}", "detail-type": "Scheduled Event"}

    def outputs(self):
        root = self.folder / "outputs/storage/root/data/hum.lidar.b1"
        return {each.name: each.read_text() for each in sorted(root.glob("*"))} if root.is_dir() else {}

    def record(self, name="140000-e1"):
        return json.loads((self.folder / f"records/runs/f/2026-03-10/{name}.json").read_text())


class IngestOfFiles(Case):
    def test_runs_a_file_that_arrives(self):
        self.put("lidar/20260309.csv", "wind")
        self.call(self.arrived("lidar/20260309.csv"))
        self.assertEqual(self.outputs(), {"hum.lidar.b1.20260309.000000.nc": "wind, abc123\n"})
        record = self.record()
        self.assertEqual(
            (record["status"], record["runs"], record["code_version"], record["pipeline"], record["config"]),
            ("succeeded", [["lidar/20260309.csv"]], "abc123", "lidar", "humboldt"),
        )

    def test_raises_what_the_pipeline_raises_and_records_it(self):
        self.env("Ingest", "S3", fails="no such variable")
        self.put("lidar/20260309.csv")
        with self.assertRaisesRegex(ValueError, "no such variable"):
            self.call(self.arrived("lidar/20260309.csv"))
        self.assertEqual(self.record()["status"], "failed")
        self.assertEqual(self.record()["error"], {"name": "ValueError", "message": "no such variable"})
        self.assertEqual(self.record()["event"], self.arrived("lidar/20260309.csv"))

    def test_leaves_no_file_in_the_temporary_folder_and_runs_again_in_the_same_process(self):
        os.environ["TMPDIR"] = str(self.folder / "tmp")
        (self.folder / "tmp").mkdir()
        tempfile.tempdir = None
        self.addCleanup(lambda: (os.environ.pop("TMPDIR"), setattr(tempfile, "tempdir", None)))
        for day in ("20260308", "20260309"):
            self.put(f"lidar/{day}.csv")
            self.call(self.arrived(f"lidar/{day}.csv", id=day))
        self.assertEqual(len(self.outputs()), 2)
        self.assertEqual(list((self.folder / "tmp").iterdir()), [])

    def test_reads_a_key_as_eventbridge_and_as_s3_write_it(self):
        self.put("lidar/a b+c%20 20260309.csv", "one")
        self.call(self.arrived("lidar/a b+c%20 20260309.csv"))
        event = self.arrived("lidar/a+b%2Bc%2520+20260309.csv", id="e2")
        event["Records"][0]["eventSource"] = "aws:s3"
        self.call(event)
        self.assertEqual(len(self.runs), 2)

    def test_ignores_a_folder(self):
        self.put("lidar/.keep")
        self.call(self.arrived("lidar/"))
        self.assertEqual((self.runs, self.record()["runs"]), ([], []))

    def test_says_that_an_input_is_gone(self):
        with self.assertRaisesRegex(handler.InputMissing, "s3://inputs/lidar/20260309.csv is not there: upload it again"):
            self.call(self.arrived("lidar/20260309.csv"))

    def test_keeps_a_key_below_its_own_folder(self):
        store = handler.FolderStore(self.folder)
        self.put("x.csv")
        store.download = lambda bucket, key, target: target.write_text("x")
        target = handler.download("inputs", "/../../etc/x.csv", self.folder / "run", store)
        self.assertEqual(Path(target), self.folder / "run/etc/x.csv")

    def test_runs_inputs_that_are_named(self):
        self.put("lidar/20260309.csv")
        self.call({"inputs": ["lidar/20260309.csv"]})
        self.assertEqual(self.runs, [["20260309.csv"]])

    def test_refuses_what_is_no_event(self):
        for event in ([], {}, {"inputs": []}, {"Records": [{"sns": 1}]}, {"inputs": "x"}):
            with self.subTest(event=event), self.assertRaises(handler.UnknownEvent):
                self.call(event, request=str(event))

    def test_refuses_storage_that_is_lost_with_the_function(self):
        self.put("lidar/20260309.csv")
        store = handler.FolderStore(self.folder)
        store.local = False
        with self.assertRaisesRegex(handler.StorageNotS3, "is FileSystem, and its output would be lost"):
            self.call(self.arrived("lidar/20260309.csv"), store=store)
        self.assertEqual(self.outputs(), {})
        self.assertEqual(self.record()["error"]["name"], "StorageNotS3")

    def test_refuses_storage_in_another_bucket(self):
        class FileSystemS3:
            parameters = SimpleNamespace(bucket="theirs")

        store = SimpleNamespace(local=False)
        with self.assertRaisesRegex(handler.StorageNotS3, "is the bucket theirs, and the function may write to outputs"):
            handler.checked(SimpleNamespace(storage=FileSystemS3()), handler.Settings(self.variables), store)


class Process(Case):
    """The handler as a process of its own, which is killed while the pipeline runs."""

    def test_a_killed_run_has_left_its_log_and_its_record(self):
        self.env("Ingest", "S3")
        self.put("lidar/20260309.csv")
        stub = self.folder / "stub/tsdat.py"
        stub.parent.mkdir()
        stub.write_text("print('reading')\nimport os\nos.kill(os.getpid(), 9)\n")
        done = subprocess.run(
            [sys.executable, "-B", ROOT / "images/tsdat/handler.py", "r1"],
            input=json.dumps(self.arrived("lidar/20260309.csv")),
            env={**self.variables, "TSDAT_LOCAL_FOLDER": str(self.folder), "PYTHONPATH": str(stub.parent), "PYTHONUNBUFFERED": "1"},
            cwd=self.folder,
            capture_output=True,
            text=True,
        )  # fmt: skip
        self.assertEqual(done.returncode, -9)
        self.assertIn('"message": "started"', done.stdout)
        self.assertIn("reading", done.stdout)
        self.assertEqual((self.record()["status"], self.record()["inputs"]), ("running", ["lidar/20260309.csv"]))


class OneEventTwice(Case):
    def setUp(self):
        super().setUp()
        self.put("lidar/20260309.csv")
        self.event = self.arrived("lidar/20260309.csv")

    def test_a_second_delivery_runs_nothing(self):
        self.call(self.event)
        self.assertEqual(self.call(self.event, request="r2")["status"], "succeeded")
        self.assertEqual(len(self.runs), 1)

    def test_a_second_delivery_during_the_first_runs_nothing(self):
        self.call(self.event)
        record = {**self.record(), "status": "running"}
        (self.folder / "records/runs/f/2026-03-10/140000-e1.json").write_text(json.dumps(record))
        self.call(self.event, request="r2")
        self.assertEqual(len(self.runs), 1)

    def test_a_run_that_ended_without_a_word_is_taken_over(self):
        self.call(self.event)
        record = {**self.record(), "status": "running"}
        (self.folder / "records/runs/f/2026-03-10/140000-e1.json").write_text(json.dumps(record))
        self.now += timedelta(seconds=961)
        self.call(self.event, request="r2")
        self.assertEqual((len(self.runs), self.record()["status"]), (2, "succeeded"))

    def test_lambdas_own_repetition_goes_on(self):
        self.env("Ingest", "S3", fails="not today")
        with self.assertRaises(ValueError):
            self.call(self.event)
        self.env("Ingest", "S3")
        self.call(self.event)
        self.assertEqual((len(self.outputs()), self.record()["status"]), (1, "succeeded"))

    def test_a_rerun_of_a_killed_run_does_not_wait_and_one_of_a_success_runs_nothing(self):
        self.call(self.event)
        again = {**self.event, "rerun": True}
        self.call(again, request="r2")
        self.assertEqual(len(self.runs), 1)
        record = {**self.record(), "status": "running"}
        (self.folder / "records/runs/f/2026-03-10/140000-e1.json").write_text(json.dumps(record))
        self.call(again, request="r3")
        self.assertEqual((len(self.runs), self.record()["status"]), (2, "succeeded"))

    def test_a_run_that_was_interrupted_does_not_wait(self):
        self.call(self.event)
        record = {**self.record(), "status": "interrupted"}
        (self.folder / "records/runs/f/2026-03-10/140000-e1.json").write_text(json.dumps(record))
        self.call(self.event, request="r2")
        self.assertEqual((len(self.runs), self.record()["status"]), (2, "succeeded"))

    def test_force_runs_again(self):
        self.call(self.event)
        self.call({**self.event, "force": True}, request="r2")
        self.assertEqual(len(self.runs), 2)

    def test_another_upload_of_the_same_file_runs(self):
        self.call(self.event)
        self.put("lidar/20260309.csv", "newer")
        self.call(self.arrived("lidar/20260309.csv", id="e2"))
        self.assertEqual(self.outputs(), {"hum.lidar.b1.20260309.000000.nc": "newer, abc123\n"})


class IngestBySchedule(Case):
    def setUp(self):
        super().setUp()
        self.env("Ingest", "Cron")

    def test_an_empty_folder_is_no_error(self):
        self.assertEqual(self.call(self.tick())["runs"], [])

    def test_all_new_files_are_one_run(self):
        for day in ("20260307", "20260308"):
            self.put(f"lidar/{day}.csv", age=timedelta(hours=1))
        self.put("other/20260309.csv")
        self.call(self.tick())
        self.assertEqual(self.runs, [["20260307.csv", "20260308.csv"]])

    def test_a_failure_names_the_inputs_that_it_was_about(self):
        self.env("Ingest", "Cron", fails="not today")
        self.put("lidar/20260301.csv")
        self.put("lidar/20260302.csv")
        with self.assertRaises(ValueError):
            self.call(self.tick())
        self.assertEqual(self.record(f"{self.now:%H%M%S}-t1")["inputs"], ["lidar/20260301.csv", "lidar/20260302.csv"])

    def test_a_file_runs_once(self):
        self.put("lidar/20260308.csv", age=timedelta(hours=1))
        for hour in range(30):
            self.call(self.tick(f"t{hour}"))
            self.now += timedelta(hours=1)
        self.assertEqual(self.runs, [["20260308.csv"]])

    def test_a_changed_file_runs_again(self):
        self.put("lidar/20260308.csv", age=timedelta(hours=1))
        self.call(self.tick())
        self.now += timedelta(hours=1)
        self.put("lidar/20260308.csv", "new", age=timedelta(minutes=10))
        self.call(self.tick("t2"))
        self.assertEqual(len(self.runs), 2)

    def test_a_file_that_arrives_between_listing_and_output_is_not_lost(self):
        self.put("lidar/20260308.csv", age=timedelta(hours=1))
        self.call(self.tick())
        # It is older than the output that has just been written.
        self.put("lidar/20260309.csv", age=timedelta(seconds=-1))
        self.output("20260308", datastream="hum.lidar.b1", age=timedelta(minutes=-10))
        self.now += timedelta(hours=1)
        self.call(self.tick("t2"))
        self.assertEqual(self.runs, [["20260308.csv"], ["20260309.csv"]])

    def test_a_large_upload_that_began_before_the_last_run_is_not_lost(self):
        self.put("lidar/20260308.csv", age=timedelta(hours=1))
        self.call(self.tick())
        self.now += timedelta(hours=1)
        self.put("lidar/20260309.csv", age=timedelta(hours=3))
        self.call(self.tick("t2"))
        self.assertEqual(self.runs, [["20260308.csv"], ["20260309.csv"]])

    def test_what_failed_runs_with_the_next_though_another_succeeded_meanwhile(self):
        self.env("Ingest", "Cron", fails="bad")
        self.put("lidar/20260308.csv", age=timedelta(hours=1))
        with self.assertRaises(ValueError):
            self.call(self.tick())
        self.env("Ingest", "Cron")
        self.output("20260309", datastream="hum.lidar.b1")
        self.now += timedelta(hours=1)
        self.call({"inputs": ["lidar/20260308.csv"]}, request="manual")
        self.call(self.tick("t2"))
        self.assertEqual(len(self.runs), 3)

    def test_a_deployment_that_was_taken_over_does_not_run_its_whole_history(self):
        self.put("lidar/20200101.csv", age=timedelta(days=400))
        self.put("lidar/20260309.csv", age=timedelta(hours=1))
        self.output("20260301", datastream="hum.lidar.b1", age=timedelta(hours=2))
        self.call(self.tick())
        self.assertEqual(self.runs, [["20260309.csv"]])


class Backlog(Case):
    """More work than Lambda's longest run: each item takes a while, and a run that is out of time is killed."""

    def setUp(self):
        super().setUp()
        self.completed = []
        self.seconds = lambda name: 60

    def tick_with_limit(self, id, error=Killed):
        """Returns whether the run ended by itself."""
        left = 900
        opened = handler.open_pipeline

        def opener(settings):
            pipeline = opened(settings)
            run = pipeline.run

            def limited(inputs):
                nonlocal left
                names = [Path(each).name for each in inputs]
                if self.variables["PIPELINE_TYPE"] == "VAP":
                    begin, end = [datetime.strptime(each, "%Y%m%d") for each in inputs]
                    names = [f"{begin + timedelta(days=at):%Y%m%d}" for at in range((end - begin).days)]
                left -= sum(self.seconds(each) for each in names)
                if left < 0:
                    raise error()
                run(inputs)
                self.completed.extend(names)

            pipeline.run = limited
            return pipeline

        settings, store = handler.Settings(self.variables), handler.FolderStore(self.folder)
        self.now += timedelta(hours=1)
        try:
            handler.run(self.tick(id), id, settings, store, opener, lambda: self.now)
        except (Killed, MemoryError):
            return False
        return True

    def ticks(self, most, error=Killed):
        """Returns how many schedules it takes until one ends by itself."""
        for at in range(1, most + 1):
            if self.tick_with_limit(f"t{at}", error):
                return at
        self.fail(f"after {most} schedules there are {len(self.completed)} of the backlog done")

    def files(self, count):
        days = [f"{date(2025, 1, 1) + timedelta(days=at):%Y%m%d}" for at in range(count)]
        for day in days:
            self.put(f"lidar/{day}.csv", age=timedelta(days=3))
        return [f"{day}.csv" for day in days]

    def test_files_of_more_than_a_run_are_all_run_and_none_twice(self):
        self.env("Ingest", "Cron")
        names = self.files(100)
        self.assertLessEqual(self.ticks(20), 11)
        self.assertEqual(self.completed, names)
        self.assertEqual(len(self.outputs()), 100)
        self.tick_with_limit("next")
        self.assertEqual(len(self.completed), 100)

    def test_lack_of_memory_halves_the_work_too(self):
        self.env("Ingest", "Cron")
        self.files(40)
        self.ticks(12, MemoryError)
        self.assertEqual(len(self.outputs()), 40)

    def test_a_file_that_is_too_much_alone_stops_no_other(self):
        self.env("Ingest", "Cron")
        names = self.files(8)
        self.seconds = lambda name: 5000 if name == names[2] else 60
        for at in range(6):
            self.assertFalse(self.tick_with_limit(f"t{at}"))
        self.assertEqual(sorted(self.completed), sorted({*names} - {names[2]}))
        # Files that come meanwhile are run together again, and before it.
        self.put("lidar/20260101.csv")
        self.put("lidar/20260102.csv")
        self.assertFalse(self.tick_with_limit("later"))
        self.assertEqual(self.completed[-2:], ["20260101.csv", "20260102.csv"])
        # With more time it ends.
        self.seconds = lambda name: 60
        self.assertTrue(self.tick_with_limit("at last"))
        self.assertEqual(self.completed[-1], names[2])

    def test_a_failure_does_not_halve_the_work(self):
        self.env("Ingest", "Cron", fails="bad")
        self.files(4)
        for id in ("t1", "t2"):
            with self.assertRaises(ValueError):
                self.call(self.tick(id))
        self.env("Ingest", "Cron")
        self.call(self.tick("t3"))
        self.assertEqual([len(each) for each in self.runs], [4, 4, 4])

    def test_days_of_more_than_a_run_are_all_run_and_those_that_change_meanwhile_again(self):
        self.env("VAP", "Cron")
        self.output("20241231", datastream="hum.lidar.b1", age=timedelta(days=9))
        days = [f"{date(2025, 1, 1) + timedelta(days=at):%Y%m%d}" for at in range(50)]
        for day in days:
            self.output(day, age=timedelta(days=3))
        while not self.completed:
            self.assertFalse(self.tick_with_limit(f"{self.now:%H}"))
        first = self.completed[0]
        self.now += timedelta(minutes=1)
        self.output(first)
        self.ticks(12)
        self.assertEqual(sorted(self.completed), sorted([first, *days]))


class Vap(Case):
    def setUp(self):
        super().setUp()
        self.env("VAP", "Cron")

    def test_without_output_it_runs_the_last_period(self):
        for schedule, expected in {
            "Hourly": ["20260309", "20260311"],
            "Daily": ["20260309", "20260310"],
            "Weekly": ["20260303", "20260310"],
            "Monthly": ["20260201", "20260301"],
        }.items():
            with self.subTest(schedule=schedule):
                self.env("VAP", "Cron", schedule)
                (self.folder / "records/state/f.json").unlink(missing_ok=True)
                for each in (self.folder / "outputs").rglob("*.nc"):
                    each.unlink()
                for back in range(40):
                    self.output(f"{NOW - timedelta(days=back):%Y%m%d}")
                self.runs.clear()
                self.call(self.tick(schedule))
                self.assertEqual(self.runs, [expected])

    def test_a_first_period_without_data_runs_nothing_and_later_data_run(self):
        self.output("20260201", age=timedelta(days=20))
        self.assertEqual(self.call(self.tick())["runs"], [])
        self.now += timedelta(hours=1)
        self.output("20260305", age=timedelta(minutes=1))
        self.call(self.tick("t2"))
        self.assertEqual(self.runs, [["20260305", "20260306"]])

    def test_monthly_periods_are_of_the_calendar(self):
        self.assertEqual(handler.last_period(date(2024, 3, 31), "Monthly"), (date(2024, 2, 1), date(2024, 3, 1)))
        self.assertEqual(handler.last_period(date(2026, 1, 1), "Monthly"), (date(2025, 12, 1), date(2026, 1, 1)))

    def test_runs_the_days_that_were_modified_late_ones_too(self):
        self.output("20260301", datastream="hum.lidar.b1", age=timedelta(days=2))
        for day in ("20250704", "20260308", "20260309"):
            self.output(day, age=timedelta(hours=1))
        self.output("20260101", age=timedelta(days=3))
        self.call(self.tick())
        self.assertEqual(self.runs, [["20250704", "20250705"], ["20260308", "20260310"]])

    def test_nothing_modified_runs_nothing(self):
        self.output("20260308", age=timedelta(hours=1))
        self.output("20260301", datastream="hum.lidar.b1", age=timedelta(days=2))
        self.call(self.tick())
        self.now += timedelta(hours=1)
        self.assertEqual(self.call(self.tick("t2"))["runs"], [])

    def test_a_failure_keeps_its_days_for_the_next(self):
        self.env("VAP", "Cron", fails="bad")
        self.output("20260301", datastream="hum.lidar.b1", age=timedelta(days=2))
        self.output("20260308", age=timedelta(hours=1))
        with self.assertRaises(ValueError):
            self.call(self.tick())
        self.env("VAP", "Cron")
        self.now += timedelta(hours=1)
        self.call(self.tick("t2"))
        self.assertEqual(self.runs[-1], ["20260308", "20260309"])

    def test_a_first_run_that_failed_keeps_its_days_though_it_has_left_output(self):
        self.env("VAP", "Cron", "Daily", fails="bad")
        self.output("20260309")
        self.output("20260310")
        with self.assertRaises(ValueError):
            self.call(self.tick())
        self.output("20260309", datastream="hum.lidar.b1")
        self.env("VAP", "Cron", "Daily")
        self.now += timedelta(days=1)
        self.call(self.tick("t2"))
        self.assertEqual(self.runs[-1], ["20260309", "20260311"])

    def test_runs_days_that_are_named(self):
        self.call({"inputs": ["20260101", "20260103"]})
        self.assertEqual(self.runs, [["20260101", "20260103"]])
        for wrong in (["20260103", "20260101"], ["x", "y"], ["20260101"]):
            with self.subTest(wrong=wrong), self.assertRaises(handler.UnknownEvent):
                self.call({"inputs": wrong}, request=str(wrong))

    def test_on_an_s3_trigger_it_runs_the_days_that_were_modified(self):
        self.env("VAP", "S3")
        self.output("20260308")
        key = "storage/root/data/hum.raw.a1/hum.raw.a1.20260308.000000.nc"
        self.call(self.arrived(key))
        self.now += timedelta(hours=1)
        self.output("20260309", age=timedelta(minutes=1))
        self.call(self.arrived(key.replace("0308", "0309"), id="e2"))
        self.assertEqual(self.runs, [["20260308", "20260309"], ["20260309", "20260310"]])

    def test_its_own_output_starts_it_and_it_does_nothing(self):
        self.env("VAP", "S3")
        self.output("20260308", age=timedelta(seconds=2))
        self.call(self.arrived("storage/root/data/hum.raw.a1/hum.raw.a1.20260308.000000.nc"))
        self.now += timedelta(minutes=1)
        own = "storage/root/data/hum.lidar.b1/hum.lidar.b1.20260308.000000.nc"
        self.assertEqual(self.call(self.arrived(own, id="e2"))["runs"], [])


@unittest.skipUnless(importlib.util.find_spec("moto") and importlib.util.find_spec("boto3"), "moto is not installed")
class OnS3(Case):
    """The same on moto's S3, with tsdat's storage in S3, as on Lambda."""

    buckets = ("inputs", "outputs", "records")

    def heard(self, model, context, http_response, **_):
        """Notes a call of the handler or of tsdat's storage, for the comparison with the role's policy."""
        params = context["called"]
        self.calls.append((model.name, params["Bucket"], params.get("Key"), http_response.status_code))

    def setUp(self):
        super().setUp()
        import boto3
        from moto import mock_aws

        mock = mock_aws()
        mock.start()
        self.addCleanup(mock.stop)
        for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-west-2"}.items():
            os.environ[name] = value
        os.environ["TSDAT_S3_BUCKET_NAME"] = "outputs"
        self.s3 = boto3.Session().client("s3")
        for bucket in self.buckets:
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        self.calls = []
        boto3.setup_default_session()
        events = boto3.DEFAULT_SESSION.events
        events.register("before-parameter-build.s3", lambda params, context, **_: context.update(called=params))
        events.register("after-call.s3", self.heard)
        self.store = handler.S3Store()
        # moto has the computer's clock.
        self.now = datetime.now(timezone.utc)

    def put(self, key, text="x", age=None, bucket="inputs"):
        self.s3.put_object(Bucket=bucket, Key=key, Body=text.encode())

    def outputs(self):
        objects = self.s3.list_objects_v2(Bucket="outputs").get("Contents", [])
        read = lambda key: self.s3.get_object(Bucket="outputs", Key=key)["Body"].read().decode()
        return {each["Key"]: read(each["Key"]) for each in objects}

    def test_a_file_that_arrives_is_run_once(self):
        self.env("Ingest", "S3", storage="FileSystemS3")
        self.put("lidar/a b 20260309.csv", "wind")
        event = self.arrived("lidar/a b 20260309.csv")
        self.call(event, store=self.store)
        self.assertEqual(self.call(event, request="r2", store=self.store)["status"], "succeeded")
        key = "storage/root/data/hum.lidar.b1/hum.lidar.b1.20260309.000000.nc"
        self.assertEqual((self.outputs(), len(self.runs)), ({key: "wind, abc123\n"}, 1))

    def test_schedules_run_what_is_new(self):
        self.env("Ingest", "Cron", storage="FileSystemS3")
        self.put("lidar/20260308.csv")
        self.now += timedelta(seconds=2)
        self.call(self.tick(), store=self.store)
        self.call(self.tick("t2"), store=self.store)
        self.put("lidar/20260309.csv")
        self.call(self.tick("t3"), store=self.store)
        self.assertEqual(self.runs, [["20260308.csv"], ["20260309.csv"]])
        self.assertEqual(len(self.outputs()), 2)

    def test_a_vap_runs_the_days_that_were_modified(self):
        self.env("VAP", "S3", storage="FileSystemS3")
        key = "storage/root/data/hum.raw.a1/hum.raw.a1.20260308.000000.nc"
        self.put(key, bucket="outputs")
        self.call(self.arrived(key), store=self.store)
        self.assertEqual(self.runs, [["20260308", "20260309"]])

    def test_storage_in_another_bucket_is_refused(self):
        os.environ["TSDAT_S3_BUCKET_NAME"] = "theirs"
        self.env("Ingest", "S3", storage="FileSystemS3")
        self.put("lidar/20260309.csv")
        with self.assertRaisesRegex(handler.StorageNotS3, "is the bucket theirs"):
            self.call(self.arrived("lidar/20260309.csv"), store=self.store)

    def test_a_missing_input_is_told(self):
        self.env("Ingest", "S3", storage="FileSystemS3")
        with self.assertRaises(handler.InputMissing):
            self.call(self.arrived("lidar/gone.csv"), store=self.store)


class Faults(Case):
    """Every call of the store fails once, in every way; then Lambda repeats the event, or the next schedule comes."""

    KINDS = ("throttled", "lost reply", "killed", "killed after")

    def play(self, make, event, again, expected):
        played = 0
        for kind in self.KINDS:
            for at in range(1, 30):
                with self.subTest(kind=kind, at=at):
                    self.setUp()
                    make()
                    store = Faulty(self.folder)
                    store.fault = (kind, at)
                    try:
                        self.call(event(), store=store)
                    except (OSError, Killed):
                        pass
                    else:
                        self.assertLess(store.calls, at)
                        break
                    played += 1
                    self.now += timedelta(minutes=1)
                    again()
                    self.assertEqual(self.outputs(), expected)
        self.assertGreater(played, 12)

    def test_an_ingest_of_a_file(self):
        def make():
            self.put("lidar/20260309.csv", "wind")

        event = lambda: self.arrived("lidar/20260309.csv")
        # The same request: Lambda's repetition. Then a second delivery by EventBridge.
        again = lambda: (self.call(event()), self.call(event(), request="r2"))
        self.play(make, event, again, {"hum.lidar.b1.20260309.000000.nc": "wind, abc123\n"})

    def test_an_ingest_by_schedule(self):
        def make():
            self.env("Ingest", "Cron")
            self.put("lidar/20260308.csv", "a", timedelta(hours=1))
            self.put("lidar/20260309.csv", "b", timedelta(minutes=1))

        # The event is lost for good: the next schedule runs its files.
        again = lambda: self.call(self.tick("t2"), request="r2")
        expected = {f"hum.lidar.b1.2026030{day}.000000.nc": f"{text}, abc123\n" for day, text in ((8, "a"), (9, "b"))}
        self.play(make, lambda: self.tick("t1"), again, expected)

    def test_a_vap(self):
        def make():
            self.env("VAP", "Cron")
            self.output("20260301", "old", timedelta(days=3), "hum.lidar.b1")
            self.output("20260308", "a", timedelta(hours=1))

        again = lambda: self.call(self.tick("t2"), request="r2")
        expected = {
            "hum.lidar.b1.20260301.000000.nc": "old",
            "hum.lidar.b1.20260308.000000.nc": "vap of 20260308, abc123\n",
        }
        self.play(make, lambda: self.tick("t1"), again, expected)


if __name__ == "__main__":
    unittest.main()
