"""Tests of the logic of images/bison, with what Python has. bison.test.ts runs them."""

import argparse
import contextlib
import csv
import io
import json
import random
import sys
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "images/bison"))

import annotate  # noqa: E402
import annotate_riis  # noqa: E402
import calc_stats  # noqa: E402
import job  # noqa: E402


class Box:
    """A rectangle in the place of GDAL's shapes."""

    def __init__(self, west, south, east, north):
        self.bounds = (west, south, east, north)

    def holds(self, longitude, latitude):
        west, south, east, north = self.bounds
        return west <= longitude <= east and south <= latitude <= north

    def covers(self, box):
        west, south, east, north = self.bounds
        return west <= box[0] and south <= box[1] and box[2] <= east and box[3] <= north

    def meets(self, box):
        west, south, east, north = self.bounds
        return west <= box[2] and south <= box[3] and box[0] <= east and box[1] <= north


class RegionsTest(unittest.TestCase):
    def test_finds_what_a_search_of_every_region_finds(self):
        chance = random.Random(1)
        regions = []
        for number in range(60):
            west, south = round(chance.uniform(-103, -99), 3), round(chance.uniform(37, 40), 3)
            # Wider than a degree, and narrower than a cell; some overlap.
            width, height = chance.choice([0.01, 0.3, 1.7]), chance.choice([0.02, 0.4, 1.2])
            regions.append(((number,), Box(west, south, round(west + width, 3), round(south + height, 3))))
        index = annotate.Regions(regions)
        points = [(round(chance.uniform(-104, -97), 3), round(chance.uniform(36, 42), 3)) for _ in range(5_000)]
        # Points on the boundaries themselves.
        points += [(box.bounds[east], box.bounds[north]) for _, box in regions for east in (0, 2) for north in (1, 3)]
        for point in points:
            expected = next((values for values, shape in regions if shape.holds(*point)), None)
            self.assertEqual(index.at(*point), expected, point)

    def test_gives_a_point_on_two_regions_to_the_first(self):
        index = annotate.Regions([(("west",), Box(-96, 38, -95, 39)), (("east",), Box(-95, 38, -94, 39))])
        self.assertEqual(index.at(-95.0, 38.5), ("west",))

    def test_asks_no_shape_where_one_covers_the_cell(self):
        box = Box(-96, 38, -95, 39)
        index = annotate.Regions([(("county",), box)])
        self.assertEqual(index.at(-95.55, 38.55), ("county",))
        box.holds = None
        self.assertEqual(index.at(-95.56, 38.51), ("county",))

    def test_works_south_and_west_of_zero_and_at_the_antimeridian(self):
        index = annotate.Regions(
            [(("samoa",), Box(-171.1, -14.6, -168.1, -11.0)), (("aleutians",), Box(172.0, 51.0, 180.0, 53.0))]
        )
        self.assertEqual(index.at(-170.7, -14.3), ("samoa",))
        self.assertEqual(index.at(180.0, 52.0), ("aleutians",))
        self.assertIsNone(index.at(-180.0, 52.0))


