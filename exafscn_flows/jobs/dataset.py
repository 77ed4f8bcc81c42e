"""The rows that a model is trained on: sites whose label and features are up to date."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import CampaignError
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.states import wanted_hashes
from exafscn_flows.store.documents import FeatureDoc, LabelDoc, SiteDoc
from exafscn_flows.store.store import Store

_BATCH = 1000
"""Sites whose documents are compared at once."""


@dataclass(frozen=True)
class Dataset:
    """Labelled sites of one absorber with one feature set, ordered by site key.

    Attributes
    ----------
    sites
        Site documents, length n_sites.
    y
        CrystalNN coordination numbers, shape (n_sites,).
    groups
        Reduced formula of each site, shape (n_sites,): no formula may be on both sides of a split.
    hash
        Changes with any label, feature or site.
    """

    absorber: str
    feature_set: str
    sites: list[SiteDoc]
    y: np.ndarray
    groups: np.ndarray
    hash: str


def dataset_hashes(store: Store, config: CampaignConfig, absorber: str) -> dict[str, str]:
    """Hash the data set of each feature set, without keeping any of it in memory."""
    names = [fset.name for fset in config.features.sets]
    digests = {name: hashlib.sha256() for name in names}
    for name, site, cn, features in _rows(store, config, absorber, names):
        _add(digests[name], site, cn, features)
    return {name: digest.hexdigest()[:16] for name, digest in digests.items()}


def labelled_sites(
    store: Store, config: CampaignConfig, absorber: str, feature_set: str
) -> Dataset:
    """Collect the sites that can be learned from, without their feature vectors."""
    sites: list[SiteDoc] = []
    labels: list[int] = []
    digest = hashlib.sha256()
    for _, site, cn, features in _rows(store, config, absorber, [feature_set]):
        sites.append(site)
        labels.append(cn)
        _add(digest, site, cn, features)
    return Dataset(
        absorber=absorber,
        feature_set=feature_set,
        sites=sites,
        y=np.array(labels, dtype=int),
        groups=np.array([site.formula for site in sites], dtype=str),
        hash=digest.hexdigest()[:16],
    )


def _rows(
    store: Store, config: CampaignConfig, absorber: str, feature_sets: Sequence[str]
) -> Iterator[tuple[str, SiteDoc, int, str]]:
    """Yield feature set, site, label and hash of the features of everything that is up to date."""
    name = config.campaign
    for batch in batches(store.active_sites(name, absorber), _BATCH):
        ids = {"_id": {"$in": [f"{name}/{site.site}" for site in batch]}}
        labels = {raw["site"]: raw for raw in store.project(LabelDoc, ids, ["site", "hash", "cn"])}
        keys = [f"{site.site}/{fset}" for site in batch for fset in feature_sets]
        features = store.hashes(FeatureDoc, name, keys)
        for site in batch:
            wanted, label = wanted_hashes(config, site), labels.get(site.site)
            if label is None or label["hash"] != wanted.label:
                continue
            for fset in feature_sets:
                if features.get(f"{site.site}/{fset}") == wanted.features[fset]:
                    yield fset, site, label["cn"], wanted.features[fset]


def _add(digest: "hashlib._Hash", site: SiteDoc, cn: int, features: str) -> None:
    digest.update(f"{site.site}\0{cn}\0{features}\0{site.formula}\0".encode())


def feature_matrix(store: Store, dataset: Dataset) -> np.ndarray:
    """Read the feature vectors of a data set.

    Returns
    -------
    numpy.ndarray
        Shape (n_sites, n_features), float32.
    """
    campaign = dataset.sites[0].campaign
    keys = [f"{site.site}/{dataset.feature_set}" for site in dataset.sites]
    docs = store.read(FeatureDoc, campaign, keys)
    return np.stack([docs[key].vector for key in keys])


@lru_cache(maxsize=4)
def cached_dataset(
    campaign: str, absorber: str, feature_set: str, dataset_hash: str
) -> tuple[Dataset, np.ndarray]:
    """Read a data set and its matrix once for all tasks of a process that use them."""
    store = Store.open()
    dataset = labelled_sites(store, store.config(campaign), absorber, feature_set)
    if dataset.hash != dataset_hash:
        raise CampaignError(
            f"campaign {campaign}: the data of {absorber} changed while its models were trained: "
            "run it again"
        )
    return dataset, feature_matrix(store, dataset)
