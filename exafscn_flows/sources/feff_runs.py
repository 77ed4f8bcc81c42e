"""Spectra that users have already: trees of FEFF runs, as Lightshow and pymatgen write them."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import Field

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.hashing import content_hash
from exafscn_flows.sources.base import Entry, LocalSource, StoredSite
from exafscn_flows.sources.tree import fingerprint, home_name, read, scan
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.parts import EVERYTHING, NEAR_EDGE, Part, SpectrumType
from exafscn_flows.strict import TreePath

if TYPE_CHECKING:
    from pymatgen.core import Structure

_POSCAR = "POSCAR"
_RUN_FILES = ("feff.inp", "xmu.dat", "chi.dat")
_KNOWN = "a tree of POSCAR and, in folders like 000_Ti, feff.inp and xmu.dat"

_RUN_FOLDER = re.compile(r"(\d{1,6})_([A-Z][a-z]?)")


class FeffRunsSource(LocalSource):
    """FEFF runs below a folder or in a zip, FEFF 6 to 10, EXAFS or XANES at the K edge.

    A run is a folder named ``<site>_<element>`` with ``feff.inp``, ``xmu.dat`` and, if there is
    one, ``chi.dat``. It belongs to the nearest ``POSCAR`` in the folders above it, in which
    ``<site>`` counts from 0; that folder names the material. A ``POSCAR`` without runs is left
    out. Runs without a ``POSCAR`` above them are named by the folder that holds them, and fail.
    """

    kind: Literal["feff_runs"]
    path: TreePath = Field(description="Folder (with all below it) or zip.")
    stored_spectra: SpectrumType | None = Field(
        default=None,
        description="Take only EXAFS, or only XANES; needed where a site has runs of both.",
    )

    @property
    def has_spectra(self) -> bool:
        return True

    @property
    def brings(self) -> frozenset[Part]:
        return NEAR_EDGE if self.stored_spectra == "XANES" else EVERYTHING

    def check(self) -> None:
        """Raise UsageError if the path is missing, unreadable or holds no run."""
        if next(_materials(self.path), None) is None:
            raise UsageError(f"source {self.path}: no FEFF run in it ({_KNOWN})")

    def entries(self) -> Iterator[Entry]:
        """List the materials that have runs; no file is opened.

        Raises
        ------
        UsageError
            As `check` does.
        """
        home = home_name(self.path)
        for folder, files in _materials(self.path):
            stamps = [(file, fingerprint(self.path, file)) for file in files]
            yield Entry(_name(folder, home), None, content_hash(stamps), json.dumps(folder))

    def load(self, locator: str) -> "Structure":
        """Read the POSCAR of one material, named by the locator of its entry.

        Raises
        ------
        ItemFailure
            ``unreadable``, ``too_large`` or ``unsafe_path``.
        """
        from exafscn_flows.sources.poscar import parse_poscar

        file = _join(json.loads(locator), _POSCAR)
        return parse_poscar(read(self.path, file), file)

    def provenance(self, locator: str) -> dict[str, Any]:
        """Give the path of the source and the folder in it."""
        # Names of folders may hold bytes that are no text, which a database would refuse.
        folder = os.fsencode(json.loads(locator)).decode(errors="replace")
        return {"kind": self.kind, "path": self.path, "folder": folder}

    def stored_sites(self, locator: str, absorbers: Sequence[str]) -> list[StoredSite]:
        """List the sites that have runs, each once.

        Whether a run is about its site is told by `spectrum`, so that one that is not does not
        take the others along: sites that are not in the structure, or are another element there,
        are listed, too, whatever the element.

        Raises
        ------
        ItemFailure
            ``site_mismatch``, if all of them are such sites.
        """
        structure = self.load(locator)
        symbols = [site.specie.symbol for site in structure]
        runs = self._wanted(self._runs(locator))
        sites = {StoredSite(run.absorber, run.site_index) for run in runs}
        fits = {site for site in sites if [site.absorber] == symbols[site.site_index :][:1]}
        if runs and not fits:
            raise ItemFailure(
                "site_mismatch",
                f"{runs[0].folder}: the POSCAR above it has {len(structure)} sites, of "
                f"{', '.join(sorted(set(symbols)))}",
                "put the POSCAR beside the runs that were made from it",
            )
        return sorted(site for site in sites if site.absorber in absorbers or site not in fits)

    def spectrum(self, locator: str, site: StoredSite) -> Spectrum:
        """Read the run of one site, and check that it is about this site.

        Raises
        ------
        ItemFailure
            ``site_mismatch``, ``other_spectrum`` or ``several_spectra``; ``unreadable`` and the
            like if a file is; ``feff_incomplete``, ``feff_not_finite``, ``feff_zero`` or
            ``bad_spectrum``. Messages begin with the folder of the run.
        """
        from exafscn_flows.spectra.feff_run import check_site, parse_feff_input, run_spectrum

        runs = self._runs(locator)
        found = self._wanted([r for r in runs if (r.absorber, r.site_index) == site[:2]])
        if not found:
            message = f"{site.site_index:03}_{site.absorber} of {json.loads(locator)} is gone"
            raise ItemFailure("unreadable", message, "restore the run")
        if len(found) > 1:
            raise ItemFailure(
                "several_spectra",
                f"{found[0].folder} and {found[1].folder} are runs of one site",
                "take one type by stored_spectra, or remove one of them",
            )
        (run,) = found
        try:
            given = parse_feff_input(self._text(run, "feff.inp"))
            check_site(given, self.load(locator), site.site_index, site.absorber)
            chi = self._text(run, "chi.dat") if "chi.dat" in run.files else None
            return run_spectrum(given, self._text(run, "xmu.dat"), chi)
        except ItemFailure as failure:
            if failure.message.startswith(run.folder):
                raise
            # What would help a run of our own does not help one that is finished.
            of_feff = failure.kind.startswith("feff_")
            hint = "repeat the run, or remove it" if of_feff else failure.hint
            raise ItemFailure(failure.kind, f"{run.folder}: {failure.message}", hint) from failure

    def _runs(self, locator: str) -> list["_Run"]:
        return _runs(self.path, json.loads(locator))

    def _wanted(self, runs: list["_Run"]) -> list["_Run"]:
        """Leave out runs of the other type."""
        if self.stored_spectra is None:
            return runs
        return [run for run in runs if self._type(run) in (self.stored_spectra, None)]

    def _type(self, run: "_Run") -> SpectrumType | None:
        """Type of a run, None if its input cannot be used, for which reading the spectrum fails."""
        from exafscn_flows.spectra.feff_run import parse_feff_input

        try:
            return parse_feff_input(self._text(run, "feff.inp")).spectrum_type
        except ItemFailure:
            return None

    def _text(self, run: "_Run", name: str) -> str:
        content = read(self.path, _join(run.folder, name))
        return content.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")


class _Run(NamedTuple):
    """One run, in a folder of the source."""

    folder: str
    site_index: int
    absorber: str
    files: frozenset[str]


class _Material(NamedTuple):
    """A structure and its runs."""

    folder: str
    files: list[str]
    """POSCAR and the files of its runs, relative to the source."""


def _materials(path: str, below: str = "") -> Iterator[_Material]:
    """Stream the materials of a tree, in a fixed order; those within a folder come before it.

    Where the source is a folder, `below` is the folder in it to begin with.
    """
    above: list[_Material] = []
    for folder, group in groupby(_top_down(path, below), key=_folder):
        while above and not _is_in(folder, above[-1].folder):
            yield from _with_runs(above.pop())
        files = list(group)
        if _RUN_FOLDER.fullmatch(_base(folder)) and files != [_join(folder, _POSCAR)]:
            if not above:
                above.append(_Material(_folder(folder), []))
            above[-1].files.extend(file for file in files if _base(file) in _RUN_FILES)
        elif _join(folder, _POSCAR) in files:
            above.append(_Material(folder, [_join(folder, _POSCAR)]))
    for material in reversed(above):
        yield from _with_runs(material)


def _with_runs(material: _Material) -> Iterator[_Material]:
    if any(_base(file) != _POSCAR for file in material.files):
        yield material


def _top_down(path: str, below: str) -> Iterable[str]:
    """List the files of a tree, those of a folder before those below it."""
    files = scan(path, lambda name: name == _POSCAR or name in _RUN_FILES, _KNOWN, below)
    if Path(path).expanduser().is_dir():
        return files
    return sorted(files, key=lambda file: file.split("/")[:-1])


def _runs(path: str, folder: str) -> list[_Run]:
    """List the runs of one material."""
    from exafscn_flows.sources.parsing import unreadable

    place = Path(path).expanduser()
    if place.is_dir():
        try:
            materials = [*_materials(path, folder)]
        except UsageError:  # the folder is gone; what is asked of it next says so
            materials = []
        files = next((files for name, files in materials if name == folder), [])
    else:
        try:
            info = place.stat()
        except OSError as error:
            raise unreadable(path, error) from error
        files = _zip_index(path, info.st_size, info.st_mtime_ns).get(folder, [])
    runs = []
    for run_folder, group in groupby(files, key=_folder):
        match = _RUN_FOLDER.fullmatch(_base(run_folder))
        if match and run_folder != folder:
            names = frozenset(map(_base, group))
            runs.append(_Run(run_folder, int(match[1]), match[2], names))
    return runs


@lru_cache(maxsize=2)
def _zip_index(path: str, size: int, mtime: int) -> dict[str, list[str]]:
    return {material.folder: material.files for material in _materials(path)}


def _name(folder: str, home: str) -> str:
    """Name a material by its folder; where other letters stand for some, with a hash."""
    raw = folder or home
    parts = [re.sub(r"[^A-Za-z0-9._-]+", "_", part) for part in raw.split("/")]
    name = "/".join(part for part in parts if part not in (".", ".."))
    # The folder of the source itself has the name of no folder in it.
    return f"{name}-{content_hash(folder)}" if folder and (name != raw or raw == home) else name


def _folder(file: str) -> str:
    return file.rpartition("/")[0]


def _base(file: str) -> str:
    return file.rpartition("/")[2]


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _is_in(folder: str, outer: str) -> bool:
    return not outer or folder == outer or folder.startswith(f"{outer}/")
