"""Makes the synthetic month of BISON that `datastream bison run --local` runs, from a fixed seed.

    python3 local/examples/bison/generate.py [FOLDER]

It writes GBIF's download (a zip with occurrence.txt, as GBIF writes it, of fewer columns), what GBIF's species API
answers, the RIIS list and the GeoPackages of counties and of American Indian, Alaska Native and Native Hawaiian areas.
Names are real, shapes and occurrences are not. Only Python's own library is used.
"""

import csv
import io
import json
import random
import sqlite3
import struct
import sys
import zipfile
from pathlib import Path

SEED = 16
ROWS = 1_500
KEY = "0004219-251025141854904"

# State, county, GEOID, and the county's box: west, south, east, north.
COUNTIES = [
    ("KS", "Douglas", "20045", (-95.5, 38.7, -95.0, 39.1)),
    ("KS", "Johnson", "20091", (-95.0, 38.7, -94.6, 39.1)),
    ("CO", "Boulder", "08013", (-105.7, 39.9, -105.0, 40.3)),
    ("CO", "Montezuma", "08083", (-109.0, 37.0, -108.2, 37.6)),
    ("AZ", "Apache", "04001", (-110.0, 34.0, -109.0, 37.0)),
    ("AZ", "Navajo", "04017", (-110.8, 34.0, -110.0, 37.0)),
    ("HI", "Honolulu", "15003", (-158.3, 21.2, -157.6, 21.8)),
    ("HI", "Maui", "15009", (-157.0, 20.5, -156.0, 21.1)),
    ("AK", "Fairbanks North Star", "02090", (-149.0, 64.3, -145.0, 65.4)),
]
# Name, GEOID, outer box, and the box of a hole in it.
AREAS = [
    ("Navajo Nation", "2430R", (-110.6, 35.0, -109.2, 36.8), (-110.3, 35.6, -109.9, 36.0)),
    ("Ute Mountain", "4470R", (-108.9, 37.0, -108.5, 37.3), None),
    ("Waimanalo", "5320H", (-157.75, 21.3, -157.65, 21.4), None),
]
# Taxon key, kingdom, class, family, genus, species, author, and RIIS: the localities and what it is there.
TAXA = [
    (2435099, "Animalia", "Mammalia", "Felidae", "Puma", "Puma concolor", "(Linnaeus, 1771)", {}),
    (2439838, "Animalia", "Mammalia", "Muridae", "Rattus", "Rattus norvegicus", "(Berkenhout, 1769)",
     {"L48": "introduced", "HI": "invasive", "AK": "introduced"}),
    (2481126, "Animalia", "Aves", "Sturnidae", "Acridotheres", "Acridotheres tristis", "(Linnaeus, 1766)",
     {"HI": "invasive"}),
    (9809229, "Animalia", "Aves", "Sturnidae", "Sturnus", "Sturnus vulgaris", "Linnaeus, 1758",
     {"L48": "invasive", "AK": "introduced"}),
    (2487879, "Animalia", "Aves", "Corvidae", "Corvus", "Corvus corax", "Linnaeus, 1758", {}),
    (2433433, "Animalia", "Mammalia", "Ursidae", "Ursus", "Ursus maritimus", "Phipps, 1774", {}),
    (2437981, "Animalia", "Mammalia", "Sciuridae", "Sciurus", "Sciurus niger", "Linnaeus, 1758", {}),
    (3117424, "Plantae", "Magnoliopsida", "Asteraceae", "Cirsium", "Cirsium arvense", "(L.) Scop.",
     {"L48": "invasive", "AK": "invasive"}),
    (2984558, "Plantae", "Magnoliopsida", "Rosaceae", "Rubus", "Rubus armeniacus", 'Focke "Himalaya"',
     {"L48": "invasive"}),
    (3112364, "Plantae", "Magnoliopsida", "Asteraceae", "Artemisia", "Artemisia tridentata", "Nutt.", {}),
    (3169678, "Plantae", "Magnoliopsida", "Oleaceae", "Fraxinus", "Fraxinus velutina", "Torr.", {}),
    (2703647, "Plantae", "Liliopsida", "Poaceae", "Bromus", "Bromus tectorum", "L.",
     {"L48": "widespread", "HI": "introduced"}),
    (5289784, "Plantae", "Liliopsida", "Poaceae", "Schizachyrium", "Schizachyrium scoparium", "(Michx.) Nash", {}),
    (2979778, "Plantae", "Magnoliopsida", "Fabaceae", "Acacia", "Acacia koa", "A.Gray", {}),
    (5421069, "Plantae", "Magnoliopsida", "Myrtaceae", "Metrosideros", "Metrosideros polymorpha", "Gaudich.", {}),
    (5855350, "Plantae", "Magnoliopsida", "Verbenaceae", "Lantana", "Lantana camara", "L.", {"HI": "invasive"}),
    (2492941, "Animalia", "Aves", "Columbidae", "Geopelia", "Geopelia striata", "(Linnaeus, 1766)",
     {"HI": "introduced"}),
    (8909809, "Animalia", "Amphibia", "Bufonidae", "Rhinella", "Rhinella marina", "(Linnaeus, 1758)",
     {"HI": "invasive", "L48": "introduced"}),
]
COLUMNS = [
    "gbifID", "datasetKey", "occurrenceID", "kingdom", "phylum", "class", "order", "family", "genus", "species",
    "infraspecificEpithet", "taxonRank", "scientificName", "acceptedScientificName", "countryCode", "locality",
    "stateProvince", "occurrenceStatus", "individualCount", "publishingOrgKey", "decimalLatitude", "decimalLongitude",
    "coordinateUncertaintyInMeters", "elevation", "eventDate", "day", "month", "year", "taxonKey", "acceptedTaxonKey",
    "speciesKey", "basisOfRecord", "institutionCode", "collectionCode", "license", "issue",
]
RANKS = ["SPECIES", "SUBSPECIES", "VARIETY", "FORM", "INFRASPECIFIC_NAME", "INFRASUBSPECIFIC_NAME"]
BASES = ["HUMAN_OBSERVATION", "OBSERVATION", "OCCURRENCE", "PRESERVED_SPECIMEN"]
DATASETS = ["50c9509d-22c7-4a22-a47d-8c48425ef4a7", "4fa7b334-ce0d-4e88-aaae-2e0c138d049e"]


