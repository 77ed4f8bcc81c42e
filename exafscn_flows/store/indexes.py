"""Indexes that the program makes for its own work and for the documented queries.

One set of collections with a campaign key, rather than a set per campaign: a campaign name is
data, not a collection name, so queries across campaigns and roles stay simple, and the number of
files of mongod does not grow with the number of campaigns.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

from pymongo import IndexModel
from pymongo.database import Database
from pymongo.errors import OperationFailure

from exafscn_flows.hashing import content_hash
from exafscn_flows.store.pages import HELD, SORTS, Conditions, Order

_OURS = re.compile(r"exafscn_(\w+_)?[0-9a-f]{16}")
"""Names of indexes that this program has made."""

_IS_THERE = {85, 86}  # IndexOptionsConflict, IndexKeySpecsConflict
_IS_GONE = 27  # IndexNotFound
_NOT_ALLOWED = {13, 8000}  # the second of them is Atlas

Keys = list[tuple[str, int]]


class Index(NamedTuple):
    """An index, named by its definition."""

    name: str
    keys: Keys
    partial: Conditions | None

    @classmethod
    def on(
        cls, *keys: str | tuple[str, int], order: str = "", partial: Conditions | None = None
    ) -> Self:
        """Define an index on fields, of all documents or of those that meet a condition."""
        fields = [(key, 1) if isinstance(key, str) else key for key in keys]
        name = f"exafscn_{order}_" if order else "exafscn_"
        return cls(name + content_hash("index", fields, partial), fields, partial)

    def is_like(self, raw: Mapping[str, Any]) -> bool:
        """Whether an index of a collection, under whatever name, does the same."""
        plain = {"v", "key", "name", "ns", "background"}
        options = {name: raw[name] for name in raw if name not in plain}
        wanted = {"partialFilterExpression": self.partial} if self.partial else {}
        return [*raw["key"].items()] == self.keys and options == wanted

    def model(self) -> IndexModel:
        """Return it as the driver wants it."""
        options = {"partialFilterExpression": self.partial} if self.partial else {}
        return IndexModel(self.keys, name=self.name, **options)


def _predictions() -> Iterator[Index]:
    # Every entry of every index is paid for when a prediction is written, so there are few, and
    # each holds only what has its order. A version is of one absorber; where its keyword is given
    # (see conditions.py), what follows is in order. At each probability, of which there are 1000 at
    # most, MongoDB goes to a value at once. For `oxide`, no document is read. Formulas stand in the
    # _id.
    for order in (Order.PROBABILITY, Order.EXPECTED_ERROR, Order.VALUE):
        yield Index.on(
            *("campaign", "hash", "keywords"),
            *SORTS[order],
            "oxide",
            order=order,
            partial=HELD.get(order),
        )


INDEXES: dict[str, list[Index]] = {
    "listings": [Index.on("campaign", "hash", "absorber", "page")],
    "fetched": [Index.on("campaign", "hash")],
    "structures": [Index.on("campaign", "material_id")],
    "sites": [
        Index.on("campaign", "active", "site"),
        Index.on("campaign", "active", "absorber", "site"),
    ],
    "labels": [Index.on("campaign", "target", "absorber", "value")],
    # By hash, a spectrum is found whichever campaign had it computed.
    "spectra": [Index.on("campaign", "absorber"), Index.on("hash")],
    "features": [Index.on("campaign", "feature_set", "absorber", "site")],
    "models": [Index.on("campaign", "absorber", "target"), Index.on("campaign", "file")],
    "experiments": [Index.on("campaign", "absorber", "target")],
    "metrics": [Index.on("campaign", "absorber", "target")],
    "promotions": [
        Index.on("campaign", "target", "feature_set", "model", "absorber", "hash"),
        Index.on("campaign", "absorber"),
    ],
    "predictions": [*_predictions()],
    "failures": [Index.on("campaign", "stage", "absorber")],
}


def ensure_indexes(database: Database[dict[str, Any]]) -> None:
    """Create the indexes that are missing, and drop those that the program no longer uses.

    Those that users made stay; where one does the same as one of ours, it serves for it.
    """
    for name, indexes in INDEXES.items():
        collection = database[name]
        there = list(collection.list_indexes())
        missing = [index.model() for index in indexes if not any(map(index.is_like, there))]
        if missing and not _done(collection.create_indexes, missing, but=_IS_THERE):
            # Of a user, one with the same keys and other options is of use all the same.
            for each in missing:
                _done(collection.create_indexes, [each], but=_IS_THERE)
        wanted = {index.name for index in indexes}
        for old in (raw["name"] for raw in there if _OURS.fullmatch(raw["name"])):
            if old not in wanted:
                _done(collection.drop_index, old, but={_IS_GONE, *_NOT_ALLOWED})


def _done(call: Callable[[Any], object], argument: Any, but: set[int]) -> bool:
    """Whether something was done, and not refused for one of these reasons."""
    try:
        call(argument)
    except OperationFailure as error:
        if error.code not in but:
            raise
        return False
    return True
