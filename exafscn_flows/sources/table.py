"""Spectra that users have already: a Parquet table with one row for each site."""

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from pydantic import Field

from exafscn_flows.errors import ItemFailure
from exafscn_flows.hashing import content_hash, short_hash
from exafscn_flows.sources.base import Entry, LocalSource, StoredSite
from exafscn_flows.sources.names import safe_name
from exafscn_flows.sources.parquet import Table, open_table
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.edge_energy import e0_fault
from exafscn_flows.spectra.parts import SpectrumType
from exafscn_flows.strict import TreePath

if TYPE_CHECKING:
    from pymatgen.core import Structure

_HINT = "repair the rows of this material, or take them out"

_LONGEST_NAME = 200
_MOST_POINTS = 100_000
_LARGEST = 1e30
"""Spectra are stored in single precision."""

_REPEATED = 1e-4
"""Energies, eV, and k, 1/Å, that differ by less are one, of which the first counts: a spline
through both would swing."""

_AGREE = 0.05
"""Largest difference between values at one energy, as a share of the range of all."""

_SAME = 1e-4
"""Cells (Å) and fractional coordinates that differ by less are one."""


class TableSource(LocalSource):
    """A Parquet table with one row for each site: structure, site, and spectrum of the K edge.

    Rows of one ``material_id`` share a structure, in which ``site_index`` counts from 0. The
    material is named by it; what is not a letter, digit or one of ``._/-`` becomes ``_``, and then
    a hash is added. A spectrum is mu(E), as ``energy_rel`` and ``mu``, or chi(k), as ``k`` and
    ``chi``, or both.
    """

    kind: Literal["table"]
    path: TreePath = Field(description="Parquet file.")

    @property
    def has_spectra(self) -> bool:
        return True

    def check(self) -> None:
        """Raise UsageError if there is no Parquet file, or not one with spectra."""
        open_table(self.path).check()

    def entries(self) -> Iterator[Entry]:
        """List the materials in the order of their first rows; only their names are read.

        The rows of a material need not be together. All names are gone through at first to find
        where they are: some 10 bytes of each are remembered, more of those that are scattered.

        Raises
        ------
        UsageError
            If the table as a whole cannot be read.
        """
        table = open_table(self.path)
        scattered = _scattered(table)
        for material_id, group in table.runs():
            own = short_hash(material_id)
            if groups := scattered.get(own, [group]):
                locator = json.dumps([material_id, groups])
                yield Entry(_name(material_id), None, table.stamp, locator)
            if own in scattered:
                scattered[own] = []

    def load(self, locator: str) -> "Structure":
        """Read the structure of one material, named by the locator of its entry.

        Raises
        ------
        ItemFailure
            ``unreadable``, or ``site_mismatch`` if its rows have different structures.
        UsageError
            If the table is gone.
        """
        material_id, rows = self._site_rows(locator)
        return _structure(rows, _name(material_id))

    def provenance(self, locator: str) -> dict[str, Any]:
        """Give the path of the table and the name of the material in it."""
        return {"kind": self.kind, "path": self.path, "name": json.loads(locator)[0]}

    def stored_sites(self, locator: str, absorbers: Sequence[str]) -> list[StoredSite]:
        """List the sites of a material that have rows, each once.

        Raises
        ------
        ItemFailure
            As `load`, and ``site_mismatch`` if any row is not about a site of the structure: then
            the others may count in another structure, too.
        UsageError
            If the table is gone.
        """
        material_id, rows = self._site_rows(locator)
        name = _name(material_id)
        structure = _structure(rows, name)
        sites = {StoredSite(row["absorber"], row["site_index"]) for row in rows}
        for site in sites:
            _check_site(structure, site, name)
        return sorted(site for site in sites if site.absorber in absorbers)

    def spectrum(self, locator: str, site: StoredSite) -> Spectrum:
        """Read the spectrum of one site.

        Raises
        ------
        ItemFailure
            ``unreadable``, ``several_spectra``, ``other_spectrum`` or ``bad_spectrum``.
        UsageError
            If the table is gone.
        """
        material_id, groups = json.loads(locator)
        label = f"{_name(material_id)}, site {site.site_index} ({site.absorber})"
        rows = open_table(self.path).spectrum_rows(
            material_id, groups, site.absorber, site.site_index
        )
        if not rows:
            raise _gone(label)
        if len(rows) > 1:
            message = f"{label}: the table has {len(rows)} rows of one site"
            raise ItemFailure("several_spectra", message, "keep one of them")
        return _spectrum(rows[0], label)

    def _site_rows(self, locator: str) -> tuple[str, list[dict[str, Any]]]:
        material_id, groups = json.loads(locator)
        rows = open_table(self.path).site_rows(material_id, groups)
        if not rows:
            raise _gone(_name(material_id))
        return material_id, rows


def _scattered(table: Table) -> dict[int, list[int]]:
    """Row groups of the materials whose rows are not all together, by hash of the name."""
    names, groups = array("Q"), array("L")
    for material_id, group in table.runs():
        names.append(short_hash(material_id))
        groups.append(group)
    hashes, counts = np.unique(np.array(names, dtype=np.uint64), return_counts=True)
    found: dict[int, list[int]] = {own: [] for own in hashes[counts > 1].tolist()}
    if found:
        for own, group in zip(names, groups, strict=True):
            if own in found and group not in found[own][-1:]:
                found[own].append(group)
    return found


