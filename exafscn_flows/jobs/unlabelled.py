"""What the models of a campaign say of its measured spectra that have no label.

Nothing is learned from them, and they count in no metrics: a version predicts them as it predicts
sites that came after its training.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.context import watcher
from exafscn_flows.jobs.dataset import one_hot
from exafscn_flows.jobs.fits import model_keys, vectors_hash
from exafscn_flows.jobs.predictions import unlabelled_docs
from exafscn_flows.keys import item_key
from exafscn_flows.store.documents import FeatureDoc, LabelDoc, SiteDoc
from exafscn_flows.store.results import ModelDoc, PredictionDoc, PromotionDoc, prediction_ids
from exafscn_flows.store.store import Store
from exafscn_flows.store.versions import stored_model
from exafscn_flows.store.wanted import wanted_hashes
from exafscn_flows.tasks import task_named
from exafscn_flows.tasks.fitted import has_seen, ood_score

_BATCH = 500


def predict_unlabelled(store: Store, config: CampaignConfig, absorber: str) -> int:
    """Let the models of an absorber that queries use predict its measured spectra without a label.

    Models whose features cannot be made of such spectra are named, once each.

    Returns
    -------
    int
        Number of predictions that are new.
    """
    keys = [key for key in model_keys(config, absorber) if not _is_curve(config, key.target)]
    promoted = store.hashes(PromotionDoc, config.campaign, [str(key) for key in keys])
    versions = [key.version(promoted[str(key)]) for key in keys if str(key) in promoted]
    docs = store.read(ModelDoc, config.campaign, versions)
    return sum(predict_with(store, config, docs[version]) for version in versions)


def predict_with(store: Store, config: CampaignConfig, doc: ModelDoc) -> int:
    """Let one version predict the measured spectra without a label; returns how many are new.

    What it has predicted of others, which are not there any more, is deleted.
    """
    (fset,) = (one for one in config.features.sets if one.name == doc.feature_set)
    if doc.task == "curves" or doc.takes != vectors_hash(config, fset):
        return 0
    n_without, wanted = 0, {}
    for site, features in _unlabelled(store, config, doc):
        n_without += features is None
        if features is not None:
            wanted[site.site] = (site, features)
    ids = {"_id": prediction_ids(config.campaign, doc.hash), "measured": True}
    known = {
        raw["site"]: raw["features"]
        for raw in store.project(PredictionDoc, ids, ["site", "features"])
        if raw.get("features") is not None
    }
    if gone := sorted(known.keys() - wanted.keys()):
        store.models.drop_predictions(config.campaign, doc.hash, gone)
    if n_without:
        watcher().say(
            f"model {doc.key} predicts {len(wanted)} measured spectra without a label, and not "
            f"{n_without} others, of which there is no {doc.feature_set}: `exafscn status "
            f"{config.campaign} --failures` says why"
        )
    new = [one for key, one in wanted.items() if known.get(key) != one[1]]
    if not new:
        return 0
    watcher().expect("predictions", len(new))
    model, task = stored_model(store, doc), task_named(doc.task)
    for batch in batches(new, _BATCH):
        sites = [site for site, _ in batch]
        X = _inputs(store, doc, sites)
        output = task.output(model, X, list(doc.classes))
        seen = has_seen(model, [site.formula or "" for site in sites])
        made_of = [features for _, features in batch]
        store.write(unlabelled_docs(doc, sites, output, ood_score(model, X), seen, made_of))
        watcher().advance("predictions", len(batch), 0)
    return len(new)


def _is_curve(config: CampaignConfig, name: str) -> bool:
    return any(one.vectors_of is not None for one in config.targets if one.name == name)


def _unlabelled(
    store: Store, config: CampaignConfig, doc: ModelDoc
) -> Iterator[tuple[SiteDoc, str | None]]:
    """Yield the measured spectra without a label, with the hash of their features, if any."""
    for batch in batches(store.active_sites(config.campaign, doc.absorber), _BATCH):
        sites = [site for site in batch if site.file is not None]
        wanted = {site.site: wanted_hashes(config, site) for site in sites}
        keys = [item_key(site.site, doc.target) for site in sites]
        labels = store.hashes(LabelDoc, config.campaign, keys)
        keys = [item_key(site.site, doc.feature_set) for site in sites]
        features = store.hashes(FeatureDoc, config.campaign, keys)
        for site in sites:
            label = labels.get(item_key(site.site, doc.target))
            if label is None or label != wanted[site.site].labels.get(doc.target):
                hash_ = wanted[site.site].features[doc.feature_set]
                there = features.get(item_key(site.site, doc.feature_set)) == hash_
                yield site, hash_ if there else None


def _inputs(store: Store, doc: ModelDoc, sites: list[SiteDoc]) -> np.ndarray:
    """Read what a model takes of sites, shape (n_sites, n_inputs), float32."""
    keys = [item_key(site.site, doc.feature_set) for site in sites]
    found: dict[str, Any] = store.read(FeatureDoc, doc.campaign, keys)
    X = np.stack([found[key].vector for key in keys])
    return np.hstack([X, one_hot(sites, doc.absorbers)]) if doc.absorbers else X