def occurrences(chance: random.Random):
    """Rows of occurrence.txt. About one in four is left out by BISON's filter, for each of its reasons."""
    for index in range(ROWS):
        state, county, _, (west, south, east, north) = chance.choice(COUNTIES)
        key, kingdom, class_, family, genus, species, author, _ = chance.choice(TAXA)
        # Some points lie outside every county, and a few exactly on a boundary's parallel.
        margin = 0.05 if chance.random() < 0.06 else 0.0
        longitude = round(chance.uniform(west - margin, east + margin), 5)
        latitude = round(chance.uniform(south - margin, north + margin), 5)
        row = {
            "gbifID": 4_900_000_001 + 7 * index,
            "datasetKey": chance.choice(DATASETS),
            "occurrenceID": f"urn:synthetic:{index}",
            "kingdom": kingdom,
            "class": class_,
            "family": family,
            "genus": genus,
            "species": species,
            "taxonRank": "SPECIES" if chance.random() < 0.8 else chance.choice(RANKS),
            "scientificName": f"{species} {author}",
            "acceptedScientificName": f"{species} {author}",
            "countryCode": "US",
            "locality": chance.choice(["", f"{county} County", 'near "the bend"', "Nʻuuanu"]),
            "stateProvince": state,
            "occurrenceStatus": "PRESENT",
            "individualCount": chance.choice(["", "1", "2", "10"]),
            "publishingOrgKey": "28eb1a3f-1c15-4a95-931a-4af90ecb574d",
            "decimalLatitude": latitude,
            "decimalLongitude": longitude,
            "coordinateUncertaintyInMeters": chance.choice(["", "30.0", "1000.0"]),
            "day": chance.randint(1, 28),
            "month": chance.randint(1, 12),
            "year": chance.choice(["", *range(1995, 2026)]),
            "taxonKey": key,
            "acceptedTaxonKey": key,
            "speciesKey": key,
            "basisOfRecord": chance.choices(BASES, [8, 1, 1, 3])[0],
            "institutionCode": chance.choice(["iNaturalist", "KU", "CLO"]),
            "license": "CC_BY_4_0",
        }
        fault = chance.random()
        if fault < 0.05:
            row["decimalLatitude"] = row["decimalLongitude"] = ""
        elif fault < 0.10:
            row["countryCode"] = chance.choice(["CA", "MX"])
        elif fault < 0.14:
            row["occurrenceStatus"] = "ABSENT"
        elif fault < 0.19:
            row["taxonRank"] = chance.choice(["GENUS", "FAMILY", "UNRANKED"])
        elif fault < 0.24:
            row["basisOfRecord"] = chance.choice(["FOSSIL_SPECIMEN", "MATERIAL_SAMPLE"])
        elif fault < 0.245:
            row["decimalLatitude"] = "no number"
        yield row


