"""Tests of images/bison with GDAL and pyarrow, each where it is installed. bison.test.ts runs them."""

import contextlib
import csv
import http.server
import importlib.util
import io
import json
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import unittest.mock
import urllib.error
import urllib.request
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "images/bison"))

import annotate  # noqa: E402
import annotate_riis  # noqa: E402
import calc_stats  # noqa: E402
import job  # noqa: E402
import regions  # noqa: E402

GDAL = importlib.util.find_spec("osgeo") is not None
PYARROW = importlib.util.find_spec("pyarrow") is not None
without = lambda *there: unittest.skipUnless(all(there), "GDAL's Python module or pyarrow is not installed")

# A square with a hole, a triangle beside it, and a square in two parts.
COUNTIES = [
    (
        "KS",
        "Douglas County",
        "POLYGON ((-96 38, -95 38, -95 39, -96 39, -96 38), (-95.6 38.4, -95.4 38.4, -95.4 38.6, -95.6 38.6, -95.6 38.4))",
    ),
    ("KS", "Johnson County", "POLYGON ((-95 38, -94 38, -95 39, -95 38))"),
    (
        "HI",
        "Maui County",
        "MULTIPOLYGON (((-157 20.5, -156.5 20.5, -156.5 21, -157 21, -157 20.5)), ((-156.4 20.5, -156 20.5, -156 21, -156.4 21, -156.4 20.5)))",
    ),
]
AREAS = [("Haskell Reservation", "1420R", "POLYGON ((-95.9 38.1, -95.8 38.1, -95.8 38.2, -95.9 38.2, -95.9 38.1))")]


def write_geopackage(path, layer, columns, rows, epsg=4269):
    """Writes a GeoPackage with GDAL. The last value of a row is its shape in degrees, as WKT."""
    from osgeo import ogr, osr

    system, degrees = osr.SpatialReference(), osr.SpatialReference()
    system.ImportFromEPSG(epsg)
    degrees.ImportFromEPSG(4269)
    for each in (system, degrees):
        each.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    change = osr.CoordinateTransformation(degrees, system)
    dataset = ogr.GetDriverByName("GPKG").CreateDataSource(path)
    target = dataset.CreateLayer(layer, system, ogr.wkbUnknown)
    for column in columns:
        target.CreateField(ogr.FieldDefn(column, ogr.OFTString))
    for *values, shape in rows:
        feature = ogr.Feature(target.GetLayerDefn())
        for column, value in zip(columns, values):
            feature[column] = value
        geometry = ogr.CreateGeometryFromWkt(shape)
        geometry.Transform(change)
        feature.SetGeometry(geometry)
        target.CreateFeature(feature)
    return path


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        Path(self.folder, "input").mkdir()
        files = {kind: {"key": f"input/{kind}.gpkg", "layer": kind} for kind in regions.REGION_COLUMNS}
        self.environment = {
            "BISON_BUCKET": self.folder,
            "BISON_RIIS": "input/list.csv",
            "BISON_REGIONS": json.dumps(files),
        }

    def county(self, **changes):
        given = {"layer": "county", "columns": regions.REGION_COLUMNS["county"], "rows": COUNTIES, **changes}
        return write_geopackage(f"{self.folder}/input/county.gpkg", **given)

    def aiannh(self, **changes):
        given = {"layer": "aiannh", "columns": regions.REGION_COLUMNS["aiannh"], "rows": AREAS, **changes}
        return write_geopackage(f"{self.folder}/input/aiannh.gpkg", **given)