class AnnotationsTest(unittest.TestCase):
    counties = annotate.Regions(
        [
            (("KS", "Douglas County"), Box(-95.5, 38.7, -95.0, 39.1)),
            (("HI", "Honolulu County"), Box(-158.3, 21.2, -157.6, 21.8)),
            (("AK", "Nome Census Area"), Box(-166.0, 64.0, -160.0, 66.0)),
        ]
    )
    areas = annotate.Regions([(("Haskell Reservation", "1420R"), Box(-95.3, 38.9, -95.2, 39.0))])
    riis = {
        ("L48", "5"): ("US-RIIS:1", "invasive"),
        ("HI", "5"): ("US-RIIS:2", "introduced"),
    }

    def rows(self, *points):
        # Longitude, latitude, taxon, and its species where that is another.
        longitudes, latitudes, taxa, *species = zip(*points)
        columns = annotate.annotations(
            longitudes, latitudes, taxa, species[0] if species else taxa, self.counties, self.areas, self.riis
        )
        self.assertEqual(list(columns), annotate.ADDED)
        return list(zip(*columns.values()))

    def test_annotates_county_area_and_assessment(self):
        self.assertEqual(
            self.rows((-95.25, 38.95, 5)),
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
                )
            ],
        )

    def test_takes_the_assessment_of_the_state_s_own_region(self):
        found = [(row[5], row[6], row[7]) for row in self.rows((-158.0, 21.5, 5), (-163.0, 65.0, 5))]
        self.assertEqual(found, [("HI", "US-RIIS:2", "introduced"), ("AK", None, "presumed_native")])

    def test_presumes_that_a_taxon_without_a_record_is_native(self):
        self.assertEqual(self.rows((-95.4, 38.8, 6))[0][5:], ("L48", None, "presumed_native"))

    def test_takes_a_key_as_a_number_or_as_text(self):
        self.assertEqual(self.rows((-95.4, 38.8, 5)), self.rows((-95.4, 38.8, "5")))

    def test_takes_the_record_of_the_taxon_before_that_of_its_species(self):
        riis = {**self.riis, ("L48", "51"): ("US-RIIS:3", "introduced")}
        found = annotate.annotations(
            [-95.4] * 3, [38.8] * 3, ["51", "52", "53"], [5, 5, None], self.counties, self.areas, riis
        )
        self.assertEqual(found["riis_occurrence_id"], ["US-RIIS:3", "US-RIIS:1", None])
        self.assertEqual(found["riis_assessment"], ["introduced", "invasive", "presumed_native"])

    def test_gives_no_region_outside_of_every_county(self):
        nothing = (*(None,) * 7, "presumed_native")
        nowhere = [(-50.0, 10.0, 5), (None, 38.8, 5), (-95.4, None, 5), (float("nan"), 38.8, 5)]
        self.assertEqual(self.rows(*nowhere), [nothing] * 4)


