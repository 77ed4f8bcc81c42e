"""The rows that a model is trained on: sites whose label and features are up to date."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import CampaignError
from exafscn_flows.hashing import content_hash
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.states import wanted_hashes
from exafscn_flows.store.documents import FeatureDoc, LabelDoc, SiteDoc
from exafscn_flows.store.store import Store


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


def labelled_sites(
    store: Store, config: CampaignConfig, absorber: str, feature_set: str
) -> Dataset:
    """Collect the sites that can be learned from, without their feature vectors."""
    name = config.campaign
    sites: list[SiteDoc] = []
    labels: list[int] = []
    rows: list[tuple[str, int, str]] = []
    for batch in batches(store.active_sites(name, absorber), 1000):
        wanted = {site.site: wanted_hashes(config, site) for site in batch}
        found = store.read(LabelDoc, name, wanted)
        keys = [f"{key}/{feature_set}" for key in wanted]
        features = store.hashes(FeatureDoc, name, keys)
        for site in batch:
            label, key = found.get(site.site), f"{site.site}/{feature_set}"
            hashes = wanted[site.site]
            if label is None or label.hash != hashes.label:
                continue
            if features.get(key) != hashes.features[feature_set]:
                continue
            sites.append(site)
            labels.append(label.cn)
            rows.append((site.site, label.cn, hashes.features[feature_set]))
    return Dataset(
        absorber=absorber,
        feature_set=feature_set,
        sites=sites,
        y=np.array(labels, dtype=int),
        groups=np.array([site.formula for site in sites], dtype=str),
        hash=content_hash("dataset", rows, [site.formula for site in sites]),
    )


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
