"""Versions of models in the store: which ones queries use, and what belongs to one."""

from collections.abc import Iterator
from typing import Any

from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.store.results import MetricsDoc, ModelDoc, PromotionDoc
from exafscn_flows.store.store import Store


def current_metrics(
    store: Store, campaign: str, absorber: str | None = None
) -> Iterator[MetricsDoc]:
    """Stream the metrics of the versions that queries use, in the order of their keys."""
    query = {"campaign": campaign} | ({} if absorber is None else {"absorber": absorber})
    promoted = store.find(PromotionDoc, query, sort=[("_id", 1)])
    keys = [doc.model_key.version(doc.hash) for doc in promoted]
    found = store.read(MetricsDoc, campaign, keys)
    return (found[key] for key in keys if key in found)


def find_version(store: Store, campaign: str, version: str) -> MetricsDoc:
    """Read the metrics of a version.

    Raises
    ------
    UsageError
        If the campaign has no such version.
    """
    query = {"campaign": {"$eq": campaign}, "hash": {"$eq": version}}
    found = next(store.find(MetricsDoc, query, limit=1), None)
    if found is None:
        raise UsageError(
            f"campaign {campaign} has no version {version!r} of a model: "
            f"`exafscn models list {campaign}` shows those there are"
        )
    return found


def model_document(store: Store, campaign: str, key: str) -> ModelDoc:
    """Read the document of the model of a version, by its key.

    Raises
    ------
    CampaignError
        If it is missing.
    """
    doc = store.read(ModelDoc, campaign, [key]).get(key)
    if doc is None:
        raise CampaignError(f"model {key} is missing: promote another version")
    return doc


def stored_model(store: Store, doc: ModelDoc) -> Any:
    """Load the fitted model of a document, as its kind has fitted it.

    Raises
    ------
    CampaignError
        If its file is missing, or the bytes are not those that were stored.
    """
    from exafscn_flows.models.persistence import load_model

    return load_model(doc.parameters["kind"], store.models.read_file(doc.file), doc.sha256)