class JobTest(unittest.TestCase):
    def test_takes_its_place_in_the_array_from_batch(self):
        self.assertEqual(job.chunk_of({}), (0, 1))
        self.assertEqual(job.chunk_of({"AWS_BATCH_JOB_ARRAY_INDEX": "63", "AWS_BATCH_JOB_ARRAY_SIZE": "64"}), (63, 64))
        for index, size in [("64", "64"), ("1", None), (None, "64"), ("-1", "64"), ("a", "64")]:
            given = {"AWS_BATCH_JOB_ARRAY_INDEX": index, "AWS_BATCH_JOB_ARRAY_SIZE": size}
            with self.assertRaisesRegex(job.JobError, "AWS_BATCH_JOB_ARRAY_INDEX is"):
                job.chunk_of({key: value for key, value in given.items() if value is not None})

    def test_finds_its_place_in_variables(self):
        place = job.Place({"BISON_BUCKET": "b", "BISON_RIIS": "input/list.csv", "BISON_REGIONS": REGIONS})
        self.assertEqual(place.riis, "s3://b/input/list.csv")
        self.assertEqual(place.annotated_riis("2025-11-01"), "s3://b/input/list_annotated_2025_11_01.csv")
        self.assertEqual(place.regions, {"county": ("input/county.gpkg", "county"), "aiannh": ("input/a.gpkg", "a")})

    def test_names_every_variable_that_is_missing_or_of_another_form(self):
        with self.assertRaises(job.JobError) as raised:
            job.Place({"BISON_RIIS": "input/list.csv", "BISON_REGIONS": '{"county": {"key": "k", "layer": "l"}}'})
        lines = str(raised.exception).splitlines()
        self.assertEqual([line.split(" ")[0] for line in lines], ["BISON_BUCKET", "BISON_REGIONS"])
        self.assertIn("without a GeoPackage for aiannh", lines[1])
        for regions in ("no json", "[]", '{"county": {"key": "k"}, "aiannh": "k"}'):
            with self.assertRaisesRegex(job.JobError, "(?s)GeoPackage for county.*GeoPackage for aiannh"):
                job.Place({"BISON_BUCKET": "b", "BISON_RIIS": "r", "BISON_REGIONS": regions})

    def test_takes_the_first_day_of_a_month_as_a_snapshot(self):
        self.assertEqual(job.snapshot_of("2025-11-01"), "2025-11-01")
        for text in ("2025-11-02", "2025-13-01", "2025_11_01", "x2025-11-01", "2025-11-01\n"):
            with self.assertRaisesRegex(argparse.ArgumentTypeError, "is no first day of a month"):
                job.snapshot_of(text)

    def test_gives_every_file_to_one_child(self):
        files = [f"part-{number:03}" for number in range(70)]
        parts = [files[index::64] for index in range(64)]
        self.assertEqual(sorted(sum(parts, [])), files)

    def test_lists_the_files_that_athena_would_read(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, content in [("b", "1"), ("a/c", "1"), ("_SUCCESS", "1"), (".hidden", "1"), ("empty", "")]:
                job.write_bytes(f"{folder}/{name}", content.encode())
            self.assertEqual(job.list_files(folder), [f"{folder}/a/c", f"{folder}/b"])
            self.assertEqual(job.list_files(f"{folder}/none"), [])

    def test_tells_all_problems_at_once_and_no_stack_trace(self):
        def main(_arguments):
            problems = job.Problems()
            for each in ("one", "two"):
                with problems:
                    raise job.JobError(each)
            problems.check()

        with self.assertRaises(SystemExit) as ended:
            job.run("annotate", main, [])
        self.assertEqual(ended.exception.code, "annotate: one\ntwo")

    def test_hides_no_error_of_the_program_itself(self):
        problems = job.Problems()
        with self.assertRaises(KeyError), problems:
            raise KeyError("x")

        def main(_arguments):
            raise ValueError("a defect")

        with self.assertRaisesRegex(ValueError, "a defect"):
            job.run("annotate", main, [])


REGIONS = '{"county": {"key": "input/county.gpkg", "layer": "county"}, "aiannh": {"key": "input/a.gpkg", "layer": "a"}}'
HEADER = "locality,scientificName,kingdom,degreeOfEstablishment,occurrenceID"

# What GBIF answered to these questions, without the fields that are not read.
RECORDED = {
    ("Rattus norvegicus", "Animalia"): {
        "usageKey": 2439261, "scientificName": "Rattus norvegicus (Berkenhout, 1769)", "status": "ACCEPTED",
        "matchType": "EXACT",
    },
    # A synonym: the match names the accepted taxon by its key only.
    ("Sturnus vulgaris vulgaris", "Animalia"): {
        "usageKey": 7191426, "acceptedUsageKey": 9809229, "scientificName": "Sturnus vulgaris vulgaris",
        "status": "SYNONYM", "matchType": "EXACT",
    },
    ("Starling", "Animalia"): {
        "usageKey": 9809229, "scientificName": "Sturnus vulgaris Linnaeus, 1758", "status": "DOUBTFUL",
        "matchType": "FUZZY",
    },
    # An unknown species of a known genus.
    ("Rubus unknownus", "Plantae"): {
        "usageKey": 2988638, "scientificName": "Rubus L.", "status": "ACCEPTED", "matchType": "HIGHERRANK",
    },
    ("Nothing at all", "Plantae"): {"confidence": 100, "matchType": "NONE"},
}  # fmt: skip
TAXA = {"9809229": {"key": 9809229, "scientificName": "Sturnus vulgaris Linnaeus, 1758", "taxonomicStatus": "ACCEPTED"}}


class Species(BaseHTTPRequestHandler):
    """GBIF's species API with the recorded answers. `faults` are given before them, one to each question."""

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.server.faults:
            status, headers, body = self.server.faults.pop(0)
        else:
            url = urlparse(self.path)
            question = {key: values[0] for key, values in parse_qs(url.query).items()}
            found = TAXA.get(url.path.rpartition("/")[2])
            if url.path == "/v1/species/match":
                found = RECORDED.get((question["name"], question.get("kingdom")))
            status, headers, body = (200, {}, json.dumps(found)) if found else (404, {}, "")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_arguments):
        pass


