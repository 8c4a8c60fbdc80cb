"""Annotates one part of the month's occurrences: county, AIANNH area and RIIS assessment of each.

    annotate.py --snapshot 2025-11-01 --subset s3://BUCKET/FOLDER/

Child i of an array of n jobs (AWS_BATCH_JOB_ARRAY_INDEX and _SIZE) reads every file of the subset whose place in the
order of names is i modulo n, and writes annotated/2025-11-01/n/i.parquet: the rows and columns of the files, and the
columns ADDED. The folder names n, since an array of another size may have left its files. A child without a file writes
one without rows. A retry writes the same key again. A county's or an area's boundary belongs to it, and a point on two
of them to the first in the file, so that each occurrence counts once.
"""

import argparse
import os
from math import floor

from annotate_riis import PRESUMED_NATIVE, assessments, read_list
from job import (
    BATCH_ROWS,
    JobError,
    Place,
    Problems,
    chunk_of,
    create,
    list_files,
    log,
    missing_columns,
    open_parquet,
    run,
    snapshot_of,
)
from regions import REGION_COLUMNS, read_region_files

READ = ["decimallongitude", "decimallatitude", "taxonkey", "specieskey"]
ADDED = [
    "census_state",
    "census_county",
    "state_county",
    "aiannh_name",
    "aiannh_geoid",
    "riis_region",
    "riis_occurrence_id",
    "riis_assessment",
]
RIIS_COLUMNS = ["locality", "occurrenceID", "degreeOfEstablishment", "gbif_res_taxonkey"]

# Cells per degree. A cell of a tenth of a degree lies within a single county mostly, and its points need no geometry.
CELLS = 10


def main(arguments, environment=os.environ):
    parser = argparse.ArgumentParser(prog="annotate", description="Annotates one part of the month's occurrences.")
    parser.add_argument("--snapshot", required=True, type=snapshot_of, help="the snapshot's date, such as 2025-11-01")
    parser.add_argument("--subset", required=True, help="folder of the subset's Parquet files")
    options = parser.parse_args(arguments)
    place = Place(environment)
    index, size = chunk_of(environment)
    problems = Problems()
    with problems:
        files = list_files(options.subset)
        if not files:
            raise JobError(f"{options.subset}: there is no file: see whether the subset was written.")
        # The columns of the first one are those of all: the file of a child without a part has them too.
        schema = schema_of(files[0])
    with problems:
        riis = assessments(read_list(place.annotated_riis(options.snapshot), RIIS_COLUMNS))
    found = read_region_files(place, problems)
    problems.check()
    counties, areas = (Regions(found[kind]) for kind in REGION_COLUMNS)
    mine = files[index::size]
    out = place.address(f"annotated/{options.snapshot}/{size}/{index}.parquet")
    counts = annotate_files(mine, schema, out, counties, areas, riis)
    log("annotated", index=index, size=size, files=len(mine), out=out, **counts)


