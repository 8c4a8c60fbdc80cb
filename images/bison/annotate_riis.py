"""Resolves the names of the US Register of Introduced and Invasive Species (RIIS) to GBIF's accepted taxa.

    annotate_riis.py --snapshot 2025-11-01

It reads USGS' list (BISON_RIIS, input/USRIISv2_MasterList.csv), asks GBIF's species API for each name, and writes
input/USRIISv2_MasterList_annotated_2025_11_01.csv: the list with the columns ADDED_COLUMNS, as BISON's own task does.
It reads both files of regions first: the job is the first of a month, and a file that annotate.py cannot use ends it
here. Nothing is written before every name has an answer, so that a retry begins from the start and writes the same key.
"""

import argparse
import csv
import io
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

from job import JobError, Place, Problems, log, missing_columns, read_bytes, run, snapshot_of, write_bytes
from regions import read_region_files

SPECIES_URL = "https://api.gbif.org/v1/species"

# How many names are asked for at once, and the seconds of pause before a question is asked again.
WORKERS = 4
PAUSES = [1, 2, 5, 15, 30, 60]
TIMEOUT_S = 60

LOCALITIES = ["AK", "HI", "L48"]

# RIIS' degreeOfEstablishment, and the word of it that BISON's results have.
ASSESSMENTS = {
    "established (category c3)": "introduced",
    "invasive (category d2)": "invasive",
    "widespread invasive (category e)": "invasive",
}
# From the least to the worst.
WORDS = ["introduced", "invasive"]
PRESUMED_NATIVE = "presumed_native"

MASTER_COLUMNS = ["locality", "scientificName", "kingdom", "degreeOfEstablishment", "occurrenceID"]
ADDED_COLUMNS = ["gbif_res_taxonkey", "gbif_res_scientificname", "LINENO"]


def main(arguments, environment=os.environ, pause=time.sleep, read_regions=read_region_files):
    parser = argparse.ArgumentParser(prog="annotate_riis", description="Resolves RIIS' names to GBIF's accepted taxa.")
    parser.add_argument("--snapshot", required=True, type=snapshot_of, help="the snapshot's date, such as 2025-11-01")
    parser.add_argument("--species-url", default=SPECIES_URL, help=f"GBIF's species API; {SPECIES_URL} by default")
    options = parser.parse_args(arguments)
    place = Place(environment)
    out = place.annotated_riis(options.snapshot)
    problems = Problems()
    with problems:
        rows = read_list(place.riis)
    read_regions(place, problems)
    problems.check()
    names = sorted({(row["scientificName"], row["kingdom"]) for row in rows})
    with ThreadPoolExecutor(WORKERS) as pool:
        ask = lambda path: answer(f"{options.species_url.rstrip('/')}{path}", pause)
        taxa = dict(zip(names, pool.map(lambda name: accepted_taxon(*name, ask), names)))
    resolved = sum(1 for key, _ in taxa.values() if key)
    if not resolved:
        raise JobError(
            f"{place.riis}: GBIF knows none of its {len(names)} names, so nothing is written: see whether "
            f"scientificName has the names, and whether {options.species_url} is GBIF's species API."
        )
    for row in rows:
        row["gbif_res_taxonkey"], row["gbif_res_scientificname"] = taxa[(row["scientificName"], row["kingdom"])]
    write_bytes(out, text_of(rows).encode("utf-8"))
    for name, (key, _) in taxa.items():
        if not key:
            log("not resolved", name=name[0], kingdom=name[1])
    log("annotated", records=len(rows), names=len(names), resolved=resolved, out=out)


def read_list(address, columns=MASTER_COLUMNS):
    """The rows of a list of RIIS, each a dictionary, with the number of its line as LINENO.

    Throws JobError that names the missing columns, or every line whose locality or assessment is not RIIS'.
    """
    try:
        text = read_bytes(address).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise JobError(f"{address}: this is no text in UTF-8 ({error}): save the list in UTF-8.") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        missing_columns(address, reader.fieldnames or [], columns)
        rows = [{**row, "LINENO": reader.line_num} for row in reader]
    except csv.Error as error:
        raise JobError(f"{address}: line {reader.line_num}: {error}.") from None
    if not rows:
        raise JobError(f"{address}: the list has no rows.")
    problems = [problem for row in rows if (problem := problem_of(row))]
    if problems:
        more = f"\n... and {len(problems) - 10} more lines" if len(problems) > 10 else ""
        raise JobError(f"{address}:\n" + "\n".join(problems[:10]) + more)
    return rows