class RiisTest(unittest.TestCase):
    def setUp(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Species)
        self.server.asked, self.server.faults = [], []
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/species"
        self.folder = tempfile.TemporaryDirectory()
        self.pauses = []

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()

    def resolve(self, *rows, header=HEADER, encoding="utf-8"):
        """Runs the job on a list, and returns its rows as dictionaries."""
        self.out = Path(self.folder.name, "input/list_annotated_2025_11_01.csv")
        job.write_bytes(f"{self.folder.name}/input/list.csv", "\n".join([header, *rows, ""]).encode(encoding))
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            annotate_riis.main(
                ["--snapshot", "2025-11-01", "--species-url", self.url],
                {"BISON_BUCKET": self.folder.name, "BISON_RIIS": "input/list.csv", "BISON_REGIONS": REGIONS},
                self.pauses.append,
                # GDAL reads them, which bison_libraries_test.py has.
                read_regions=lambda _place, _problems: None,
            )
        self.log = [json.loads(line) for line in output.getvalue().splitlines()]
        return list(csv.DictReader(io.StringIO(self.out.read_text(encoding="utf-8"), newline="")))

    def keys(self, rows):
        return [(row["gbif_res_taxonkey"], row["gbif_res_scientificname"]) for row in rows]

    def test_resolves_names_to_accepted_taxa(self):
        rows = self.resolve(
            "L48,Rattus norvegicus,Animalia,established (category C3),US-RIIS:1",
            "L48,Sturnus vulgaris vulgaris,Animalia,widespread invasive (category E),US-RIIS:2",
            "AK,Starling,Animalia,invasive (category D2),US-RIIS:3",
            "HI,Rubus unknownus,Plantae,invasive (category D2),US-RIIS:4",
            "HI,Nothing at all,Plantae,invasive (category D2),US-RIIS:5",
        )
        starling = ("9809229", "Sturnus vulgaris Linnaeus, 1758")
        self.assertEqual(
            self.keys(rows),
            [("2439261", "Rattus norvegicus (Berkenhout, 1769)"), starling, starling, ("", ""), ("", "")],
        )
        self.assertEqual(list(rows[0]), [*HEADER.split(","), "gbif_res_taxonkey", "gbif_res_scientificname", "LINENO"])
        self.assertEqual([row["LINENO"] for row in rows], ["2", "3", "4", "5", "6"])
        self.assertEqual(
            [line.get("name") for line in self.log[:2]], ["Nothing at all", "Rubus unknownus"], "says what it left out"
        )
        self.assertEqual(
            {key: self.log[2][key] for key in ("records", "names", "resolved")},
            {"records": 5, "names": 5, "resolved": 3},
        )

    def test_asks_for_a_name_once(self):
        row = "{},Rattus norvegicus,Animalia,established (category C3),US-RIIS:{}"
        rows = self.resolve(row.format("AK", 1), row.format("HI", 2), row.format("L48", 3))
        self.assertEqual(len(self.server.asked), 1)
        self.assertEqual({key for key, _ in self.keys(rows)}, {"2439261"})

    def test_keeps_columns_that_it_does_not_know_and_reads_excel_s_utf_8(self):
        rows = self.resolve(
            'L48,Rattus norvegicus,Animalia,established (category C3),US-RIIS:1,"é, ""x"""',
            header=f"{HEADER},remarks",
            encoding="utf-8-sig",
        )
        self.assertEqual((rows[0]["locality"], rows[0]["remarks"]), ("L48", 'é, "x"'))

    def test_writes_its_own_result_again_as_it_was(self):
        first = self.resolve("L48,Rattus norvegicus,Animalia,established (category C3),US-RIIS:1")
        again = self.resolve(
            'L48,Rattus norvegicus,Animalia,established (category C3),US-RIIS:1,9,"Old name",7',
            header=f"{HEADER},gbif_res_taxonkey,gbif_res_scientificname,LINENO",
        )
        self.assertEqual(again, first)

    def test_asks_again_after_a_fault_and_waits_as_long_as_gbif_says(self):
        self.server.faults = [(503, {}, ""), (429, {"Retry-After": "44"}, ""), (200, {}, "<html>"), (200, {}, "")]
        rows = self.resolve("L48,Rattus norvegicus,Animalia,established (category C3),US-RIIS:1")
        self.assertEqual(self.keys(rows)[0][0], "2439261")
        self.assertEqual(self.pauses, [1, 44, 5, 15])

    def test_writes_nothing_when_gbif_does_not_answer(self):
        self.server.faults = [(502, {}, "")] * 7
        with self.assertRaisesRegex(job.JobError, "no answer in 7 tries; the last one ended with: 502 Bad Gateway"):
            self.resolve("L48,Rattus norvegicus,Animalia,established (category C3),US-RIIS:1")
        self.assertFalse(self.out.exists())

    def test_asks_once_when_gbif_refuses_the_question(self):
        self.server.faults = [(400, {}, "")]
        with self.assertRaisesRegex(job.JobError, "GBIF answers 400"):
            self.resolve("L48,Rattus norvegicus,Animalia,established (category C3),US-RIIS:1")
        self.assertEqual(self.pauses, [])

    def test_writes_nothing_when_no_name_is_known(self):
        with self.assertRaisesRegex(job.JobError, "GBIF knows none of its 1 names"):
            self.resolve("L48,Nothing at all,Plantae,invasive (category D2),US-RIIS:1")
        self.assertFalse(self.out.exists())

    def test_names_missing_columns(self):
        with self.assertRaisesRegex(
            job.JobError, r"list\.csv: there is no column kingdom, occurrenceID\. It has locality,"
        ):
            self.resolve("L48,x,y", header="locality,scientificName,degreeOfEstablishment")
        self.assertEqual(self.server.asked, [])

    def test_names_every_line_that_is_not_riis(self):
        with self.assertRaises(job.JobError) as raised:
            self.resolve(
                "PR,Rattus norvegicus,Animalia,established (category C3),US-RIIS:1",
                "L48,Rattus norvegicus,Animalia,extinct,US-RIIS:2",
                "L48,Rattus norvegicus",
            )
        lines = str(raised.exception).splitlines()[1:]
        self.assertEqual([line.split(":")[0] for line in lines], ["line 2", "line 3", "line 4"])
        self.assertIn("'PR'", lines[0])
        self.assertIn("'extinct'", lines[1])

    def test_refuses_a_list_that_is_not_there_or_no_text(self):
        with self.assertRaisesRegex(job.JobError, "there is no such file"):
            annotate_riis.read_list(f"{self.folder.name}/none.csv")
        Path(self.folder.name, "bad.csv").write_bytes(b"\xff\xfe\x00")
        with self.assertRaisesRegex(job.JobError, "no text in UTF-8"):
            annotate_riis.read_list(f"{self.folder.name}/bad.csv")
        with self.assertRaisesRegex(job.JobError, "the list has no rows"):
            self.resolve()

    def test_takes_the_worse_of_two_assessments_of_one_taxon(self):
        row = lambda number, word, key="5", locality="L48": {
            "locality": locality,
            "occurrenceID": f"US-RIIS:{number}",
            "degreeOfEstablishment": word,
            "gbif_res_taxonkey": key,
        }
        found = annotate_riis.assessments(
            [
                row(1, "Established (category C3)"),
                row(2, "widespread invasive (category E)"),
                row(3, "established (category C3)"),
                row(4, "invasive (category D2)"),
                row(5, "established (category C3)", locality="AK"),
                row(6, "invasive (category D2)", key=""),
            ]
        )
        self.assertEqual(found, {("L48", "5"): ("US-RIIS:2", "invasive"), ("AK", "5"): ("US-RIIS:5", "introduced")})