class Regions:
    """Regions of which the one at a point is looked up.

    A region is a pair of its values and its shape. A shape has `bounds` (west, south, east, north), and says whether it
    `holds` a point, `covers` a box and `meets` one; its boundary belongs to it, and so does a box's.
    """

    def __init__(self, regions):
        self._cells = {}
        # The regions of each degree, in the order of the file.
        self._degrees = {}
        for values, shape in regions:
            west, south, east, north = shape.bounds
            for x in range(floor(west), floor(east) + 1):
                for y in range(floor(south), floor(north) + 1):
                    self._degrees.setdefault((x, y), []).append((values, shape))

    def at(self, longitude, latitude):
        """The values of the first region that has the point; None if there is none."""
        cell = (floor(longitude * CELLS), floor(latitude * CELLS))
        candidates = self._cells.get(cell)
        if candidates is None:
            candidates = self._cells[cell] = self._candidates(cell)
        for values, shape in candidates:
            if shape is None or shape.holds(longitude, latitude):
                return values
        return None

    def _candidates(self, cell):
        """The regions that meet a cell, up to the first that covers it, which has None as its shape."""
        west, south = cell[0] / CELLS, cell[1] / CELLS
        box = (west, south, (cell[0] + 1) / CELLS, (cell[1] + 1) / CELLS)
        found = []
        for values, shape in self._degrees.get((cell[0] // CELLS, cell[1] // CELLS), []):
            if shape.covers(box):
                found.append((values, None))
                break
            if shape.meets(box):
                found.append((values, shape))
        return found


def annotations(longitudes, latitudes, taxon_keys, species_keys, counties, areas, riis):
    """The columns ADDED of rows, as a dictionary of lists. `riis` is what `assessments` returns.

    RIIS' record is that of the taxon in the region, or else of its species. Without one, and outside of every county,
    a taxon is presumed to be native. Every state but Alaska and Hawaii is of the lower 48, as in BISON's own queries.
    """
    columns = {name: [] for name in ADDED}
    appends = [columns[name].append for name in ADDED]
    nowhere = (None, None)
    for longitude, latitude, taxon, species in zip(longitudes, latitudes, taxon_keys, species_keys):
        # NaN is not equal to itself.
        known = longitude is not None and latitude is not None and longitude == longitude and latitude == latitude
        state, county = (known and counties.at(longitude, latitude)) or nowhere
        area = (known and areas.at(longitude, latitude)) or nowhere
        region = state if state in ("AK", "HI", None) else "L48"
        record = riis.get((region, str(taxon))) or riis.get((region, str(species))) or (None, PRESUMED_NATIVE)
        both = None if state is None else f"{state} {county}"
        for append, value in zip(appends, (state, county, both, *area, region, *record)):
            append(value)
    return columns


def annotate_files(files, schema, out, counties, areas, riis):
    """Writes the annotated rows of Parquet files into one. Returns how many there are, and how many have what."""
    import pyarrow
    from pyarrow import parquet

    added = [pyarrow.field(name, pyarrow.string()) for name in ADDED]
    counts = {"rows": 0, "in_county": 0, "in_aiannh": 0, "in_riis": 0}
    with create(out) as stream:
        with parquet.ParquetWriter(stream, pyarrow.schema([*schema, *added]), compression="snappy") as writer:
            for address in files:
                if not schema_of(address).equals(schema):
                    raise JobError(
                        f"{address}: its columns are not those of the subset's first file. Redrive the subset."
                    )
                for batch in open_parquet(address).iter_batches(BATCH_ROWS):
                    columns = annotations(*(batch.column(name).to_pylist() for name in READ), counties, areas, riis)
                    arrays = [pyarrow.array(columns[name], pyarrow.string()) for name in ADDED]
                    writer.write_batch(pyarrow.RecordBatch.from_arrays([*batch.columns, *arrays], schema=writer.schema))
                    counts["rows"] += batch.num_rows
                    for name, array in (("in_county", 0), ("in_aiannh", 3), ("in_riis", 6)):
                        counts[name] += batch.num_rows - arrays[array].null_count
    return counts


def schema_of(address):
    """The columns of a file of the subset. Throws JobError that names missing ones, and those of another type."""
    import pyarrow

    schema = open_parquet(address).schema_arrow.remove_metadata()
    missing_columns(address, schema.names, READ)
    types = pyarrow.types
    for name in READ[:2]:
        if not types.is_floating(schema.field(name).type):
            raise JobError(f"{address}: {name} is of the type {schema.field(name).type}: the subset makes it double.")
    for name in READ[2:]:
        key = schema.field(name).type
        if not types.is_integer(key) and not types.is_string(key) and not types.is_large_string(key):
            raise JobError(f"{address}: {name} is of the type {key}: the subset makes it an integer or a string.")
    there = [name for name in ADDED if name in schema.names]
    if there:
        raise JobError(
            f"{address}: it has {', '.join(there)} already: give the folder of the subset, not of its result."
        )
    return schema


if __name__ == "__main__":
    run("annotate", main)
