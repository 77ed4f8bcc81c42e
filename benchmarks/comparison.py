"""Sites of a campaign beside the same sites computed by others: which is which, how far apart."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from pymatgen.core import Structure
from shells import SAME_SITE, difference, site_shells

from exafscn_flows.keys import item_key, site_of
from exafscn_flows.store.documents import LabelDoc, SiteDoc, SpectrumDoc, StructureDoc
from exafscn_flows.store.store import Store

K = np.arange(3.0, 12.001, 0.05)
"""Wave numbers at which chi is compared, 1/Å."""

SAME_CELL = 0.005
"""Shells that differ by less are those of one crystal, Å."""

Row = dict[str, Any]
"""One site of the reference."""

_COLUMNS = ["material_id", "site_index", "absorber", "structure"]
_COLUMNS += ["cn", "neighbours", "bond_length", "k", "chi"]


@dataclass
class Pair:
    """One site of the campaign and what the reference says about it.

    Attributes
    ----------
    shells
        Largest difference of a distance within 8 Å, Å.
    bond_difference
        Difference of the mean bond lengths, Å; None without our label.
    chi, chi_k2
        Relative deviation of chi(k), and of k² chi(k), in 3-12 1/Å; None without our spectrum.
    """

    site: SiteDoc
    row: Row
    shells: float
    label: LabelDoc | None
    bond_difference: float | None
    chi: float | None
    chi_k2: float | None

    @property
    def same_cn(self) -> bool:
        """Whether both labels are there and agree."""
        return self.label is not None and self.label.value == self.row["cn"]

    def as_dict(self) -> dict[str, Any]:
        """Return what is worth writing down."""
        return {
            "site": self.site.site,
            "formula": self.site.formula,
            "shells": self.shells,
            "cn": self.label and self.label.value,
            "cn_weights": self.label and self.label.weights,
            "cn_theirs": self.row["cn"],
            "chi_k2": self.chi_k2,
        }

    def their_structure(self) -> Structure:
        """Return the primitive cell of the reference."""
        return Structure.from_dict(json.loads(self.row["structure"]))


@dataclass
class Comparison:
    """All pairs, and why other sites have no partner."""

    pairs: list[Pair] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def compare(store: Store, campaign: str, file: Path) -> Comparison:
    """Compare the active sites of a campaign with a parquet file of sites."""
    found = Comparison()
    by_material: dict[str, list[SiteDoc]] = {}
    for site in store.active_sites(campaign):
        by_material.setdefault(site.material_id, []).append(site)
    reference = _reference(file, sorted(by_material))
    for material, sites in by_material.items():
        if material not in reference:
            found.left_out["structure is not in the reference"] += len(sites)
            continue
        doc = store.read(StructureDoc, campaign, [material])[material]
        partners = dict(_partners(doc, reference[material], found.left_out))
        labels = _by_site(store, LabelDoc, campaign, sites, "coordination_number")
        lengths = _by_site(store, LabelDoc, campaign, sites, "bond_length")
        spectra = _by_site(store, SpectrumDoc, campaign, sites, "exafs")
        for site in sites:
            if site.site_index not in partners:
                found.left_out["reference has other sites of the element"] += 1
                continue
            row, shells = partners.pop(site.site_index)
            own = [found.get(site.site) for found in (labels, lengths, spectra)]
            pair = _pair(site, row, shells, *own)
            found.pairs.append(pair)
        found.left_out["campaign has other sites of the element"] += len(partners)
    return found


def _by_site(
    store: Store,
    kind: type[LabelDoc] | type[SpectrumDoc],
    campaign: str,
    sites: list[SiteDoc],
    name: str,
) -> Any:
    docs = store.read(kind, campaign, [item_key(site.site, name) for site in sites])
    return {site_of(key): doc for key, doc in docs.items()}


def _reference(file: Path, materials: list[str]) -> dict[str, list[Row]]:
    table = pq.read_table(file, columns=_COLUMNS, filters=[("material_id", "in", materials)])
    rows: dict[str, list[Row]] = {}
    for row in table.to_pylist():
        rows.setdefault(row["material_id"], []).append(row)
    return rows


def _partners(
    doc: StructureDoc, rows: list[Row], left_out: Counter[str]
) -> Iterator[tuple[int, tuple[Row, float]]]:
    """Find the site of our primitive cell that has the shells of each site of the reference."""
    ours = Structure.from_dict(doc.structure)
    shells = {
        (element, index): site_shells(ours, index)
        for element in {row["absorber"] for row in rows}
        for index, _ in doc.inequivalent_sites.get(element, [])
    }
    theirs = {
        text: Structure.from_dict(json.loads(text)) for text in {r["structure"] for r in rows}
    }
    candidates = sorted(
        (difference(shells[element, index], wanted), number, index)
        for number, row in enumerate(rows)
        for wanted in [site_shells(theirs[row["structure"]], row["site_index"])]
        for element, index in shells
        if element == row["absorber"]
    )
    taken: set[int] = set()
    alone = set(range(len(rows)))
    for distance, number, index in candidates:
        if distance < SAME_SITE and number in alone and index not in taken:
            taken.add(index)
            alone.remove(number)
            yield index, (rows[number], distance)
    left_out["no site of the campaign's structure has the reference's shells"] += len(alone)


def _pair(
    site: SiteDoc,
    row: Row,
    shells: float,
    label: LabelDoc | None,
    length: LabelDoc | None,
    spectrum: SpectrumDoc | None,
) -> Pair:
    bonds = chi = chi_k2 = None
    if length is not None:
        bonds = abs(float(length.value) - row["bond_length"])
    if spectrum is not None:
        chi = deviation(spectrum.k, spectrum.chi, row, kweight=0)
        chi_k2 = deviation(spectrum.k, spectrum.chi, row, kweight=2)
    return Pair(site, row, shells, label, bonds, chi, chi_k2)


def deviation(k: np.ndarray, chi: np.ndarray, row: Row, kweight: int) -> float:
    """Norm of the difference over the norm of the reference, of weighted chi(k), 3-12 1/Å."""
    theirs = K**kweight * np.interp(K, row["k"], row["chi"])
    ours = K**kweight * np.interp(K, k, chi)
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))