class StatisticsTest(unittest.TestCase):
    # Presences of at least 3: a in X and Y, b in X; c is too rare everywhere, Z has none.
    ROWS = [("X", "1 a", 10), ("X", "2 b", 3), ("Y", "1 a", 2), ("Y", "1 a", 1), ("Y", "3 c", 2), ("Z", "2 b", 1)]

    def test_counts_species_counties_and_diversity(self):
        species, counties, totals = calc_stats.statistics_of(self.ROWS)
        # Two counties and two species are present; omega: a 2, b 1; alpha: X 2, Y 1.
        self.assertEqual(
            species,
            [
                ("1 a", 13, 2, 2, 1.0, 3, 0.75),
                ("2 b", 4, 2, 1, 0.5, 2, 1.0),
                ("3 c", 2, 1, 0, 0.0, 0, None),
            ],
        )
        self.assertEqual(
            counties,
            [
                ("X", 13, 2, 2, 1.0, 3, 0.75),
                ("Y", 5, 2, 1, 0.5, 2, 1.0),
                ("Z", 1, 1, 0, 0.0, 0, None),
            ],
        )
        self.assertEqual(
            totals,
            {
                "occurrences": 19,
                "species": 3,
                "counties": 3,
                "minimum_presence": 3,
                "present_species": 2,
                "present_counties": 2,
                "lande": 2 - 1.5,
                "legendre": 3 - (4 + 1) / 2,
                "whittaker": 2 / 1.5,
            },
        )

    def test_agrees_with_matrices(self):
        chance = random.Random(3)
        counts = {(site, taxon): chance.choice([0, 1, 2, 3, 9]) for site in range(12) for taxon in range(20)}
        rows = [(f"c{site}", f"{taxon} s", count) for (site, taxon), count in counts.items() if count]
        chance.shuffle(rows)
        species, counties, totals = calc_stats.statistics_of(rows)
        pam = [[int(counts[(site, taxon)] >= 3) for taxon in range(20)] for site in range(12)]
        alpha = [sum(row) for row in pam]
        omega = [sum(column) for column in zip(*pam)]
        psi = [sum(alpha[site] * pam[site][taxon] for site in range(12)) for taxon in range(20)]
        phi = [sum(omega[taxon] * pam[site][taxon] for taxon in range(20)) for site in range(12)]
        self.assertEqual(
            {row[0]: (row[3], row[5]) for row in species},
            {f"{taxon} s": each for taxon, each in enumerate(zip(omega, psi))},
        )
        self.assertEqual(
            {row[0]: (row[3], row[5]) for row in counties},
            {f"c{site}": each for site, each in enumerate(zip(alpha, phi))},
        )
        self.assertEqual(totals["occurrences"], sum(counts.values()))

    def test_leaves_empty_what_a_month_without_presence_has_not(self):
        for rows in ([], [("X", "1 a", 1)]):
            totals = calc_stats.statistics_of(rows)[2]
            self.assertEqual([totals[name] for name in ("lande", "legendre", "whittaker")], [None] * 3)
        self.assertEqual(calc_stats.csv_of(["a", "b"], [(None, 'x "y", z')]), b'a,b\n,"x ""y"", z"\n')

    def test_refuses_tables_of_another_form(self):
        for text in [
            *("", "[]", "{}", '["x"]', '[{"name": "x", "location": "y"}]'),
            '[{"name": "../x", "location": "y", "columns": ["a"]}]',
            '[{"name": "x", "location": 1, "columns": ["a"]}]',
            '[{"name": "x", "location": "y", "columns": []}]',
        ]:
            with self.assertRaisesRegex(job.JobError, "^--tables is '"):
                calc_stats.tables_of(text)
        table = {"name": "state_counts", "location": "s3://b/f/", "table": "t", "columns": ["census_state"]}
        with self.assertRaisesRegex(job.JobError, "^--tables has no county_x_species_list.*: state_counts.$"):
            calc_stats.tables_of(json.dumps([table]))
        with self.assertRaisesRegex(job.JobError, "^--tables, .*_list: there is no column state_county, taxonkey_sp"):
            calc_stats.tables_of(json.dumps([{**table, "name": calc_stats.LIST}]))

    def test_counts_nothing_of_a_month_without_a_county(self):
        with tempfile.TemporaryDirectory() as folder:
            tables = [{"name": calc_stats.LIST, "location": f"{folder}/none/", "columns": calc_stats.COLUMNS}]
            environment = {"BISON_BUCKET": folder, "BISON_RIIS": "r.csv", "BISON_REGIONS": REGIONS}
            with contextlib.redirect_stdout(io.StringIO()):
                calc_stats.main(["--snapshot", "2025-11-01", "--tables", json.dumps(tables)], environment)
            written = {each.name: each.read_text() for each in Path(folder, "output/2025-11-01").iterdir()}
            self.assertEqual(written[f"{calc_stats.LIST}.csv"], "state_county,taxonkey_species,occ_count\n")
            self.assertEqual(written["species_stats.csv"], ",".join(calc_stats.SPECIES_HEADER) + "\n")
            self.assertEqual(written["county_stats.csv"], ",".join(calc_stats.COUNTY_HEADER) + "\n")
            said = json.loads(Path(folder, "summary/2025-11-01/statistics.json").read_text())
            self.assertEqual((said["occurrences"], said["whittaker"], said["rows"]), (0, None, {calc_stats.LIST: 0}))


if __name__ == "__main__":
    unittest.main()
