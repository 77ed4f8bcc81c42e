"""`exafscn init`: a campaign file, with comments, for what stands in a folder."""

import posixpath
import re
from collections import Counter
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from exafscn_flows.elements import ABSORBERS, atomic_number
from exafscn_flows.errors import ExafscnError, UsageError
from exafscn_flows.sources import FeffRunsSource, FilesSource
from exafscn_flows.sources.files import structure_files
from launcher.import_table import campaign_name, table_campaign

_NAME = "campaign.yaml"
_LOOKED_AT = 100
"""Structures that are read to see which elements they have."""
_METALS = ABSORBERS[ABSORBERS.index("Ti") : ABSORBERS.index("Zn") + 1]
_SPECTRA = re.compile(r".+\.(xdi|prj|nxs|larix|nor|xmu|dat)", re.IGNORECASE)

_HEAD = """\
# What is computed, and what is learned from it. Every key: docs/campaign.md.
# `exafscn run {name} --dry-run` says what would be done, and how long it takes.
campaign: {campaign}

absorbers: [{absorbers}]{others}

sources:
  - {source}{what}
"""

_STRUCTURES = """
filters:
  max_atoms: 100            # largest primitive cell
  # required: [O]           # elements that all structures must have
  # excluded: [H]           # elements that none may have

# sample: {per_absorber: 200, seed: 1}    # of many structures, a random part
"""

_COMPUTED = """
spectra:
  kind: feff                # EXAFS by FEFF 8.5L, which comes along: about a second a site
  # cards: {RPATH: 8, NLEG: 4}            # FEFF's own names
  # time_limit: 60          # seconds a site; with SCF, some minutes
"""

_STORED = """
spectra: {kind: stored}     # the sources bring them
"""

_TAIL = """
targets:
  - coordination_number
  # - environment
  # - oxidation_state
  # - bond_length

features:
  xftf: {{kmin: 3, kmax: 12, kweight: 2}}   # Fourier transform of chi(k)
{sets}
models:
  - {{kind: random_forest, n_estimators: 300}}
  # - {{kind: extra_trees, per: campaign}}  # one model of all absorbers
"""


class _Found(NamedTuple):
    """What a campaign of a folder would begin with."""

    source: dict[str, Any]
    what: str
    absorbers: list[str]
    others: list[str]
    stored: bool
    feature_set: dict[str, str] | None = None


def init_campaign(folder: Path) -> None:
    """Write a campaign file for what stands in a folder, and say where it is.

    A table of spectra comes first, then FEFF runs, then structures; where there is none of them,
    it takes minerals.

    Raises
    ------
    UsageError
        If there is no such folder, it has a campaign file, or none can be written.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder: name one that has your structures or spectra")
    path = folder / _NAME
    if path.exists():
        raise UsageError(f"{path} is there already: `exafscn run {path} --dry-run` looks at it")
    found = _table(folder) or _runs(folder) or _structures(folder) or _minerals()
    name = campaign_name(folder.resolve(), None)
    others = f"    # also in them: {', '.join(found.others)}" if found.others else ""
    head = _HEAD.format(
        name=_NAME,
        campaign=name,
        absorbers=", ".join(found.absorbers),
        others=others,
        source=_flow(found.source),
        what=f"    # {found.what}",
    )
    sets = "" if found.feature_set is None else f"  sets:\n    - {_flow(found.feature_set)}\n"
    middle = _STORED if found.stored else _STRUCTURES + _COMPUTED
    text = head + middle + _TAIL.format(sets=sets)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
    print(f"{path}: {found.what}; absorbers {', '.join(found.absorbers)}")
    if spectra := sorted(one.name for one in folder.iterdir() if _SPECTRA.fullmatch(one.name)):
        print(f"For measured spectra, such as {spectra[0]}: exafscn predict {folder / spectra[0]}")
    print(f"Next, exafscn run {path} --dry-run")


def _flow(values: dict[str, Any]) -> str:
    parts = (f"{key}: {_scalar(value)}" for key, value in values.items())
    return "{" + ", ".join(parts) + "}"


def _scalar(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_./-]*[A-Za-z_./][A-Za-z0-9_./-]*", value):
        return value
    return "'" + value.replace("'", "''") + "'"


def _table(folder: Path) -> _Found | None:
    for path in sorted(folder.glob("*.parquet")):
        with suppress(ExafscnError):
            made = table_campaign(path.resolve(), "x", [])
            source = {"kind": "table", "path": path.name}
            (fset,) = made["features"]["sets"]
            return _Found(source, "a table of spectra", made["absorbers"], [], True, fset)
    return None


def _runs(folder: Path) -> _Found | None:
    source = FeffRunsSource(kind="feff_runs", path=str(folder))
    elements: set[str] = set()
    with suppress(ExafscnError):
        for entry in islice(source.entries(), _LOOKED_AT):
            elements |= entry.elements or frozenset()
    absorbers, others = _chosen(Counter(elements))
    if not absorbers:
        return None
    what = {"kind": "feff_runs", "path": "."}
    return _Found(what, "FEFF runs that are there", absorbers, others, True)


def _structures(folder: Path) -> _Found | None:
    files = list(structure_files(str(folder)))
    if not files:
        return None
    below = posixpath.commonpath([posixpath.dirname(file) for file in files])
    source = FilesSource(kind="files", path=str(folder / below))
    counts: Counter[str] = Counter()
    for entry in islice(source.entries(), _LOOKED_AT):
        # What cannot be read, the run says.
        with suppress(ExafscnError):
            structure = source.load(entry.locator or entry.material_id)
            counts.update({one.symbol for one in structure.composition.elements})
    absorbers, others = _chosen(counts)
    if not absorbers:
        return None
    what = f"{len(files)} structure files"
    return _Found({"kind": "files", "path": below or "."}, what, absorbers, others, False)


def _minerals() -> _Found:
    what = "minerals of the American Mineralogist database: nothing else was found"
    return _Found({"kind": "amcsd"}, what, ["Fe", "Cu"], [], False)


def _chosen(counts: Counter[str]) -> tuple[list[str], list[str]]:
    """Choose absorbers: 3d metals, or what is heaviest; returns what else could be one, too."""
    possible = sorted((one for one in counts if one in ABSORBERS), key=atomic_number)
    absorbers = [one for one in possible if one in _METALS] or possible[-1:]
    return absorbers, [one for one in possible if one not in absorbers]