def _name(material_id: str) -> str:
    """Name a material; where other letters stand for some, with a hash."""
    name = safe_name(material_id)[:_LONGEST_NAME]
    return name if name == material_id else f"{name}-{content_hash(material_id)}"


def _structure(rows: Sequence[Mapping[str, Any]], name: str) -> "Structure":
    from exafscn_flows.sources.structure_json import parse_structure_dict, read_json

    structures = []
    for text in dict.fromkeys(row["structure"] for row in rows):
        if text is None:
            raise ItemFailure("unreadable", f"{name}: a row has no structure", _HINT)
        try:
            data = read_json(text.encode(), name)
            # Neither a list of structures nor a mapping from names to them.
            structures.append(parse_structure_dict(data.get(None, {}), name))
        except ItemFailure as failure:
            raise ItemFailure(failure.kind, failure.message, _HINT) from failure
    first = structures[0]
    if not all(_same(first, other) for other in structures[1:]):
        raise ItemFailure(
            "site_mismatch",
            f"{name}: its rows have {len(structures)} different structures",
            "give each structure a material_id of its own",
        )
    return first


def _same(one: "Structure", other: "Structure") -> bool:
    """Whether two structures are one, with their sites in the same order."""
    return (
        [site.species for site in one] == [site.species for site in other]
        and np.allclose(one.lattice.matrix, other.lattice.matrix, rtol=0, atol=_SAME)
        and np.allclose(one.frac_coords, other.frac_coords, rtol=0, atol=_SAME)
    )


def _check_site(structure: "Structure", site: StoredSite, name: str) -> None:
    if site.site_index is None or site.absorber is None:
        raise ItemFailure("unreadable", f"{name}: a row has no site_index or no absorber", _HINT)
    inside = 0 <= site.site_index < len(structure)
    elements = structure[site.site_index].species.elements if inside else []
    if site.absorber not in {element.symbol for element in elements}:
        found = "/".join(element.symbol for element in elements) or "none"
        raise ItemFailure(
            "site_mismatch",
            f"{name}: site {site.site_index} should be {site.absorber} and is {found}, in a "
            f"structure of {len(structure)} sites",
            "site_index counts from 0 in the structure of the row",
        )


def _spectrum(row: Mapping[str, Any], label: str) -> Spectrum:
    spectrum_type: SpectrumType = row.get("spectrum_type") or "EXAFS"
    if spectrum_type not in get_args(SpectrumType):
        message = f"{label}: spectrum_type is {str(spectrum_type)[:20]}, not EXAFS or XANES"
        raise ItemFailure("other_spectrum", message, "take its row out")
    edge = row.get("edge") or "K"
    if edge.strip().upper() != "K":
        message = f"{label}: its edge is {edge[:20]!r}, not K"
        raise ItemFailure("other_spectrum", message, "take its row out")
    e0 = row["e0"]
    if e0 is None or not 0 < e0 < _LARGEST:
        raise _bad_spectrum(label, "e0 is not an energy above 0")
    if fault := e0_fault(row["absorber"], e0):
        raise _bad_spectrum(label, fault)
    k, chi = _curve(row, "k", "chi", label)
    energy_rel, mu = _curve(row, "energy_rel", "mu", label)
    if not len(k) and not len(mu):
        raise _bad_spectrum(label, "neither mu(E) nor chi(k) has points")
    mu0 = _curve(row, "energy_rel", "mu0", label)[1] if row.get("mu0") else np.empty(0)
    return Spectrum(
        edge="K",
        spectrum_type=spectrum_type,
        e0=float(e0),
        k=k,
        chi=chi,
        energy_rel=energy_rel,
        mu=mu,
        mu0=mu0,
        program=(row.get("program") or "unknown")[:_LONGEST_NAME],
        version=(row.get("version") or "unknown")[:_LONGEST_NAME],
    )


def _curve(row: Mapping[str, Any], x: str, y: str, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays of one length, x strictly ascending; (0,) where the row has neither."""
    energies, values = (np.array(row.get(name) or [], dtype=float) for name in (x, y))
    if len(energies) != len(values):
        raise _bad_spectrum(label, f"{x} has {len(energies)} values and {y} has {len(values)}")
    if len(values) > _MOST_POINTS:
        raise _bad_spectrum(label, f"{y} has {len(values)} points, above {_MOST_POINTS}")
    if not all((np.abs(numbers) < _LARGEST).all() for numbers in (energies, values)):
        raise _bad_spectrum(label, f"{x} or {y} has values that are not finite")
    steps = np.diff(energies, prepend=-np.inf)
    if (steps < 0).any():
        raise _bad_spectrum(label, f"{x} is not in ascending order")
    again = np.flatnonzero(steps < _REPEATED)
    apart = np.abs(values[again] - values[again - 1])
    if len(again) and apart.max() > _AGREE * np.ptp(values):
        raise _bad_spectrum(label, f"{y} has two values at one {x}")
    return np.delete(energies, again), np.delete(values, again)


def _bad_spectrum(label: str, cause: str) -> ItemFailure:
    return ItemFailure("bad_spectrum", f"{label}: {cause}", "repair its row, or take it out")


def _gone(label: str) -> ItemFailure:
    message = f"{label} is gone: the table has changed since it was listed"
    return ItemFailure("unreadable", message, "run the campaign again")