def tab_separated(rows) -> bytes:
    lines = ["\t".join(COLUMNS)]
    lines += ["\t".join(str(row.get(column, "")) for column in COLUMNS) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def write_zip(path: Path, files: dict) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (2025, 11, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


def ring(box) -> list:
    west, south, east, north = box
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


def multipolygon(rings: list) -> bytes:
    """A MultiPolygon of one polygon in GeoPackage's binary form, without an envelope."""
    polygon = struct.pack("<BII", 1, 3, len(rings))
    for points in rings:
        polygon += struct.pack("<I", len(points)) + b"".join(struct.pack("<dd", *point) for point in points)
    return b"GP" + struct.pack("<BBi", 0, 1, 4269) + struct.pack("<BII", 1, 6, 1) + polygon


def write_geopackage(path: Path, layer: str, columns: list, rows: list) -> None:
    path.unlink(missing_ok=True)
    database = sqlite3.connect(path)
    database.executescript(
        f"""
        PRAGMA page_size = 1024;
        PRAGMA application_id = {0x47504B47};
        PRAGMA user_version = 10300;
        CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY,
          organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL,
          description TEXT);
        INSERT INTO gpkg_spatial_ref_sys VALUES
          ('Undefined cartesian SRS', -1, 'NONE', -1, 'undefined', NULL),
          ('Undefined geographic SRS', 0, 'NONE', 0, 'undefined', NULL),
          ('WGS 84 geodetic', 4326, 'EPSG', 4326, 'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]]', NULL),
          ('NAD83', 4269, 'EPSG', 4269, 'GEOGCS["NAD83",DATUM["North_American_Datum_1983",SPHEROID["GRS 1980",6378137,298.257222101]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]]', NULL);
        CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL,
          identifier TEXT UNIQUE, description TEXT DEFAULT '', last_change DATETIME NOT NULL,
          min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER);
        CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,
          geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
          CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name));
        INSERT INTO gpkg_contents VALUES ('{layer}', 'features', '{layer}', '', '2025-11-01T00:00:00.000Z',
          -180, -90, 180, 90, 4269);
        INSERT INTO gpkg_geometry_columns VALUES ('{layer}', 'geom', 'MULTIPOLYGON', 4269, 0, 0);
        CREATE TABLE "{layer}" (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom MULTIPOLYGON,
          {", ".join(f'"{column}" TEXT' for column in columns)});
        """
    )
    marks = ", ".join("?" for _ in columns)
    database.executemany(f'INSERT INTO "{layer}" VALUES (NULL, ?, {marks})', rows)
    database.commit()
    database.close()


def riis() -> str:
    """The RIIS list, in the columns that BISON reads."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["locality", "scientificName", "scientificNameAuthorship", "vernacularName", "taxonRank", "establishmentMeans",
         "degreeOfEstablishment", "isHybrid", "kingdom", "GBIF taxonKey", "occurrenceID"]
    )
    number = 0
    for key, kingdom, _, _, _, species, author, where in TAXA:
        for locality, assessment in sorted(where.items()):
            number += 1
            degree = {"invasive": "invasive (category D2)", "widespread": "widespread invasive (category E)"}.get(
                assessment, "established (category C3)"
            )
            writer.writerow(
                [locality, species, author, "", "species", "introduced (category I)", degree, "", kingdom, key,
                 f"US-RIIS:{10_000 + number}"]
            )
    return text.getvalue()


def main(folder: Path) -> None:
    chance = random.Random(SEED)
    gbif, inputs = folder / "gbif", folder / "input"
    for each in (gbif, inputs):
        each.mkdir(parents=True, exist_ok=True)
    write_zip(
        gbif / f"{KEY}.zip",
        {"meta.xml": "<archive/>\n", "occurrence.txt": tab_separated(occurrences(chance)), "rights.txt": "CC_BY_4_0\n"},
    )
    species = {
        name: {"usageKey": key, "scientificName": f"{name} {author}", "rank": "SPECIES", "status": "ACCEPTED",
               "matchType": "EXACT", "kingdom": kingdom}
        for key, kingdom, _, _, _, name, author, _ in TAXA
    }
    (gbif / "species.json").write_text(json.dumps(species, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (inputs / "USRIISv2_MasterList.csv").write_text(riis(), encoding="utf-8")
    write_geopackage(
        inputs / "county.gpkg",
        "county",
        ["STUSPS", "NAME", "NAMELSAD", "GEOID"],
        [
            (multipolygon([ring(box)]), state, name, f"{name} {'Borough' if state == 'AK' else 'County'}", geoid)
            for state, name, geoid, box in COUNTIES
        ],
    )
    write_geopackage(
        inputs / "aiannh.gpkg",
        "aiannh",
        ["NAMELSAD", "NAME", "GEOID"],
        [
            (multipolygon([ring(box), *([ring(hole)] if hole else [])]), name, name, geoid)
            for name, geoid, box, hole in AREAS
        ],
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
