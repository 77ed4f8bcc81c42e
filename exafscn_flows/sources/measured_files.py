"""Spectra that were measured, as a source of a campaign: with a crystal beside them, or without."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from pydantic import Field

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.hashing import content_hash
from exafscn_flows.processing import ProcessingSettings
from exafscn_flows.sources.base import Entry, LocalSource, StoredSite
from exafscn_flows.sources.formats import other_format, structure_format
from exafscn_flows.sources.measured.absorber import absorber_of
from exafscn_flows.sources.measured.content import MAX_BYTES
from exafscn_flows.sources.measured.reading import read_content
from exafscn_flows.sources.measured.spectrum import MeasuredSpectrum, Mode, Unreadable
from exafscn_flows.sources.measured.usable import as_spectrum, check_size, usable_chi
from exafscn_flows.sources.names import safe_name
from exafscn_flows.sources.tree import fingerprint, read, scan
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.strict import Symbol, TreePath

if TYPE_CHECKING:
    from pymatgen.core import Structure

_VERSION = 2
"""Raised when the same file would give another spectrum."""

_LONGEST_NAME = 200

_NO_SPECTRA = frozenset(
    {
        *(".bmp", ".gif", ".jpeg", ".jpg", ".pdf", ".png", ".svg", ".tif", ".tiff"),
        *(".doc", ".docx", ".htm", ".html", ".md", ".odt", ".rst", ".xls", ".xlsx"),
        *(".ipynb", ".json", ".py", ".toml", ".yaml", ".yml", ".zip"),
    }
)
"""Suffixes of what is not looked at in a folder: documents, figures, programs."""

_KNOWN = "a file of measured spectra"


class MeasuredSource(LocalSource):
    """Spectra that were measured, in any format that `exafscn predict` reads.

    Each spectrum is a material, named by its file, and in a file of several by its label, too. It
    is processed as `exafscn predict` does. Its structure is a CIF that lies beside the file under
    the same name; without one, nothing but the absorber is known of it, and it has no labels. Of a
    structure, the spectrum is the mean over all sites of the absorber. In a folder, documents and
    figures are left out, and all else that cannot be read is a failure.
    """

    kind: Literal["measured"]
    path: TreePath = Field(description="Folder (with all below it), zip, or file.")
    structure: TreePath | None = Field(
        default=None, description="CIF of the crystal that all these spectra are of."
    )
    absorber: Symbol | None = Field(
        default=None, description="Element that absorbs, where the files do not state it."
    )
    groups: list[str] = Field(
        default=[], description="Labels of the spectra to take; empty for all in each file."
    )
    columns: dict[str, int | str] = Field(
        default={}, description="Number, from 1, or name of each column, e.g. energy and mu."
    )
    mode: Mode | None = Field(
        default=None, description="How it was measured; None to go by the files."
    )
    processing: ProcessingSettings = Field(
        default=ProcessingSettings(), description="What is to be done otherwise than by default."
    )

    @property
    def has_spectra(self) -> bool:
        return True

    def check(self) -> None:
        """Raise UsageError if the path, or the structure, is missing, or there is no file."""
        if next(self._files(), None) is None:
            raise UsageError(f"source {self.path}: {_KNOWN} is not in it")
        if self.structure is not None and not Path(self.structure).expanduser().is_file():
            raise UsageError(f"source {self.path}: structure {self.structure}: no such file")
        if next(self._items(), None) is None:
            labels = " or ".join(self.groups)
            raise UsageError(f"source {self.path}: there is no group {labels} in it")

    def left_out(self) -> str:
        if self._is_file:
            return ""
        files = scan(self.path, lambda name: not _may_be_spectrum(name), _KNOWN)
        counts = Counter(f"*{PurePosixPath(file).suffix.lower()}" for file in files)
        others = ", ".join(f"{count} {name}" for name, count in counts.most_common())
        return f"source {self.path}: not read as spectra: {others}" if others else ""

    def entries(self) -> Iterator[Entry]:
        """List the spectra, file by file; all files are opened.

        Raises
        ------
        UsageError
            As `check` does, or if columns or absorber make no sense.
        """
        found = list(self._items())
        # Where two would have one name, both get another.
        names = Counter(item.name for item, _ in found)
        crystals = self._crystals()
        for plain, absorber in found:
            item = plain._replace(crystal=crystals.get(_without_suffix(plain.file)))
            name = item.name
            if names[name] > 1:
                name = f"{name}-{content_hash(item.file, item.number)}"
            stamps = [_VERSION, fingerprint(self._home, item.file)]
            if item.crystal is not None:
                stamps.append(fingerprint(self._home, item.crystal))
            if self.structure is not None:
                stamps.append(fingerprint(self.structure, ""))
            # Those of a structure are told by its file.
            has_crystal = item.crystal is not None or self.structure is not None
            elements = None if absorber is None or has_crystal else frozenset({absorber})
            yield Entry(name, elements, content_hash(stamps), item.locator)

    def absorbers(self) -> set[str]:
        """Return the absorbers of all spectra that can be read."""
        return {absorber for _, absorber in self._items() if absorber is not None}

    def failures(self) -> Iterator[ItemFailure]:
        """Yield why spectra cannot be read, of those that cannot."""
        for item, absorber in self._items():
            if absorber is None:
                try:
                    self._absorber(self._spectrum(item), item.label)
                except ItemFailure as error:
                    yield error

    def load(self, locator: str) -> "Structure | None":
        """Read the structure of a spectrum, named by the locator of its entry, if there is one.

        Raises
        ------
        ItemFailure
            If the spectrum cannot be read, or its absorber is not known, or not in the structure.
        """
        from exafscn_flows.sources.cif import parse_cif

        item = _Item.of(locator)
        absorber, _ = self._absorber(self._spectrum(item), item.label)
        if self.structure is None and item.crystal is None:
            return None
        if self.structure is not None:
            file = Path(self.structure).name
            found = parse_cif(read(self.structure, file), file)
        else:
            assert item.crystal is not None
            file = item.crystal
            found = parse_cif(read(self._home, file), file)
        if absorber not in {element.symbol for element in found.composition.elements}:
            raise ItemFailure(
                "site_mismatch",
                f"{item.label}: a spectrum of {absorber}, which is not in {file}, "
                f"{found.composition.reduced_formula}",
                "give the structure of the sample, or none",
            )
        return found

    def provenance(self, locator: str) -> dict[str, Any]:
        """Give the path of the source, the file in it, and the label of the spectrum."""
        item = _Item.of(locator)
        # Names of files may hold bytes that are no text, which a database would refuse.
        file = item.file.encode(errors="surrogateescape").decode(errors="replace")
        return {"kind": self.kind, "path": self.path, "file": file, "group": item.group}

    def stored_sites(self, locator: str, absorbers: Sequence[str]) -> list[StoredSite]:
        """Return the absorber of a spectrum, which is a mean over all of its sites.

        Raises
        ------
        ItemFailure
            As `load`.
        """
        item = _Item.of(locator)
        absorber, _ = self._absorber(self._spectrum(item), item.label)
        structure = self.load(locator)
        index = 0
        if structure is not None:
            symbols = [[e.symbol for e in site.species.elements] for site in structure]
            index = next(place for place, those in enumerate(symbols) if absorber in those)
        return [StoredSite(absorber, index, averaged=True)] if absorber in absorbers else []

    def spectrum(self, locator: str, site: StoredSite) -> Spectrum:
        """Read and process one spectrum.

        Raises
        ------
        ItemFailure
            If it cannot be read or used; as `exafscn predict` says it.
        """
        item = _Item.of(locator)
        measured = self._spectrum(item)
        absorber, guess = self._absorber(measured, item.label)
        try:
            usable = usable_chi(measured, absorber, self.processing)
            check_size(usable)
        except ItemFailure as error:
            message = f"{item.label}: {error.message}"
            raise ItemFailure(error.kind, message, error.hint) from error
        found = as_spectrum(measured, usable, absorber, guess)
        return replace(found, formula=_reduced(measured.formula))

    @property
    def _is_file(self) -> bool:
        place = Path(self.path).expanduser()
        return place.suffix.lower() != ".zip" and not place.is_dir()

    @property
    def _home(self) -> str:
        """What files are relative to: of a single one, its folder, in which its CIF may be."""
        return str(Path(self.path).expanduser().parent) if self._is_file else self.path

    def _files(self) -> Iterator[str]:
        wanted = (lambda name: True) if self._is_file else _may_be_spectrum
        return scan(self.path, wanted, _KNOWN)

    def _crystals(self) -> dict[str, str]:
        """Files of crystals by their name without its suffix."""
        if self.structure is not None:
            return {}
        if self._is_file:
            place = Path(self.path).expanduser().with_suffix(".cif")
            return {place.stem: place.name} if place.is_file() else {}
        files = scan(self.path, lambda name: name.lower().endswith(".cif"), _KNOWN)
        return {_without_suffix(file): file for file in files}

    def _items(self) -> Iterator[tuple["_Item", str | None]]:
        """Go through the spectra, each with its absorber, None if loading says what is wrong."""
        for file in self._files():
            found = self._read(file)
            if isinstance(found, ItemFailure):
                yield _Item(file, 0, PurePosixPath(file).stem, is_only=True), None
                continue
            for number, one in enumerate(found):
                if not self.groups or one.group in self.groups:
                    item = _Item(file, number, one.group, is_only=len(found) == 1)
                    absorber = None
                    if isinstance(one, MeasuredSpectrum):
                        with suppress(ItemFailure):
                            absorber, _ = self._absorber(one, item.label)
                    yield item, absorber

    def _spectrum(self, item: "_Item") -> MeasuredSpectrum:
        found = self._read(item.file)
        if isinstance(found, ItemFailure):
            raise found
        if item.number >= len(found) or found[item.number].group != item.group:
            message = f"{item.label} is gone: the file has changed since it was listed"
            raise ItemFailure("unreadable", message, "run the campaign again")
        one = found[item.number]
        if isinstance(one, Unreadable):
            raise one.failure
        return one

    def _absorber(self, spectrum: MeasuredSpectrum, label: str) -> tuple[str, tuple[str, ...]]:
        return absorber_of(spectrum, None, label)

    def _read(self, file: str) -> "_Contents":
        wish = json.dumps([self.columns, self.mode, self.absorber])
        return _read(self._home, file, fingerprint(self._home, file), wish)


class _Item(NamedTuple):
    """One spectrum: its file, its number and its label there, and the crystal beside it."""

    file: str
    number: int
    group: str
    is_only: bool
    crystal: str | None = None

    @property
    def locator(self) -> str:
        return json.dumps(self)

    @classmethod
    def of(cls, locator: str) -> Self:
        return cls(*json.loads(locator))

    @property
    def label(self) -> str:
        """What to call it in messages."""
        return self.file if self.is_only else f"{self.file}, {self.group}"

    @property
    def name(self) -> str:
        """What it is called as a material."""
        return safe_name(self.file if self.is_only else f"{self.file}/{self.group}")[:_LONGEST_NAME]


_Contents = tuple[MeasuredSpectrum | Unreadable, ...] | ItemFailure


@lru_cache(maxsize=4)
def _read(home: str, file: str, stamp: str, wish: str) -> _Contents:
    columns, mode, absorber = json.loads(wish)
    name = PurePosixPath(file).name
    try:
        content = read(home, file, MAX_BYTES)
        found = read_content(content, name, columns=columns, mode=mode, absorber=absorber)
    except ItemFailure as error:
        return error
    return tuple(found)


def _reduced(formula: str | None) -> str | None:
    """Return a formula as structures are stored with theirs; None of what is no formula."""
    from exafscn_flows.formulas import reduced_formula

    with suppress(ValueError):
        return None if formula is None else reduced_formula(formula)
    return None


def _without_suffix(file: str) -> str:
    return str(PurePosixPath(file).with_suffix(""))


def _may_be_spectrum(name: str) -> bool:
    suffix = PurePosixPath(name).suffix.lower()
    return (
        suffix not in _NO_SPECTRA and structure_format(name) is None and other_format(name) is None
    )
