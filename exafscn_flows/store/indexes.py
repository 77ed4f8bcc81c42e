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

# Every entry of every index is paid for when a prediction is written, one for each element where
# elements are indexed. So there are two selections that, with the values of their fields spelled
# out (see queries.py), serve every order; what passes over few entries of those needs no index.
# A version is of one absorber.
_PREDICTIONS = [
    (["oxide", "disagrees"], [_BY_PROBABILITY, _BY_ERROR, _BY_SITE]),
    (["cn", "disagrees"], [_BY_PROBABILITY, _BY_ERROR, _BY_SITE]),
    (["elements"], [_BY_PROBABILITY]),
    (["formula"], [_BY_PROBABILITY]),  # so few that sorting them costs nothing
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
    "predictions": [
        IndexModel([*_BY_VERSION, *((field, ASCENDING) for field in selection), *order])
        for selection, orders in _PREDICTIONS
        for order in orders
    ],
    "failures": [
        IndexModel([("campaign", ASCENDING), ("stage", ASCENDING), ("absorber", ASCENDING)])
    ],
}


def ensure_indexes(database: Database[dict[str, Any]]) -> None:
    """Create the indexes that are missing; those that exist cost nothing."""
    for name, indexes in INDEXES.items():
        database[name].create_indexes(indexes)