@without(GDAL)
class GdalTest(Folder):
    def regions(self, path, layer="county", columns=regions.REGION_COLUMNS["county"]):
        return annotate.Regions(regions.read_regions(path, layer, columns))

    def test_finds_the_region_of_a_point(self):
        counties = self.regions(self.county())
        douglas, johnson, maui = [tuple(row[:2]) for row in COUNTIES]
        for point, expected in [
            ((-95.9, 38.1), douglas),
            ((-95.5, 38.5), None),  # within the hole
            ((-95.6, 38.5), douglas),  # on the hole's boundary
            ((-95.0, 38.5), douglas),  # on the boundary of two counties
            ((-94.9, 38.1), johnson),
            ((-94.2, 38.9), None),  # within the triangle's bounds only
            ((-156.7, 20.7), maui),
            ((-156.45, 20.7), None),  # between its parts
            ((-156.2, 20.7), maui),
            ((10.0, 50.0), None),
        ]:
            self.assertEqual(counties.at(*point), expected, point)

    def test_agrees_with_a_search_of_every_shape(self):
        chance = random.Random(5)
        rows = []
        for number in range(40):
            x, y = chance.uniform(-100, -96), chance.uniform(36, 39)
            corners = [(x + chance.uniform(-1, 1), y + chance.uniform(-1, 1)) for _ in range(3)]
            ring = ", ".join(f"{a!r} {b!r}" for a, b in [*corners, corners[0]])
            rows.append(("KS", str(number), f"POLYGON (({ring}))"))
        path = self.county(rows=rows)
        shapes = regions.read_regions(path, "county", regions.REGION_COLUMNS["county"])
        counties = annotate.Regions(shapes)
        found = 0
        for _ in range(4_000):
            point = (chance.uniform(-101, -95), chance.uniform(35, 40))
            expected = next((values for values, shape in shapes if shape.holds(*point)), None)
            found += expected is not None
            self.assertEqual(counties.at(*point), expected, point)
        self.assertGreater(found, 500)

    def test_reads_a_projected_layer_in_degrees(self):
        # EPSG:5070, the Albers projection of the lower 48.
        counties = self.regions(self.county(rows=COUNTIES[:2], epsg=5070))
        self.assertEqual(counties.at(-95.9, 38.1), ("KS", "Douglas County"))
        self.assertIsNone(counties.at(-95.5, 38.5))

    def test_reads_a_shape_whose_outline_crosses_itself(self):
        bow_tie = "POLYGON ((-96 38, -95 39, -95 38, -96 39, -96 38))"
        counties = self.regions(self.county(rows=[("KS", "Bow County", bow_tie)]))
        self.assertEqual(counties.at(-95.9, 38.5), ("KS", "Bow County"))
        self.assertIsNone(counties.at(-95.5, 38.2))

    def test_reads_columns_of_either_case(self):
        counties = self.regions(self.county(columns=["stusps", "namelsad"]))
        self.assertEqual(counties.at(-95.9, 38.1), ("KS", "Douglas County"))

    def test_names_a_missing_layer_and_those_that_are_there(self):
        path = self.county(layer="cb_2023_us_county_500k")
        with self.assertRaisesRegex(
            job.JobError, r"county\.gpkg: there is no layer county\. It has cb_2023_us_county_500k\."
        ):
            self.regions(path)

    def test_names_missing_columns(self):
        path = self.county(columns=["STUSPS", "NAME"])
        with self.assertRaisesRegex(job.JobError, r"layer county: there is no column NAMELSAD\. It has STUSPS, NAME\."):
            self.regions(path)

    def test_refuses_a_layer_without_shapes_or_coordinate_system(self):
        with self.assertRaisesRegex(job.JobError, "the layer county has no shapes"):
            self.regions(self.county(rows=[]))
        path = self.aiannh()
        database = sqlite3.connect(path)
        database.execute("UPDATE gpkg_geometry_columns SET srs_id = 99")
        database.execute("UPDATE gpkg_contents SET srs_id = 99")
        database.commit()
        database.close()
        with self.assertRaisesRegex(job.JobError, "the layer aiannh has no coordinate system"):
            self.regions(path, "aiannh", regions.REGION_COLUMNS["aiannh"])

    def test_refuses_what_is_no_geopackage(self):
        path = Path(self.folder, "input/county.gpkg")
        path.write_bytes(b"shapes")
        with self.assertRaisesRegex(job.JobError, r"county\.gpkg: this is no GeoPackage"):
            self.regions(str(path))
        path.unlink()
        with self.assertRaisesRegex(job.JobError, r"county\.gpkg: there is no such file"):
            self.regions(str(path))