def problem_of(row):
    """What is wrong with a row of RIIS; None if nothing is."""
    if None in row or None in row.values():
        return f"line {row['LINENO']}: it has another number of values than the header."
    if row["locality"] not in LOCALITIES:
        return f"line {row['LINENO']}: locality is {row['locality']!r}: RIIS has {', '.join(LOCALITIES)}."
    if row["degreeOfEstablishment"].strip().lower() not in ASSESSMENTS:
        return (
            f"line {row['LINENO']}: degreeOfEstablishment is {row['degreeOfEstablishment']!r}: RIIS has "
            f"{', '.join(ASSESSMENTS)}."
        )
    return None


def accepted_taxon(name, kingdom, ask):
    """GBIF's key and name of the accepted taxon that a name stands for; two empty texts if GBIF has none.

    `ask` takes the path of a question to the species API and returns its answer. A match of a higher rank, such as the
    genus of an unknown species, is no match: BISON's records are of species and below.
    """
    nothing = ("", "")
    if not name.strip():
        return nothing
    question = {"name": name, **({"kingdom": kingdom} if kingdom else {})}
    match = ask(f"/match?{urllib.parse.urlencode(question)}") or {}
    if match.get("matchType") in (None, "NONE", "HIGHERRANK"):
        return nothing
    accepted = match.get("acceptedUsageKey")
    if accepted is None:
        # Accepted, or doubtful: a taxon of its own either way.
        return (str(match["usageKey"]), match.get("scientificName", "")) if "usageKey" in match else nothing
    # The match has the synonym's name only.
    taxon = ask(f"/{accepted}") or {}
    return str(accepted), taxon.get("scientificName", "")


def answer(url, pause=time.sleep):
    """What GBIF answers, asked up to seven times; None where it has nothing (404).

    Throws JobError after the last time, and at once where GBIF refuses the question itself.
    """
    request = urllib.request.Request(
        url, headers={"User-Agent": "cdktf-datastream bison", "Accept": "application/json"}
    )
    for seconds in [*PAUSES, None]:
        wait = None
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            if error.code != 429 and error.code < 500:
                raise JobError(f"{url}: GBIF answers {error.code} {error.reason}.") from None
            problem, wait = f"{error.code} {error.reason}", error.headers.get("Retry-After")
        # A connection that ends within an answer, an answer that is no JSON, no connection at all.
        except (HTTPException, OSError, ValueError) as error:
            problem = str(getattr(error, "reason", error)) or type(error).__name__
        if seconds is None:
            break
        pause(max(seconds, int(wait)) if wait and wait.isdigit() and int(wait) <= 600 else seconds)
    raise JobError(
        f"{url}: GBIF gave no answer in {len(PAUSES) + 1} tries; the last one ended with: {problem}. Redrive later."
    )


def text_of(rows):
    """Rows of RIIS as the text of a CSV file."""
    text = io.StringIO(newline="")
    columns = [each for each in rows[0] if each not in ADDED_COLUMNS] + ADDED_COLUMNS
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def assessments(rows):
    """The assessment of each (locality, taxon key), with the identifier of its record in RIIS.

    Two names of RIIS may be one taxon of GBIF's. The worse assessment counts then, and of equal ones the first record.
    """
    found = {}
    for row in rows:
        if not row["gbif_res_taxonkey"]:
            continue
        word = ASSESSMENTS[row["degreeOfEstablishment"].strip().lower()]
        key = (row["locality"], row["gbif_res_taxonkey"])
        if key not in found or WORDS.index(word) > WORDS.index(found[key][1]):
            found[key] = (row["occurrenceID"], word)
    return found


if __name__ == "__main__":
    run("annotate_riis", main)
