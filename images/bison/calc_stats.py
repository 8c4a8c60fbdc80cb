"""Statistics of the month's results, and the results as CSV files.

    calc_stats.py --snapshot 2025-11-01 --tables '[{"name": "county_counts", "location": "s3://BUCKET/FOLDER/",
      "columns": ["state_county", "occ_count", "species_count"]}, ...]'

Each table, a folder of Parquet files, becomes output/2025-11-01/NAME.csv. A folder without a file is a table without a
row, since Athena's UNLOAD writes no file of none; its CSV file has the header alone. Of the table county_x_species_list,
what BISON's own task computes is written beside:

    output/2025-11-01/species_stats.csv    of each species: occurrences, counties, omega, psi
    output/2025-11-01/county_stats.csv     of each county: occurrences, species, alpha, phi
    summary/2025-11-01/statistics.json     of all: totals, and beta diversity after Lande, Legendre and Whittaker

A species is present in a county that has at least three occurrences of it. Counties without a present species, and
species without a county, are no part of the statistics. Nothing is written when a table lacks a column.
"""

import argparse
import csv
import io
import json
import os
import re

from job import (
    BATCH_ROWS,
    JobError,
    Place,
    Problems,
    create,
    list_files,
    log,
    missing_columns,
    open_parquet,
    run,
    snapshot_of,
    write_bytes,
)

LIST = "county_x_species_list"
COLUMNS = ["state_county", "taxonkey_species", "occ_count"]

# Occurrences that make a species present in a county, as in BISON's own task.
MIN_PRESENCE = 3

SPECIES_HEADER = [
    "taxonkey_species",
    "occ_count",
    "county_count",
    "omega",
    "omega_proportional",
    "psi",
    "psi_average_proportional",
]
COUNTY_HEADER = [
    "state_county",
    "occ_count",
    "species_count",
    "alpha",
    "alpha_proportional",
    "phi",
    "phi_average_proportional",
]


def main(arguments, environment=os.environ):
    parser = argparse.ArgumentParser(prog="calc_stats", description="Statistics of the month's results.")
    parser.add_argument("--snapshot", required=True, type=snapshot_of, help="the snapshot's date, such as 2025-11-01")
    parser.add_argument("--tables", required=True, help="JSON: names, locations and columns of the results")
    options = parser.parse_args(arguments)
    place = Place(environment)
    problems = Problems()
    files = {}
    tables = tables_of(options.tables)
    for name, location, columns in tables:
        with problems:
            files[name] = list_files(location)
            for address in files[name][:1]:
                missing_columns(address, columns_of(address), columns)
    problems.check()
    output = place.address(f"output/{options.snapshot}")
    written = {name: write_table(files[name], columns, f"{output}/{name}.csv") for name, _, columns in tables}
    species, counties, totals = statistics_of(rows_of(files[LIST], COLUMNS))
    write_bytes(f"{output}/species_stats.csv", csv_of(SPECIES_HEADER, species))
    write_bytes(f"{output}/county_stats.csv", csv_of(COUNTY_HEADER, counties))
    document = {"snapshot": options.snapshot, **totals, "rows": written}
    address = place.address(f"summary/{options.snapshot}/statistics.json")
    write_bytes(address, (json.dumps(document, indent=2) + "\n").encode("utf-8"))
    log("calculated", output=output, statistics=address, rows=written)


def tables_of(text):
    """Names, locations and columns of the option --tables. Throws JobError that says what is wrong with it."""
    try:
        tables = [(each["name"], each["location"], each["columns"]) for each in json.loads(text)]
    except (ValueError, KeyError, TypeError):
        tables = []
    if not tables or not all(is_table(*each) for each in tables):
        raise JobError(
            f'--tables is {text[:200]!r}: it is an array such as '
            '[{"name": NAME, "location": ADDRESS, "columns": [NAME, ...]}].'
        )
    columns = {name: columns for name, _, columns in tables}
    if LIST not in columns:
        raise JobError(f"--tables has no {LIST}, of which the statistics are made: {', '.join(columns)}.")
    missing_columns(f"--tables, {LIST}", columns[LIST], COLUMNS)
    return tables


