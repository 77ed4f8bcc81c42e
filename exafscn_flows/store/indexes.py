"""Indexes that the program makes for its own work and for the documented queries.

One set of collections with a campaign key, rather than a set per campaign: a campaign name is
data, not a collection name, so queries across campaigns and roles stay simple, and the number of
files of mongod does not grow with the number of campaigns.
"""

from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.database import Database

from exafscn_flows.store.pages import SORTS, Order

_BY_VERSION = [("campaign", ASCENDING), ("hash", ASCENDING)]
# Every entry of every index is paid for when a prediction is written, so there are few. A version
# is of one absorber; where its keyword is given (see conditions.py), what follows is in order. At
# each probability, of which there are 1000 at most, MongoDB goes to a CN at once. For `oxide`, no
# document is read. Formulas stand in the _id.
_PREDICTIONS = {
    order: [*_BY_VERSION, ("keywords", ASCENDING), *SORTS[order], ("oxide", ASCENDING)]
    for order in (Order.PROBABILITY, Order.EXPECTED_ERROR)
}

INDEXES: dict[str, list[IndexModel]] = {
    "listings": [
        IndexModel(
            [
                ("campaign", ASCENDING),
                ("hash", ASCENDING),
                ("absorber", ASCENDING),
                ("page", ASCENDING),
            ]
        )
    ],
    "fetched": [IndexModel([("campaign", ASCENDING), ("hash", ASCENDING)])],
    "structures": [IndexModel([("campaign", ASCENDING), ("material_id", ASCENDING)])],
    "sites": [
        IndexModel([("campaign", ASCENDING), ("active", ASCENDING), ("site", ASCENDING)]),
        IndexModel(
            [
                ("campaign", ASCENDING),
                ("active", ASCENDING),
                ("absorber", ASCENDING),
                ("site", ASCENDING),
            ]
        ),
    ],
    "labels": [IndexModel([("campaign", ASCENDING), ("absorber", ASCENDING), ("cn", ASCENDING)])],
    "spectra": [IndexModel([("campaign", ASCENDING), ("absorber", ASCENDING)])],
    "features": [
        IndexModel(
            [
                ("campaign", ASCENDING),
                ("feature_set", ASCENDING),
                ("absorber", ASCENDING),
                ("site", ASCENDING),
            ]
        )
    ],
    "models": [IndexModel([("campaign", ASCENDING), ("absorber", ASCENDING)])],
    "experiments": [IndexModel([("campaign", ASCENDING), ("absorber", ASCENDING)])],
    "metrics": [IndexModel([("campaign", ASCENDING), ("absorber", ASCENDING)])],
    "promotions": [
        IndexModel(
            [
                ("campaign", ASCENDING),
                ("feature_set", ASCENDING),
                ("model", ASCENDING),
                ("absorber", ASCENDING),
                ("hash", ASCENDING),
            ]
        )
    ],
    "predictions": [IndexModel(fields, name=order.value) for order, fields in _PREDICTIONS.items()],
    "failures": [
        IndexModel([("campaign", ASCENDING), ("stage", ASCENDING), ("absorber", ASCENDING)])
    ],
}


def ensure_indexes(database: Database[dict[str, Any]]) -> None:
    """Create the indexes that are missing; those that exist cost nothing."""
    for name, indexes in INDEXES.items():
        database[name].create_indexes(indexes)