@without(GDAL)
class RiisTest(Folder):
    """The first job of a month sees that the other files of input/ can be used, before it asks GBIF."""

    def setUp(self):
        super().setUp()
        self.asked = []

        class Species(http.server.BaseHTTPRequestHandler):
            def do_GET(handler):
                self.asked.append(handler.path)
                handler.send_response(200)
                handler.end_headers()
                handler.wfile.write(b'{"usageKey": 5, "matchType": "EXACT"}')

            def log_message(self, *_arguments):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Species)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.out = Path(self.folder, "input/list_annotated_2025_11_01.csv")

    def run_job(self, words="established (category C3)"):
        Path(self.folder, "input/list.csv").write_text(
            f"{','.join(annotate_riis.MASTER_COLUMNS)}\nL48,Rattus norvegicus,Animalia,{words},US-RIIS:1\n"
        )
        arguments = ["--snapshot", "2025-11-01", "--species-url", self.url]
        with contextlib.redirect_stdout(io.StringIO()):
            job.run("annotate_riis", lambda given: annotate_riis.main(given, self.environment), arguments)

    def test_resolves_names_where_every_file_can_be_used(self):
        self.county()
        self.aiannh()
        self.run_job()
        self.assertEqual((len(self.asked), self.out.exists()), (1, True))

    def test_tells_everything_that_is_wrong_with_its_inputs_and_asks_for_no_name(self):
        self.county(layer="cb_2023_us_county_500k")
        self.aiannh(columns=["NAME", "GEOID"])
        with self.assertRaises(SystemExit) as ended:
            self.run_job("extinct")
        lines = ended.exception.code.splitlines()
        self.assertIn("degreeOfEstablishment is 'extinct'", lines[1])
        self.assertIn("county.gpkg: there is no layer county. It has cb_2023_us_county_500k.", lines[2])
        self.assertIn("aiannh.gpkg, layer aiannh: there is no column NAMELSAD. It has NAME, GEOID.", lines[3])
        self.assertEqual((len(lines), self.asked, self.out.exists()), (4, [], False))
        Path(self.folder, "input/county.gpkg").unlink()
        with self.assertRaises(SystemExit) as ended:
            self.run_job()
        self.assertIn("county.gpkg: there is no such file", ended.exception.code)
        self.assertEqual(self.asked, [])


def write_parquet(path, columns):
    import pyarrow
    from pyarrow import parquet

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.table(columns), path)
    return path


def read_parquet(path):
    from pyarrow import parquet

    return parquet.read_table(path)


RIIS = (
    "locality,occurrenceID,degreeOfEstablishment,gbif_res_taxonkey\n"
    "L48,US-RIIS:1,invasive (category D2),5\n"
    "HI,US-RIIS:2,established (category C3),6\n"
)


