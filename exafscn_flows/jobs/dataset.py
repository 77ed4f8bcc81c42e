"""The rows that a model is trained on: sites whose label and features are up to date."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.hashing import content_hash
from exafscn_flows.iteration import batches
from exafscn_flows.keys import ALL, item_key
from exafscn_flows.store.documents import FeatureDoc, LabelDoc, SiteDoc
from exafscn_flows.store.store import Store
from exafscn_flows.store.wanted import wanted_hashes
from exafscn_flows.targets import TargetBase
from exafscn_flows.targets.base import Class, Value
from exafscn_flows.tasks import Task, task_named

_BATCH = 1000
"""Sites whose documents are compared at once."""


class DatasetName(NamedTuple):
    """What a data set of one absorber, or of all, is made of: names in the campaign file."""

    target: str
    feature_set: str
    auxiliary: str | None = None
    """Feature set that a model learns to predict, too."""

    @property
    def feature_sets(self) -> tuple[str, ...]:
        """Names of the feature sets that each of its sites has."""
        return (self.feature_set, *([] if self.auxiliary is None else [self.auxiliary]))

    def __str__(self) -> str:
        return ".".join((self.target, *self.feature_sets))


@dataclass(frozen=True)
class Dataset:
    """Labelled sites of one absorber, or of all, with one feature set, ordered by site key.

    Attributes
    ----------
    target
        What is learned of them.
    absorbers
        Symbols; several for a model that is fitted on them together.
    feature_set, auxiliary
        Feature sets that its sites have; the second, if there is one, is what a model learns to
        predict, too.
    sites
        Site documents, length n_sites.
    values
        Label of each site, length n_sites; of curves an array each.
    classes
        Those that occur, and others that a model knows, ascending; empty for numbers and curves.
    y
        Place of each label among the classes, or the number, shape (n_sites,); of curves, shape
        (n_sites, n_axis).
    shares
        Of classes, the share that each label gives to every class, shape (n_sites, n_classes),
        float32; what goes to other classes is left out. Of numbers, a column of ones.
    groups
        Reduced formula of each site, shape (n_sites,): no formula may be on both sides of a split.
    systems
        Chemical system of each site, e.g. "Cu-O", shape (n_sites,).
    neighbours
        Elements among the neighbours of each site, alphabetical, length n_sites; none of curves.
    hash
        Changes with any label, feature or site.
    energies
        Of curves with an edge step of 1, where their points are, eV, shape (n_axis,).
    """

    target: TargetBase
    absorbers: tuple[str, ...]
    feature_set: str
    auxiliary: str | None
    sites: list[SiteDoc]
    values: list[Any]
    classes: list[Class]
    y: np.ndarray
    shares: np.ndarray
    groups: np.ndarray
    neighbours: list[list[str]]
    hash: str
    energies: np.ndarray | None = None

    @property
    def name(self) -> DatasetName:
        return DatasetName(self.target.name, self.feature_set, self.auxiliary)

    @property
    def task(self) -> Task:
        return task_named(self.target.task)

    @property
    def certainty(self) -> np.ndarray:
        """Share of each label that is the class itself, shape (n_sites,); of numbers, ones."""
        if not self.classes:
            return np.ones(len(self.y))
        of_label: np.ndarray = self.shares[np.arange(len(self.y)), self.y]
        return of_label

    @property
    def systems(self) -> np.ndarray:
        return np.array(["-".join(site.elements) for site in self.sites], dtype=str)

    @property
    def strata(self) -> np.ndarray:
        """What is spread evenly over folds, a whole number for each site, shape (n_sites,)."""
        strata = self.task.strata(self.y)
        if len(self.absorbers) == 1:
            return strata
        symbols = np.array([site.absorber for site in self.sites], dtype=str)
        pairs = np.stack([np.unique(symbols, return_inverse=True)[1], strata], axis=1)
        together: np.ndarray = np.unique(pairs, axis=0, return_inverse=True)[1].ravel()
        return together

    def with_classes(self, classes: list[Class]) -> Self:
        """Return the sites with more classes than they have; the hash stays as it is."""
        if classes == self.classes:
            return self
        y = self.task.encode(self.values, classes)
        shares = self.task.widened(self.shares, self.classes, classes)
        return replace(self, classes=classes, y=y, shares=shares.astype(self.shares.dtype))

    def part(self, rows: Sequence[int]) -> Self:
        """Return some of the rows; classes and hash stay those of all."""
        return replace(
            self,
            sites=[self.sites[row] for row in rows],
            values=[self.values[row] for row in rows],
            y=self.y[rows],
            shares=self.shares[rows],
            groups=self.groups[rows],
            neighbours=[self.neighbours[row] for row in rows],
        )


class _Row(NamedTuple):
    """What is taken from the documents of a site; of the neighbours, the elements.

    The value of a curve is the hash of the features that it is.
    """

    name: DatasetName
    site: SiteDoc
    value: Value
    weights: dict[str, float] | None
    neighbours: list[str]
    features: str

    def add_to(self, digest: "hashlib._Hash") -> None:
        site = self.site
        neighbours = " ".join(self.neighbours)
        weights = repr(sorted((self.weights or {}).items()))
        row = (site.site, repr(self.value), weights, neighbours, self.features, site.formula)
        digest.update("".join(f"{value}\0" for value in row).encode())


def dataset_hashes(
    store: Store, config: CampaignConfig, absorbers: Iterable[str], names: Sequence[DatasetName]
) -> dict[tuple[str, DatasetName], str]:
    """Hash the data sets of some absorbers, without keeping any of them in memory.

    Returns
    -------
    dict
        By absorber and name; with absorber `ALL` that of all absorbers together, if all are asked
        for.
    """
    hashes = {
        (absorber, name): hash_
        for absorber in absorbers
        for name, hash_ in _hashes(store, config, absorber, names).items()
    }
    if {absorber for absorber, _ in hashes} == set(config.absorbers):
        for name in names:
            hashes[ALL, name] = _joint_hash(
                {absorber: hashes[absorber, name] for absorber in config.absorbers}
            )
    return hashes


def _hashes(
    store: Store, config: CampaignConfig, absorber: str, names: Sequence[DatasetName]
) -> dict[DatasetName, str]:
    digests = {name: hashlib.sha256() for name in names}
    for row in _rows(store, config, absorber, names):
        row.add_to(digests[row.name])
    return {name: digest.hexdigest()[:16] for name, digest in digests.items()}


def _joint_hash(hashes: dict[str, str]) -> str:
    return content_hash("all absorbers", hashes)


def labelled_sites(
    store: Store, config: CampaignConfig, absorber: str, name: DatasetName
) -> Dataset:
    """Collect the sites that can be learned from, without their feature vectors."""
    return all_labelled_sites(store, config, absorber, [name])[name]


def all_labelled_sites(
    store: Store, config: CampaignConfig, absorber: str, names: Sequence[DatasetName]
) -> dict[DatasetName, Dataset]:
    """Collect some data sets of an absorber, or of `ALL`, reading every site once."""
    rows: dict[DatasetName, list[_Row]] = {name: [] for name in names}
    absorbers = tuple(config.absorbers) if absorber == ALL else (absorber,)
    digests = {(one, name): hashlib.sha256() for one in absorbers for name in names}
    for one in absorbers:
        for row in _rows(store, config, one, names):
            rows[row.name].append(row)
            row.add_to(digests[one, row.name])
    targets = {target.name: target for target in config.targets}
    found = {}
    for name in names:
        hashes = {one: digests[one, name].hexdigest()[:16] for one in absorbers}
        hash_ = _joint_hash(hashes) if absorber == ALL else hashes[absorber]
        target, own = targets[name.target], sorted(rows.pop(name), key=lambda row: row.site.site)
        values: list[Any] = [row.value for row in own]
        energies = None
        if target.vectors_of is not None:
            sites = [row.site for row in own]
            values = list(_vectors(store, sites, target.vectors_of)) if sites else []
            energies = _energies(config, target.vectors_of)
        found[name] = _dataset(target, absorbers, name, own, values, energies, hash_)
    return found


def _energies(config: CampaignConfig, feature_set: str) -> np.ndarray | None:
    """Return where the points of a curve with an edge are, eV; None of any other set."""
    (fset,) = (one for one in config.features.sets if one.name == feature_set)
    return fset.axis(config.features)[0] if fset.has_edge else None


def _dataset(
    target: TargetBase,
    absorbers: tuple[str, ...],
    name: DatasetName,
    rows: list[_Row],
    values: list[Any],
    energies: np.ndarray | None,
    hash_: str,
) -> Dataset:
    task = task_named(target.task)
    classes = task.classes(values)
    return Dataset(
        target=target,
        absorbers=absorbers,
        feature_set=name.feature_set,
        auxiliary=name.auxiliary,
        sites=[row.site for row in rows],
        values=values,
        classes=classes,
        y=task.encode(values, classes),
        shares=task.shares([row.weights for row in rows], values, classes),
        groups=np.array([row.site.formula for row in rows], dtype=str),
        neighbours=[row.neighbours for row in rows],
        hash=hash_,
        energies=energies,
    )


def _rows(
    store: Store, config: CampaignConfig, absorber: str, names: Sequence[DatasetName]
) -> Iterator[_Row]:
    """Yield everything of one absorber that is up to date, ordered by site key."""
    campaign = config.campaign
    named = {name.target for name in names}
    curves = {one.name: one.vectors_of for one in config.targets if one.name in named}
    targets = [name for name, of in curves.items() if of is None]
    sets = [fset for name in names for fset in name.feature_sets]
    sets = list(dict.fromkeys([*sets, *(of for of in curves.values() if of is not None)]))
    for batch in batches(store.active_sites(campaign, absorber), _BATCH):
        labels = _labels(store, campaign, batch, targets)
        keys = [item_key(site.site, fset) for site in batch for fset in sets]
        features = store.hashes(FeatureDoc, campaign, keys)
        for site in batch:
            wanted = wanted_hashes(config, site)
            known = {fset: features.get(item_key(site.site, fset)) for fset in sets}
            current = {fset for fset in sets if known[fset] == wanted.features[fset]}
            for name in names:
                if not current.issuperset(name.feature_sets):
                    continue
                hash_ = " ".join(wanted.features[fset] for fset in name.feature_sets)
                of = curves[name.target]
                if of is not None:
                    # What has no formula cannot be held out by it.
                    if site.has_structure and of in current:
                        yield _Row(name, site, wanted.features[of], None, [], hash_)
                    continue
                raw = labels.get(item_key(site.site, name.target))
                if raw is not None and raw["hash"] == wanted.labels[name.target]:
                    elements = sorted(raw["neighbours"] or ())
                    yield _Row(name, site, raw["value"], raw["weights"], elements, hash_)


def _labels(
    store: Store, campaign: str, sites: list[SiteDoc], targets: list[str]
) -> dict[str, dict[str, Any]]:
    keys = [item_key(site.site, target) for site in sites for target in targets]
    ids = {"_id": {"$in": [f"{campaign}/{key}" for key in keys]}}
    fields = ["site", "target", "hash", "value", "weights", "neighbours"]
    found = store.project(LabelDoc, ids, fields)
    return {item_key(raw["site"], raw["target"]): raw for raw in found}


def feature_matrix(store: Store, dataset: Dataset) -> np.ndarray:
    """Read the inputs of the models of a data set.

    Returns
    -------
    numpy.ndarray
        Shape (n_sites, n_features), float32; with several absorbers as many columns more, which
        say with 0 and 1 which of them a site is of.
    """
    found = vectors(store, dataset, dataset.feature_set)
    if len(dataset.absorbers) == 1:
        return found
    return np.hstack([found, one_hot(dataset.sites, dataset.absorbers)])


def vectors(store: Store, dataset: Dataset, feature_set: str) -> np.ndarray:
    """Read one of the feature sets of the sites, shape (n_sites, n_features), float32."""
    return _vectors(store, dataset.sites, feature_set)


def _vectors(store: Store, sites: Sequence[SiteDoc], feature_set: str) -> np.ndarray:
    keys = [item_key(site.site, feature_set) for site in sites]
    docs = store.read(FeatureDoc, sites[0].campaign, keys)
    return np.stack([docs[key].vector for key in keys])


def one_hot(sites: Sequence[SiteDoc], absorbers: Sequence[str]) -> np.ndarray:
    """Say of each site of which absorber it is, shape (n_sites, n_absorbers), float32."""
    return np.array(
        [[site.absorber == absorber for absorber in absorbers] for site in sites], dtype=np.float32
    ).reshape(len(sites), len(absorbers))
