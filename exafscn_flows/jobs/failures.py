"""What failed in a campaign: by cause, and one by one."""

import re
from collections.abc import Iterator
from typing import Any

from exafscn_flows.elements import SYMBOLS
from exafscn_flows.errors import LEFT_OUT, UsageError
from exafscn_flows.iteration import batches
from exafscn_flows.report.data import FailureGroup
from exafscn_flows.store.documents import STAGES, FailureDoc
from exafscn_flows.store.names import source_name, source_names
from exafscn_flows.store.store import Store

_VARYING = re.compile(r"""'[^']*'|"[^"]*"|\S*[\d/.]\S*""")
"""What differs between messages of one cause: names in quotes or with digits, dots and slashes."""

_ELEMENTS = re.compile(rf"(?<!\w)(?:{'|'.join(SYMBOLS)})(?!\w)(?:, (?:{'|'.join(SYMBOLS)})(?!\w))*")
"""So do elements, one or a list of them."""


def failure_groups(store: Store, campaign: str) -> list[FailureGroup]:
    """Count the failures of a campaign by cause, each with an example, the most frequent first.

    One cause is what has one message, names, elements and numbers apart.
    """
    fields = ["stage", "kind", "message", "hint", "item"]
    query = {"campaign": campaign, "kind": {"$nin": [*LEFT_OUT]}}
    counts: dict[tuple[str, str, str], int] = {}
    examples: dict[tuple[str, str, str], dict[str, Any]] = {}
    for raw in store.project(FailureDoc, query, fields):
        # Not those of the item itself, if its name is a plain word.
        said = re.sub(rf"(?<!\w){re.escape(_material(raw))}(?!\w)", "", raw["message"])
        words = " ".join(_ELEMENTS.sub("", _VARYING.sub("", said)).split())
        cause = raw["stage"], raw["kind"], words
        counts[cause] = counts.get(cause, 0) + 1
        examples.setdefault(cause, raw)
    groups = [
        FailureGroup(
            raw["stage"], raw["kind"], counts[cause], raw["item"], raw["message"], raw["hint"]
        )
        for cause, raw in examples.items()
    ]
    return sorted(groups, key=lambda one: (STAGES.index(one.stage), -one.count, one.kind))


def list_failures(
    store: Store, campaign: str, stage: str | None = None, kind: str | None = None
) -> Iterator[dict[str, Any]]:
    """List what failed in a campaign, with the name of its mineral or file.

    Parameters
    ----------
    stage, kind
        Only of this stage, and of this cause; those that are left out are found by their kind.

    Yields
    ------
    dict
        ``stage``, ``item``, ``name``, ``absorber``, ``kind``, ``message`` and ``hint``; the name is
        None where there is none.

    Raises
    ------
    UsageError
        If there is no such campaign, stage or kind; says which there are.
    """
    store.campaign(campaign)
    if stage is not None and stage not in STAGES:
        raise UsageError(f"stage: there is no {stage!r}; stages are {', '.join(STAGES)}")
    of_campaign: dict[str, Any] = {"campaign": campaign}
    if stage is not None:
        of_campaign["stage"] = stage
    kinds = store.distinct(FailureDoc, "kind", of_campaign)
    if kind is not None and kind not in kinds:
        at = f" at stage {stage}" if stage else ""
        known = f"there are {', '.join(kinds)}" if kinds else "nothing has failed"
        raise UsageError(f"kind: campaign {campaign} has no failure {kind!r}{at}; {known}")
    return _listed(store, campaign, of_campaign | {"kind": kind or {"$nin": [*LEFT_OUT]}})


def _listed(store: Store, campaign: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
    columns = ["stage", "item", "absorber", "kind", "message", "hint"]
    for batch in batches(store.project(FailureDoc, query, [*columns, "source"]), 1000):
        names = source_names(store, campaign, {_material(raw) for raw in batch})
        for raw in batch:
            row = {column: raw[column] for column in columns}
            stated = raw.get("source")
            name = source_name(stated) if stated else names.get(_material(raw))
            yield {"stage": row.pop("stage"), "item": row.pop("item"), "name": name, **row}


def _material(raw: dict[str, Any]) -> str:
    """Return the structure that something is about; of a model, nothing that there is."""
    if raw["stage"] == "structures":
        return str(raw["item"])
    site = raw["item"].rpartition("/")[0]
    return str(site.rsplit(":", 2)[0])