@without(GDAL, PYARROW)
class AnnotateTest(Folder):
    """The whole job, on files."""

    def setUp(self):
        super().setUp()
        for number in range(5):
            write_parquet(f"{self.folder}/subset/part-{number}", self.part(number))
        self.riis = Path(self.folder, "input/list_annotated_2025_11_01.csv")
        self.riis.write_text(RIIS)
        self.county()
        self.aiannh()

    def part(self, number, **changes):
        return {
            "gbifid": [10 * number + row for row in range(4)],
            "decimallatitude": [38.15, 20.7, 38.5, None],
            "decimallongitude": [-95.85, -156.7, 0.0, -95.9],
            "taxonkey": ["51", "6", "5", "5"],
            "specieskey": ["5", "6", "5", None],
            "species": ["a", "b", "a", None],
            **changes,
        }

    def run_job(self, index=None, size=None, subset="subset"):
        environment = dict(self.environment)
        if index is not None:
            environment.update(AWS_BATCH_JOB_ARRAY_INDEX=str(index), AWS_BATCH_JOB_ARRAY_SIZE=str(size))
        arguments = ["--snapshot", "2025-11-01", "--subset", f"{self.folder}/{subset}/"]
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            job.run("annotate", lambda given: annotate.main(given, environment), arguments)
        return json.loads(output.getvalue())

    def message(self, **changes):
        with self.assertRaises(SystemExit) as ended:
            self.run_job(**changes)
        return ended.exception.code

    def test_annotates_every_row_and_keeps_its_columns(self):
        said = self.run_job()
        table = read_parquet(f"{self.folder}/annotated/2025-11-01/1/0.parquet")
        self.assertEqual(table.column_names, [*self.part(0), *annotate.ADDED])
        self.assertEqual(
            table.column("gbifid").to_pylist(), [10 * number + row for number in range(5) for row in range(4)]
        )
        self.assertEqual(
            [tuple(row.values())[6:] for row in table.to_pylist()[:4]],
            [
                (
                    "KS",
                    "Douglas County",
                    "KS Douglas County",
                    "Haskell Reservation",
                    "1420R",
                    "L48",
                    "US-RIIS:1",
                    "invasive",
                ),
                ("HI", "Maui County", "HI Maui County", None, None, "HI", "US-RIIS:2", "introduced"),
                (*(None,) * 7, "presumed_native"),
                (*(None,) * 7, "presumed_native"),
            ],
        )
        self.assertEqual(
            {key: said[key] for key in ("files", "rows", "in_county", "in_aiannh", "in_riis")},
            {"files": 5, "rows": 20, "in_county": 10, "in_aiannh": 5, "in_riis": 10},
        )

    def test_shares_the_files_among_the_children_of_an_array(self):
        # Seven children for five files: two have no part, and write a file without rows.
        rows = [self.run_job(index, 7)["rows"] for index in range(7)]
        self.assertEqual(rows, [4, 4, 4, 4, 4, 0, 0])
        tables = [read_parquet(f"{self.folder}/annotated/2025-11-01/7/{index}.parquet") for index in range(7)]
        self.assertEqual(
            sorted(sum((table.column("gbifid").to_pylist() for table in tables), [])),
            [10 * n + r for n in range(5) for r in range(4)],
        )
        self.assertEqual(len({str(table.schema) for table in tables}), 1)

    def test_leaves_the_files_of_an_array_of_another_size_out_of_its_folder(self):
        for size in (3, 2):
            for index in range(size):
                self.run_job(index, size)
        folder = Path(self.folder, "annotated/2025-11-01")
        found = {each.name: sorted(file.name for file in each.iterdir()) for each in folder.iterdir()}
        self.assertEqual(found, {"3": ["0.parquet", "1.parquet", "2.parquet"], "2": ["0.parquet", "1.parquet"]})

    def test_writes_the_same_file_when_it_is_tried_again(self):
        self.run_job(1, 2)
        path = Path(self.folder, "annotated/2025-11-01/2/1.parquet")
        first = path.read_bytes()
        # What an attempt left that lost its host.
        path.write_bytes(first[:50])
        self.run_job(1, 2)
        self.assertEqual(path.read_bytes(), first)
        self.assertEqual([each.name for each in path.parent.iterdir()], ["1.parquet"])

    def test_takes_keys_that_are_numbers_and_coordinates_of_less_precision(self):
        import pyarrow

        for number in range(5):
            part = self.part(number, taxonkey=[5, 6, 5, 5], specieskey=[5, 6, 5, 5])
            part["decimallatitude"] = pyarrow.array(part["decimallatitude"], pyarrow.float32())
            write_parquet(f"{self.folder}/subset/part-{number}", part)
        self.run_job(0, 5)
        table = read_parquet(f"{self.folder}/annotated/2025-11-01/5/0.parquet")
        self.assertEqual(
            table.column("riis_assessment").to_pylist(),
            ["invasive", "introduced", "presumed_native", "presumed_native"],
        )

    def test_tells_everything_that_is_wrong_at_once(self):
        self.county(layer="cb_2023_us_county_500k")
        self.riis.write_text("locality\nL48\n")
        Path(self.folder, "input/aiannh.gpkg").unlink()
        part = self.part(0)
        del part["taxonkey"]
        write_parquet(f"{self.folder}/subset/part-0", part)
        lines = self.message().splitlines()
        self.assertEqual(len(lines), 4)
        self.assertIn("subset/part-0: there is no column taxonkey. It has gbifid,", lines[0])
        self.assertIn(
            "list_annotated_2025_11_01.csv: there is no column occurrenceID, degreeOfEstablishment, gbif_res_taxonkey.",
            lines[1],
        )
        self.assertIn("county.gpkg: there is no layer county. It has cb_2023_us_county_500k.", lines[2])
        self.assertIn("aiannh.gpkg: there is no such file", lines[3])
        self.assertFalse(Path(self.folder, "annotated").exists())

    def test_refuses_columns_of_another_type(self):
        write_parquet(f"{self.folder}/subset/part-0", self.part(0, decimallatitude=["38.1"] * 4))
        self.assertIn("part-0: decimallatitude is of the type string", self.message())
        write_parquet(f"{self.folder}/subset/part-0", self.part(0, specieskey=[5.0] * 4))
        self.assertIn("part-0: specieskey is of the type double", self.message())

    def test_refuses_a_subset_of_several_forms_and_one_that_was_annotated(self):
        write_parquet(f"{self.folder}/subset/part-3", self.part(3, extra=[1] * 4))
        self.assertIn("part-3: its columns are not those of the subset's first file", self.message())
        write_parquet(f"{self.folder}/subset/part-0", self.part(0, riis_region=[""] * 4))
        self.assertIn("part-0: it has riis_region already", self.message())

    def test_refuses_an_empty_folder_and_what_is_no_parquet(self):
        self.assertIn("nothing/: there is no file", self.message(subset="nothing"))
        Path(self.folder, "subset/part-0").write_bytes(b"gbifid\tspecies\n")
        self.assertIn("part-0: this is no Parquet file", self.message())


