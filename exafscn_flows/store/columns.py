"""Columns of predictions that other collections hold, read for those who ask for them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.iteration import batches
from exafscn_flows.keys import item_key
from exafscn_flows.store.documents import LabelDoc, SiteDoc, StructureDoc
from exafscn_flows.store.queries import COLUMNS
from exafscn_flows.store.sites import stored_crystal, title_of
from exafscn_flows.store.store import Store

FURTHER = ("name", "bond_length", "neighbour_counts", "label_weight")
"""Mineral or file; mean bond length of the label, Å; number of neighbours by element; weight that
CrystalNN gives the label."""

_BATCH = 500
"""Rows whose documents are read at once."""

Row = dict[str, Any]


def check_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """Return columns that a user wants, each once, in their order.

    Raises
    ------
    UsageError
        If there is no such column.
    """
    known = (*FURTHER, *COLUMNS)
    found = tuple(dict.fromkeys(columns))
    for name in found:
        if name not in known:
            similar = get_close_matches(name, known, 1)
            hint = f"do you mean {similar[0]}?" if similar else f"there are {', '.join(known)}"
            raise UsageError(f"columns: {name!r} is no column of predictions: {hint}")
    return found


def with_columns(
    store: Store, campaign: str, rows: Iterable[Row], columns: Sequence[str]
) -> Iterator[Row]:
    """Add further columns to rows of predictions.

    Parameters
    ----------
    rows
        As `find_predictions` gives them.
    columns
        Of :data:`FURTHER`; others are there already.

    Yields
    ------
    dict
        The row with these columns; None stands for what is not known.
    """
    wanted = [name for name in columns if name in FURTHER]
    if not wanted:
        yield from rows
        return
    for batch in batches(rows, _BATCH):
        found = {name: _READERS[name](store, campaign, batch) for name in wanted}
        for row in batch:
            yield row | {name: found[name].get(row["site"]) for name in wanted}


Found = Mapping[str, Any]
"""Values by site."""


def _names(store: Store, campaign: str, rows: Sequence[Row]) -> Found:
    ids = sorted({f"{campaign}/{row['material_id']}" for row in rows})
    raws = store.project(StructureDoc, {"_id": {"$in": ids}}, ["material_id", "source"])
    names = {raw["material_id"]: title_of(raw["source"], raw["material_id"]) for raw in raws}
    return {row["site"]: names.get(row["material_id"]) for row in rows}


def _labels(store: Store, campaign: str, rows: Sequence[Row]) -> dict[str, LabelDoc]:
    keys = [item_key(row["site"], row["target"]) for row in rows]
    return {doc.site: doc for doc in store.read(LabelDoc, campaign, keys).values()}


def _counts(store: Store, campaign: str, rows: Sequence[Row]) -> Found:
    found = _labels(store, campaign, rows)
    return {site: doc.neighbours for site, doc in found.items()}


def _weights(store: Store, campaign: str, rows: Sequence[Row]) -> Found:
    found = _labels(store, campaign, rows)
    return {site: (doc.weights or {}).get(str(doc.value)) for site, doc in found.items()}


def _bond_lengths(store: Store, campaign: str, rows: Sequence[Row]) -> Found:
    """Read the labels of such a target; in a campaign without one, CrystalNN is asked."""
    targets = store.config(campaign).targets
    name = next((one.name for one in targets if one.kind == "bond_length"), None)
    sites = [row["site"] for row in rows]
    if name is not None:
        docs = store.read(LabelDoc, campaign, [item_key(site, name) for site in sites])
        return {doc.site: doc.value for doc in docs.values()}
    from exafscn_flows.targets.crystal_nn import coordination

    known = store.read(SiteDoc, campaign, sites)
    materials = sorted({site.material_id for site in known.values() if not site.averaged})
    cells = {
        key: stored_crystal(doc.structure, key)
        for key, doc in store.read(StructureDoc, campaign, materials).items()
        if doc.structure is not None
    }
    found = {}
    for site in known.values():
        if site.averaged or site.material_id not in cells:
            continue
        try:
            length = coordination(cells[site.material_id], site.site_index).bond_length
        except ItemFailure:
            continue
        found[site.site] = length
    return found


_READERS = {
    "name": _names,
    "bond_length": _bond_lengths,
    "neighbour_counts": _counts,
    "label_weight": _weights,
}