def is_table(name, location, columns):
    """Whether the values of a table have the form that --tables wants."""
    if not isinstance(name, str) or not re.fullmatch(r"\w+", name) or not isinstance(location, str):
        return False
    return isinstance(columns, list) and bool(columns) and all(isinstance(each, str) for each in columns)


def statistics_of(rows, min_presence=MIN_PRESENCE):
    """The rows of the two files and the totals, of rows (county, species, occurrences).

    A row of which the species or the county is repeated, such as for two assessments, adds to the first one.
    """
    # There are millions of rows, and each species is in thousands of them: they hold its number.
    numbers = {}
    counts = {}
    for county, species, occurrences in rows:
        of_county = counts.setdefault(county, {})
        number = numbers.setdefault(species, len(numbers))
        of_county[number] = of_county.get(number, 0) + occurrences
    # Of each species: occurrences, counties, omega (counties where it is present), psi (those counties' alpha).
    taxa = [[0, 0, 0, 0] for _ in numbers]
    alphas = {}
    for county, of_county in counts.items():
        alphas[county] = sum(1 for occurrences in of_county.values() if occurrences >= min_presence)
        for number, occurrences in of_county.items():
            entry = taxa[number]
            entry[0] += occurrences
            entry[1] += 1
            if occurrences >= min_presence:
                entry[2] += 1
                entry[3] += alphas[county]
    sites = sum(1 for alpha in alphas.values() if alpha)
    present = sum(1 for entry in taxa if entry[2])
    species_rows = [
        (species, occurrences, county_count, omega, share(omega, sites), psi, share(psi, present * omega))
        for species, (occurrences, county_count, omega, psi) in sorted(
            zip(numbers, taxa), key=lambda pair: str(pair[0])
        )
    ]
    county_rows = []
    for county in sorted(counts, key=str):
        of_county, alpha = counts[county], alphas[county]
        phi = sum(taxa[number][2] for number, occurrences in of_county.items() if occurrences >= min_presence)
        county_rows.append(
            (
                county,
                sum(of_county.values()),
                len(of_county),
                alpha,
                share(alpha, present),
                phi,
                share(phi, sites * alpha),
            )
        )
    omegas = [entry[2] for entry in taxa]
    ranges = share(sum(omegas), sites)
    totals = {
        "occurrences": sum(entry[0] for entry in taxa),
        "species": len(taxa),
        "counties": len(counts),
        "minimum_presence": min_presence,
        "present_species": present,
        "present_counties": sites,
        # A month without a present species has none of these.
        "lande": present - ranges if sites else None,
        "legendre": sum(omegas) - sum(omega * omega for omega in omegas) / sites if sites else None,
        "whittaker": present / ranges if sites else None,
    }
    return species_rows, county_rows, totals


def share(part, whole):
    """A quotient; None, an empty field, where nothing is present."""
    return part / whole if whole else None


def columns_of(address):
    return open_parquet(address).schema_arrow.names


def rows_of(files, columns):
    """The rows of Parquet files as tuples."""
    for address in files:
        file = open_parquet(address)
        missing_columns(address, file.schema_arrow.names, columns)
        for batch in file.iter_batches(columns=columns):
            yield from zip(*(batch.column(name).to_pylist() for name in columns))


def csv_of(header, rows):
    """Rows as the content of a CSV file."""
    content = io.BytesIO()
    write_rows(content, header, rows)
    return content.getvalue()


def write_rows(stream, header, rows):
    """Writes rows as CSV into a stream of bytes, which stays open."""
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    text.flush()
    text.detach()


def write_table(files, columns, address):
    """Writes Parquet files as one CSV file, in the order of all their columns. Returns how many rows it has."""
    if not files:
        write_bytes(address, csv_of(columns, []))
        return 0
    import pyarrow

    table = pyarrow.concat_tables([open_parquet(each).read() for each in files])
    table = table.sort_by([(name, "ascending") for name in table.column_names])
    rows = (row for batch in table.to_batches(BATCH_ROWS) for row in zip(*(each.to_pylist() for each in batch.columns)))
    with create(address) as stream:
        write_rows(stream, table.column_names, rows)
    return table.num_rows


if __name__ == "__main__":
    run("calc_stats", main)