@without(GDAL, PYARROW)
@unittest.skipUnless(shutil.which("moto_server"), "moto_server is not on the PATH")
class S3Test(Folder):
    """The jobs in a bucket, of moto's."""

    @classmethod
    def setUpClass(cls):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        cls.server = subprocess.Popen(
            ["moto_server", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        cls.addClassCleanup(cls.server.wait)
        cls.addClassCleanup(cls.server.terminate)
        cls.endpoint = f"http://127.0.0.1:{port}"
        while True:
            try:
                urllib.request.urlopen(urllib.request.Request(f"{cls.endpoint}/bison-test", method="PUT")).close()
                break
            except urllib.error.URLError:
                if cls.server.poll() is not None:
                    raise
                time.sleep(0.2)

    def setUp(self):
        super().setUp()
        self.environment["BISON_BUCKET"] = "bison-test"
        of_aws = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
        }
        patched = unittest.mock.patch.dict(os.environ, of_aws)
        patched.start()
        self.addCleanup(patched.stop)

    def upload(self, path, key):
        job.write_bytes(f"s3://bison-test/{key}", Path(path).read_bytes())

    def run_job(self, name, module, *arguments):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            job.run(name, lambda given: module.main(given, self.environment), ["--snapshot", "2025-11-01", *arguments])
        return json.loads(output.getvalue())

    def test_annotates_and_counts_in_a_bucket(self):
        self.upload(self.county(), "input/county.gpkg")
        self.upload(self.aiannh(), "input/aiannh.gpkg")
        job.write_bytes("s3://bison-test/input/list_annotated_2025_11_01.csv", RIIS.encode())
        part = {
            "decimallatitude": [38.15, 20.7],
            "decimallongitude": [-95.85, -156.7],
            "taxonkey": ["5", "6"],
            "specieskey": ["5", "6"],
        }
        self.upload(write_parquet(f"{self.folder}/part", part), "queries/tables/x/2025_bucket-00000")
        job.write_bytes("s3://bison-test/queries/tables/x/_metadata", b"x")
        said = self.run_job("annotate", annotate, "--subset", "s3://bison-test/queries/tables/x/")
        self.assertEqual((said["files"], said["rows"], said["in_county"]), (1, 2, 2))
        table = job.open_parquet("s3://bison-test/annotated/2025-11-01/1/0.parquet").read()
        self.assertEqual(table.column("state_county").to_pylist(), ["KS Douglas County", "HI Maui County"])
        self.assertEqual(table.column("riis_assessment").to_pylist(), ["invasive", "introduced"])

        columns = dict(zip(calc_stats.COLUMNS, (["KS Douglas County"], ["5 a"], [3])))
        self.upload(write_parquet(f"{self.folder}/list", columns), "summary/2025-11-01/list/hash/part")
        place = "s3://bison-test/summary/2025-11-01/list/hash/"
        tables = [{"name": calc_stats.LIST, "location": place, "columns": calc_stats.COLUMNS}]
        self.run_job("calc_stats", calc_stats, "--tables", json.dumps(tables))
        self.assertEqual(
            json.loads(job.read_bytes("s3://bison-test/summary/2025-11-01/statistics.json"))["occurrences"], 3
        )
        self.assertIn(b"KS Douglas County", job.read_bytes("s3://bison-test/output/2025-11-01/county_stats.csv"))

    def test_names_what_the_bucket_lacks_and_what_aws_refuses(self):
        self.environment["BISON_RIIS"] = "input/none.csv"
        with self.assertRaises(SystemExit) as ended:
            self.run_job("annotate", annotate, "--subset", "s3://bison-test/queries/tables/none/")
        lines = ended.exception.code.splitlines()
        self.assertEqual(
            lines[0],
            "annotate: s3://bison-test/queries/tables/none/: there is no file: see whether the subset was written.",
        )
        self.assertRegex(lines[1], r"^s3://bison-test/input/\S+: there is no such file")
        job._FILESYSTEMS.clear()
        os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
        with self.assertRaises(SystemExit) as ended:
            self.run_job("annotate", annotate, "--subset", "s3://bison-test/queries/tables/none/")
        job._FILESYSTEMS.clear()
        self.assertRegex(ended.exception.code, "^annotate: OSError: .*'bison-test'.*NETWORK_CONNECTION")


@without(PYARROW)
class RefusedTest(unittest.TestCase):
    def test_names_both_causes_when_s3_denies_access(self):
        class Denies(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.send_response(403)
                self.end_headers()

            def log_message(self, *_arguments):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Denies)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        of_aws = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}", "AWS_DEFAULT_REGION": "us-east-1"}
        with unittest.mock.patch.dict(os.environ, {**of_aws, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}):
            with self.assertRaisesRegex(
                job.JobError, "^s3://other/input/list.csv: there is no such file, or the job's role"
            ):
                job.read_bytes("s3://other/input/list.csv")


