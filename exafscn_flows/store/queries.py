"""Screening queries on predictions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import UsageError
from exafscn_flows.store.documents import PredictionDoc
from exafscn_flows.store.store import Store

COLUMNS = (
    "site",
    "material_id",
    "formula",
    "absorber",
    "cn",
    "cn_label",
    "probability",
    "probabilities",
    "disagrees",
    "feature_set",
    "model",
)
"""Columns of every result, in this order."""


@dataclass(frozen=True)
class PredictionQuery:
    """Conditions that predictions have to meet; those left at None do not matter.

    Attributes
    ----------
    feature_set, model
        Which model predicted; None takes the first of the campaign file.
    cn
        Predicted coordination number.
    min_probability
        Least probability of the predicted class, 0-1.
    contains, excludes
        Elements that the structure must all, or must not, contain.
    formula
        Reduced formula.
    disagrees
        Whether prediction and CrystalNN label differ.
    """

    campaign: str
    feature_set: str | None = None
    model: str | None = None
    absorber: str | None = None
    cn: int | None = None
    min_probability: float | None = None
    contains: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    formula: str | None = None
    disagrees: bool | None = None

    def conditions(self, feature_set: str, model: str) -> dict[str, Any]:
        """Build the MongoDB filter; every value stands behind an operator of ours."""
        query: dict[str, Any] = {
            "campaign": {"$eq": self.campaign},
            "feature_set": {"$eq": feature_set},
            "model": {"$eq": model},
        }
        for name in ("absorber", "cn", "formula", "disagrees"):
            value = getattr(self, name)
            if value is not None:
                query[name] = {"$eq": value}
        if self.min_probability is not None:
            query["probability"] = {"$gte": self.min_probability}
        elements: dict[str, Any] = {}
        if self.contains:
            elements["$all"] = list(self.contains)
        if self.excludes:
            elements["$nin"] = list(self.excludes)
        if elements:
            query["elements"] = elements
        return query


def default_names(config: CampaignConfig) -> tuple[str, str]:
    """Name the feature set and the model that are meant where none is named.

    Raises
    ------
    UsageError
        If the campaign has no models.
    """
    if not config.models:
        raise UsageError(f"campaign {config.campaign} has no models: add some to `models`")
    return config.features.sets[0].name, config.models[0].name


def find_predictions(
    store: Store, query: PredictionQuery, limit: int = 0
) -> Iterator[dict[str, Any]]:
    """Stream predictions, the most certain first.

    Parameters
    ----------
    limit
        Most results; 0 for all.

    Yields
    ------
    dict
        One value for each of :data:`COLUMNS`.

    Raises
    ------
    UsageError
        If there is no such campaign, or it has no models.
    """
    feature_set, model = default_names(store.config(query.campaign))
    feature_set, model = query.feature_set or feature_set, query.model or model
    conditions = query.conditions(feature_set, model)
    order = [("probability", -1), ("site", 1)]
    for doc in store.find(PredictionDoc, conditions, sort=order, limit=limit):
        yield {name: getattr(doc, name) for name in COLUMNS}
