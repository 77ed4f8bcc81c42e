"""The rows that a model is trained on: sites whose label and features are up to date."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from exafscn_flows.config.campaign import CampaignConfig
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
    systems
        Chemical system of each site, e.g. "Cu-O", shape (n_sites,).
    neighbours
        Elements among the neighbours of each site, alphabetical, length n_sites.
    hash
        Changes with any label, feature or site.
    """

    absorber: str
    feature_set: str
    sites: list[SiteDoc]
    y: np.ndarray
    groups: np.ndarray
    neighbours: list[list[str]]
    hash: str

    @property
    def systems(self) -> np.ndarray:
        return np.array(["-".join(site.elements) for site in self.sites], dtype=str)


class _Label(NamedTuple):
    """What predictions take from a label; of the neighbours, the elements, alphabetical."""

    cn: int
    neighbours: list[str]


def dataset_hashes(
    store: Store, config: CampaignConfig, absorber: str, feature_sets: Sequence[str]
) -> dict[str, str]:
    """Hash the data set of each of some feature sets, without keeping any of it in memory."""
    digests = {name: hashlib.sha256() for name in feature_sets}
    for name, site, label, features in _rows(store, config, absorber, feature_sets):
        _add(digests[name], site, label, features)
    return {name: digest.hexdigest()[:16] for name, digest in digests.items()}


def labelled_sites(
    store: Store, config: CampaignConfig, absorber: str, feature_set: str
) -> Dataset:
    """Collect the sites that can be learned from, without their feature vectors."""
    return all_labelled_sites(store, config, absorber, [feature_set])[feature_set]


def all_labelled_sites(
    store: Store, config: CampaignConfig, absorber: str, feature_sets: Sequence[str]
) -> dict[str, Dataset]:
    """Collect the data set of each of some feature sets, reading every site once."""
    sites: dict[str, list[SiteDoc]] = {name: [] for name in feature_sets}
    labels: dict[str, list[_Label]] = {name: [] for name in feature_sets}
    digests = {name: hashlib.sha256() for name in feature_sets}
    for name, site, label, features in _rows(store, config, absorber, feature_sets):
        sites[name].append(site)
        labels[name].append(label)
        _add(digests[name], site, label, features)
    return {
        name: Dataset(
            absorber=absorber,
            feature_set=name,
            sites=sites[name],
            y=np.array([label.cn for label in labels[name]], dtype=int),
            groups=np.array([site.formula for site in sites[name]], dtype=str),
            neighbours=[label.neighbours for label in labels[name]],
            hash=digests[name].hexdigest()[:16],
        )
        for name in feature_sets
    }


def _rows(
    store: Store, config: CampaignConfig, absorber: str, feature_sets: Sequence[str]
) -> Iterator[tuple[str, SiteDoc, _Label, str]]:
    """Yield feature set, site, label and hash of the features of everything that is up to date."""
    name = config.campaign
    for batch in batches(store.active_sites(name, absorber), _BATCH):
        ids = {"_id": {"$in": [f"{name}/{site.site}" for site in batch]}}
        fields = ["site", "hash", "cn", "neighbours"]
        labels = {raw["site"]: raw for raw in store.project(LabelDoc, ids, fields)}
        keys = [f"{site.site}/{fset}" for site in batch for fset in feature_sets]
        features = store.hashes(FeatureDoc, name, keys)
        for site in batch:
            wanted, raw = wanted_hashes(config, site), labels.get(site.site)
            if raw is None or raw["hash"] != wanted.label:
                continue
            label = _Label(raw["cn"], sorted(raw["neighbours"]))
            for fset in feature_sets:
                if features.get(f"{site.site}/{fset}") == wanted.features[fset]:
                    yield fset, site, label, wanted.features[fset]


def _add(digest: "hashlib._Hash", site: SiteDoc, label: _Label, features: str) -> None:
    neighbours = " ".join(label.neighbours)
    row = (site.site, str(label.cn), neighbours, features, site.formula)
    digest.update("".join(f"{value}\0" for value in row).encode())


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
