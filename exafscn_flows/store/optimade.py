"""Structures with what is predicted for their sites, as OPTIMADE JSON Lines.

Lines and names are those of the OPTIMADE specification, version 1.2 (Evans et al., Digital
Discovery 3 (2024) 1509). What it does not know has names with the prefix ``_exafscn_``.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC
from functools import reduce
from itertools import groupby
from math import gcd
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase
from typing import Any, NamedTuple

from exafscn_flows.iteration import batches
from exafscn_flows.keys import item_key
from exafscn_flows.store.documents import LabelDoc, SiteDoc, StructureDoc
from exafscn_flows.store.results import PredictionDoc, PromotionDoc
from exafscn_flows.store.store import Store
from exafscn_flows.whole_file import whole_file

API_VERSION = "1.2.0"

_BATCH = 200
"""Structures that are in memory at once."""

_FIELDS = {
    "_exafscn_campaign": ("string", "Campaign that the predictions are of."),
    "_exafscn_sites": (
        "list",
        "Inequivalent absorbing sites, each with its index in the cell, its labels, and what "
        "models predict, with probabilities, prediction set and expected error.",
    ),
    "_exafscn_absorbers": ("list", "Elements of these sites."),
    "_exafscn_coordination_numbers": (
        "list",
        "Coordination numbers that are predicted for these sites, each once, ascending.",
    ),
    "_exafscn_source": ("dictionary", "Where the structure comes from."),
}
"""Type and description of the fields that are not of the specification."""


class Written(NamedTuple):
    """What was written.

    Attributes
    ----------
    structures
        Entries in the file.
    left_out
        Names without a crystal: measured spectra alone.
    """

    structures: int
    left_out: int


def write_optimade(store: Store, campaign: str, path: Path) -> Written:
    """Write the structures of a campaign, with their sites and predictions, to a file.

    Raises
    ------
    UsageError
        If there is no such campaign, or there can be no such file.
    CampaignError
        If the disk is full.
    """
    store.config(campaign)
    n_written = n_left_out = 0
    with whole_file(path) as file:
        for line in (_header(), _info()):
            file.write(_line(line))
        for entry in entries(store, campaign):
            if entry is None:
                n_left_out += 1
                continue
            file.write(_line(entry))
            n_written += 1
    return Written(n_written, n_left_out)


def entries(store: Store, campaign: str) -> Iterator[dict[str, Any] | None]:
    """Yield an entry for each structure with active sites; None for one whose cell is unknown."""
    config = store.config(campaign)
    versions: dict[str, list[str]] = {}
    for promoted in store.find(PromotionDoc, {"campaign": campaign}, sort=[("_id", 1)]):
        versions.setdefault(promoted.absorber, []).append(promoted.hash)
    # Keys begin with the structure, so its sites follow on each other.
    by_structure = groupby(store.active_sites(campaign), key=lambda one: one.material_id)
    cn_targets = {one.name for one in config.targets if one.kind == "coordination_number"}
    for batch in batches(((name, list(sites)) for name, sites in by_structure), _BATCH):
        sites = [site for _, own in batch for site in own]
        structures = store.read(StructureDoc, campaign, [name for name, _ in batch])
        label_keys = [item_key(one.site, target.name) for one in sites for target in config.targets]
        labels = store.read(LabelDoc, campaign, label_keys)
        keys = [
            f"{version}/{one.formula or ''}/{one.site}"
            for one in sites
            for version in versions.get(one.absorber, ())
        ]
        predictions: dict[str, list[PredictionDoc]] = {}
        found = store.read(PredictionDoc, campaign, keys)
        for doc in (found[key] for key in keys if key in found):
            predictions.setdefault(doc.site, []).append(doc)
        of_site: dict[str, list[LabelDoc]] = {}
        for key in label_keys:
            if key in labels:
                of_site.setdefault(labels[key].site, []).append(labels[key])
        for name, own in batch:
            structure = structures.get(name)
            if structure is None or structure.structure is None:
                yield None
                continue
            known = [
                _site(one, of_site.get(one.site, []), predictions.get(one.site, [])) for one in own
            ]
            yield _entry(structure, known, cn_targets)


def _entry(doc: StructureDoc, sites: list[dict[str, Any]], cn_targets: set[str]) -> dict[str, Any]:
    from pymatgen.core import Structure

    structure = Structure.from_dict(doc.structure or {})
    symbols = [site.specie.symbol for site in structure]
    counts = Counter(symbols)
    elements = sorted(counts)
    numbers = sorted(
        {
            one["value"]
            for site in sites
            for one in site["predictions"]
            if one["target"] in cn_targets
        }
    )
    attributes = {
        "last_modified": doc.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "elements": elements,
        "nelements": len(elements),
        "elements_ratios": [counts[one] / len(symbols) for one in elements],
        "chemical_formula_descriptive": doc.formula,
        "chemical_formula_reduced": reduced_formula(counts),
        "chemical_formula_anonymous": anonymous_formula(counts),
        "dimension_types": [1, 1, 1],
        "nperiodic_dimensions": 3,
        "lattice_vectors": structure.lattice.matrix.tolist(),
        "space_group_symbol_hermann_mauguin": None,
        "cartesian_site_positions": structure.cart_coords.tolist(),
        "nsites": len(symbols),
        "species": [
            {"name": one, "chemical_symbols": [one], "concentration": [1.0]} for one in elements
        ],
        "species_at_sites": symbols,
        "structure_features": [],
        "_exafscn_campaign": doc.campaign,
        "_exafscn_source": doc.source,
        "_exafscn_absorbers": sorted({site["absorber"] for site in sites}),
        "_exafscn_coordination_numbers": numbers,
        "_exafscn_sites": sites,
    }
    return {"id": doc.material_id, "type": "structures", "attributes": attributes}


def _site(
    site: SiteDoc, labels: list[LabelDoc], predictions: list[PredictionDoc]
) -> dict[str, Any]:
    return {
        "site": site.site,
        "absorber": site.absorber,
        "site_index": site.site_index,
        "multiplicity": site.multiplicity,
        "labels": {one.target: one.value for one in labels},
        "predictions": [
            {
                "target": one.target,
                "feature_set": one.feature_set,
                "model": one.model,
                "version": one.hash,
                "value": one.value,
                "probability": one.probability,
                "probabilities": one.probabilities,
                "prediction_set": one.prediction_set,
                "expected_value": one.expected_value,
                "expected_error": one.expected_error,
                "in_distribution": one.in_distribution,
                "seen": one.seen,
            }
            for one in predictions
            if one.value is not None
        ],
    }


def reduced_formula(counts: Mapping[str, int]) -> str:
    """Return the reduced formula as OPTIMADE has it: elements in alphabetical order."""
    divisor = reduce(gcd, counts.values())
    return "".join(_part(one, counts[one] // divisor) for one in sorted(counts))


def anonymous_formula(counts: Mapping[str, int]) -> str:
    """Return the anonymous formula as OPTIMADE has it: the largest number first, named A, B, ..."""
    divisor = reduce(gcd, counts.values())
    numbers = sorted((one // divisor for one in counts.values()), reverse=True)
    letters = [
        *ascii_uppercase,
        *(f"{big}{small}" for small in ascii_lowercase for big in ascii_uppercase),
    ]
    return "".join(_part(name, number) for name, number in zip(letters, numbers, strict=False))


def _part(name: str, number: int) -> str:
    return f"{name}{number}" if number > 1 else name


def _header() -> dict[str, Any]:
    return {"x-optimade": {"meta": {"api_version": API_VERSION}}}


def _info() -> dict[str, Any]:
    properties = {
        name: {"type": kind, "description": text} for name, (kind, text) in _FIELDS.items()
    }
    return {"type": "info", "id": "structures", "properties": properties}


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, allow_nan=False).encode() + b"\n"