COLUMNS_OF = {"state_counts": ["census_state", "occ_count"], calc_stats.LIST: calc_stats.COLUMNS}


@without(PYARROW)
class CalcStatsTest(Folder):
    def setUp(self):
        super().setUp()
        self.tables = {
            name: f"{self.folder}/summary/2025-11-01/{name}/hash/" for name in ("state_counts", calc_stats.LIST)
        }
        write_parquet(
            self.tables["state_counts"] + "part-0", {"census_state": ["b", "a", None], "occ_count": [2, 1, 3]}
        )
        for part, rows in enumerate(
            ([("KS Douglas County", "5 a", 3), ("KS Johnson County", "5 a", 4)], [("KS Douglas County", '6 b "x"', 1)])
        ):
            write_parquet(f"{self.tables[calc_stats.LIST]}part-{part}", dict(zip(calc_stats.COLUMNS, zip(*rows))))

    def run_job(self):
        tables = [
            {"name": name, "table": f"{name}_2025_11_01", "location": location, "columns": COLUMNS_OF[name]}
            for name, location in self.tables.items()
        ]
        output = io.StringIO()
        arguments = ["--snapshot", "2025-11-01", "--tables", json.dumps(tables)]
        with contextlib.redirect_stdout(output):
            job.run("calc_stats", lambda given: calc_stats.main(given, self.environment), arguments)
        return json.loads(output.getvalue())

    def rows(self, name):
        return list(
            csv.reader(io.StringIO(Path(self.folder, "output/2025-11-01", f"{name}.csv").read_text(), newline=""))
        )

    def test_writes_the_results_and_the_statistics(self):
        self.run_job()
        names = [each.name for each in Path(self.folder, "output/2025-11-01").iterdir()]
        self.assertEqual(
            sorted(names),
            [f"{name}.csv" for name in ("county_stats", calc_stats.LIST, "species_stats", "state_counts")],
        )
        self.assertEqual(self.rows("state_counts"), [["census_state", "occ_count"], ["a", "1"], ["b", "2"], ["", "3"]])
        self.assertEqual(self.rows(calc_stats.LIST)[2], ["KS Douglas County", '6 b "x"', "1"])
        self.assertEqual(
            [row[:3] for row in self.rows("species_stats")],
            [calc_stats.SPECIES_HEADER[:3], ["5 a", "7", "2"], ['6 b "x"', "1", "1"]],
        )
        self.assertEqual(
            [row[:3] for row in self.rows("county_stats")[1:]],
            [["KS Douglas County", "4", "2"], ["KS Johnson County", "4", "1"]],
        )
        said = json.loads(Path(self.folder, "summary/2025-11-01/statistics.json").read_text())
        self.assertEqual(
            said,
            {
                "snapshot": "2025-11-01",
                "occurrences": 8,
                "species": 2,
                "counties": 2,
                "minimum_presence": 3,
                "present_species": 1,
                "present_counties": 2,
                "lande": 0.0,
                "legendre": 0.0,
                "whittaker": 1.0,
                "rows": {"state_counts": 3, calc_stats.LIST: 3},
            },
        )

    def test_writes_the_header_of_a_result_without_a_row(self):
        Path(self.tables["state_counts"], "part-0").unlink()
        self.run_job()
        self.assertEqual(self.rows("state_counts"), [["census_state", "occ_count"]])
        self.assertEqual(len(self.rows(calc_stats.LIST)), 4)

    def test_names_what_is_missing_and_writes_nothing(self):
        write_parquet(self.tables["state_counts"] + "part-0", {"state": ["x"], "occ_count": [1]})
        write_parquet(self.tables[calc_stats.LIST] + "part-0", {"state_county": ["x"], "species": ["a"]})
        with self.assertRaises(SystemExit) as ended:
            self.run_job()
        lines = ended.exception.code.splitlines()
        self.assertIn("state_counts/hash/part-0: there is no column census_state.", lines[0])
        self.assertIn(f"{calc_stats.LIST}/hash/part-0: there is no column taxonkey_species, occ_count.", lines[1])
        self.assertFalse(Path(self.folder, "output").exists())


if __name__ == "__main__":
    unittest.main()
