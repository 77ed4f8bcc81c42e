"""Thousands of inputs that are damaged, or written in another way, read as a campaign reads them.

CIFs, POSCARs, JSON, FEFF runs, tables and campaign files of crystals that everybody knows are
damaged by a seeded generator, or rewritten without changing what they say:

    python benchmarks/fuzz_inputs.py --cases 5000 --json fuzz.json

What is damaged may be read, or refused in one line. Anything else is a fault: an exception of
another kind, a process that dies, or one that takes more than 10 s. What is rewritten must come out
as it was; a refusal of it is counted apart. `--case SEED` runs one case again: it prints what comes
out, with the traceback, and leaves the files in the folder that it names.
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from fuzz_cases import Case, crystals, make_case, spectrum
from provenance import provenance
from pymatgen.core import Structure
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.crystal import absorbing_sites, as_written, reduce_structure
from exafscn_flows.errors import ExafscnError, ItemFailure
from exafscn_flows.sources import FeffRunsSource, FilesSource, TableSource
from exafscn_flows.sources.base import LocalSource
from exafscn_flows.targets.crystal_nn import coordination

SYMPREC = 0.01
SECONDS = 10.0
MEMORY = 16_000_000_000
"""Bytes that a process that reads may ask for."""

ANSWER, FAILURE, TRACEBACK, DEATH, HANG = "answers", "failures", "tracebacks", "deaths", "hangs"
CHANGED, REFUSED = "changed", "refused"
COLUMNS = [ANSWER, FAILURE, TRACEBACK, DEATH, HANG, CHANGED, REFUSED]
BAD = {TRACEBACK, DEATH, HANG, CHANGED}

Answer = list[Any]
"""What was read, to compare: labels, spectra or settings."""


class Outcome(NamedTuple):
    """What came of a case, and a line about it."""

    what: str
    detail: str = ""


def labels(structure: Structure) -> Answer:
    """Element and CN of all inequivalent sites, as a campaign finds them."""
    reduced = reduce_structure(structure, SYMPREC)
    return sorted(
        (element, coordination(reduced.structure, site.site_index).cn)
        for element in reduced.elements
        for site in absorbing_sites(reduced, element)
    )


@cache
def expected(kind: str, crystal: int) -> Answer:
    """Return what must come of an input that is rewritten only."""
    if kind == "campaign file":
        return ["fuzz", 2, 2, 1]
    if kind in ("FEFF run", "table"):
        sites = [0] if kind == "FEFF run" else [0, 1, 2]
        chi = spectrum()["chi"].round(4).tolist()
        return [("Ni", site, 8333, chi) for site in sites]
    return labels(crystals()[crystal])


def read(kind: str, folder: Path) -> Answer:
    """Read an input as a campaign does.

    Raises
    ------
    ExafscnError
        If nothing in it can be read.
    """
    if kind == "campaign file":
        config = load_campaign_file(folder / "c.yaml")
        return [config.campaign, len(config.sources), len(config.features.sets), len(config.models)]
    if kind == "FEFF run":
        return _read(FeffRunsSource(kind="feff_runs", path=str(folder)))
    if kind == "table":
        return _read(TableSource(kind="table", path=str(folder / "t.parquet")))
    return _read(FilesSource(kind="files", path=str(folder)))


def _read(source: LocalSource) -> Answer:
    """Read all entries; the last failure, if all fail."""
    source.check()
    source.left_out()
    answer: Answer = []
    failure: ExafscnError = ItemFailure("nothing", "it has no entries", "")
    for entry in source.entries():
        try:
            structure = source.load(entry.locator or "")
            answer += (
                _spectra(source, entry.locator or "") if source.has_spectra else labels(structure)
            )
        except ExafscnError as error:
            failure = error
    if not answer:
        raise failure
    return sorted(answer)


def _spectra(source: LocalSource, locator: str) -> Iterator[tuple[str, int, int, list[float]]]:
    reduced = as_written(source.load(locator), SYMPREC)
    for site in source.stored_sites(locator, reduced.elements):
        found = source.spectrum(locator, site)
        coordination(reduced.structure, site.site_index)
        yield site.absorber, site.site_index, round(found.e0), found.chi.round(4).tolist()


def judge(case: Case, folder: Path) -> Outcome:
    """Write the files of a case, read them, and say what comes of it."""
    for name, content in case.files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    try:
        answer = read(case.kind, folder)
    except ExafscnError as error:
        message = str(error)
        if case.same:
            return Outcome(REFUSED, message)
        hidden = isinstance(error, ItemFailure) and "\n" in message
        return Outcome(TRACEBACK if hidden else FAILURE, message)
    except Exception as error:
        traceback.print_exc()
        return Outcome(TRACEBACK, " ".join(f"{type(error).__name__}: {error}".split())[:200])
    known = expected(case.kind, case.crystal)
    if case.same and answer != known:
        return Outcome(CHANGED, f"{answer} instead of {known}"[:200])
    return Outcome(ANSWER)


def _worker(seeds: list[int], pipe: Connection, quiet: Path) -> None:
    """Judge cases one after the other; what they print is nobody's concern."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    nowhere = os.open(quiet, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            pipe.send(judge(make_case(seed), Path(folder)))


def outcomes(seeds: list[int]) -> Iterator[tuple[int, Outcome]]:
    """Judge cases in a process that is ended, and begun again, when one dies or hangs."""
    context = multiprocessing.get_context("fork")
    while seeds:
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_worker, args=(seeds, there, Path("/dev/null")))
        process.start()
        there.close()
        done = 0
        for seed in seeds:
            try:
                outcome = here.recv() if here.poll(SECONDS) else Outcome(HANG)
            except EOFError:
                outcome = Outcome(DEATH)
            yield seed, outcome
            done += 1
            if outcome.what in (HANG, DEATH):
                break
        process.kill()
        process.join()
        seeds = seeds[done:]


def main() -> None:
    """Run the cases, print what came of them, and end with 1 if there are faults."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first case")
    parser.add_argument("--case", type=int, metavar="SEED", help="run this one alone")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    console = Console()
    if options.case is not None:
        folder = Path(tempfile.mkdtemp())
        case = make_case(options.case)
        print(folder, case.kind, "rewritten" if case.same else "damaged", judge(case, folder))
        return
    counts: dict[str, Counter[str]] = {}
    faults: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    seeds = list(range(options.first, options.first + options.cases))
    for seed, (what, detail) in track(outcomes(seeds), total=len(seeds), console=console):
        case = make_case(seed)
        counts.setdefault(case.kind, Counter()).update([what])
        if what in BAD or what == REFUSED:
            found = {"seed": seed, "kind": case.kind, "what": what, "detail": detail}
            (faults if what in BAD else refused).append(found)
    table = Table("input", "cases", *COLUMNS)
    for kind, count in sorted(counts.items()):
        table.add_row(kind, str(count.total()), *(str(count[name]) for name in COLUMNS))
    console.print(table)
    for found in faults + refused:
        console.print(escape(" ".join(map(str, found.values()))), highlight=False)
    if options.json:
        figures = {"cases": options.cases, "first": options.first, "counts": counts}
        options.json.write_text(
            json.dumps(provenance() | figures | {"faults": faults, "refused": refused}, indent=1)
        )
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
