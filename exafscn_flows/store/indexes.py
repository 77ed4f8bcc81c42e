"""Indexes that the program makes for its own work and for the documented queries.

One set of collections with a campaign key, rather than a set per campaign: a campaign name is
data, not a collection name, so queries across campaigns and roles stay simple, and the number of
files of mongod does not grow with the number of campaigns.
"""

from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.database import Database

_BY_VERSION = [("campaign", ASCENDING), ("hash", ASCENDING)]
_BY_PROBABILITY = [("probability", DESCENDING), ("site", ASCENDING)]
_BY_ERROR = [("expected_error", ASCENDING), ("site", ASCENDING)]
_BY_SITE = [("site", ASCENDING)]
_BEHIND = [("oxide", ASCENDING), ("cn", ASCENDING)]

# Every entry of every index is paid for when a prediction is written, so there are few. A version
# is of one absorber; with the values of `disagrees` spelled out (see conditions.py), what follows
# is in order; for conditions on what is behind the order, no document is read.
_PREDICTIONS: list[list[tuple[str, int]]] = [
    *(
        [("keywords", ASCENDING), ("disagrees", ASCENDING), *order, *_BEHIND]
        for order in (_BY_PROBABILITY, _BY_ERROR, _BY_SITE)
    ),
    *(
        [("cn", ASCENDING), ("disagrees", ASCENDING), *order, ("oxide", ASCENDING)]
        for order in (_BY_PROBABILITY, _BY_ERROR)
    ),
    [("formula", ASCENDING)],
]

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
    "promotions": [IndexModel([("campaign", ASCENDING), ("absorber", ASCENDING)])],
    "predictions": [IndexModel([*_BY_VERSION, *fields]) for fields in _PREDICTIONS],
    "failures": [
        IndexModel([("campaign", ASCENDING), ("stage", ASCENDING), ("absorber", ASCENDING)])
    ],
}


def ensure_indexes(database: Database[dict[str, Any]]) -> None:
    """Create the indexes that are missing; those that exist cost nothing."""
    for name, indexes in INDEXES.items():
        database[name].create_indexes(indexes)
