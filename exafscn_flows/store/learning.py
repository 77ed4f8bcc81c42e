"""Labels and feature vectors as tables and arrays, for those who learn from them themselves."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import UsageError
from exafscn_flows.iteration import batches
from exafscn_flows.keys import item_key
from exafscn_flows.store.documents import FeatureDoc, LabelDoc, SiteDoc
from exafscn_flows.store.store import Store
from exafscn_flows.store.wanted import Wanted, wanted_hashes
from exafscn_flows.targets import TargetBase

if TYPE_CHECKING:
    import pandas as pd

_BATCH = 1000
"""Sites whose documents are read at once."""

LABEL_COLUMNS = (
    "site",
    "material_id",
    "formula",
    "absorber",
    "target",
    "value",
    "weight",
    "spread",
    "neighbours",
)


class LearningSet(NamedTuple):
    """Sites that have both features and a label, ordered by site key.

    Attributes
    ----------
    X
        Feature vectors, float32, shape (n_sites, n_features).
    y
        Labels, shape (n_sites,): classes, or numbers in the unit of the target; of a target that is
        a curve, float32, shape (n_sites, n_points).
    groups
        Reduced formula of each site, shape (n_sites,): sites of one formula belong on one side of a
        split.
    sites
        Key of each site, shape (n_sites,).
    axis
        Coordinate of each feature, shape (n_features,).
    axis_label
        What the axis is, with its unit.
    """

    X: np.ndarray
    y: np.ndarray
    groups: np.ndarray
    sites: np.ndarray
    axis: np.ndarray
    axis_label: str


def label_table(
    store: Store, config: CampaignConfig, target: str | None, absorber: str | None
) -> "pd.DataFrame":
    """Return the labels that are up to date, one row for each site and target.

    Parameters
    ----------
    target, absorber
        Only these; by default all.

    Raises
    ------
    UsageError
        If the campaign has no such target or absorber.
    """
    import pandas as pd

    named = None if target is None else _named(config, "target", target).name
    rows = []
    for sites, wanted in _batches(store, config, absorber):
        hashes = {
            item_key(site.site, name): hash_
            for site in sites
            for name, hash_ in wanted[site.site].labels.items()
            if named in (None, name)
        }
        docs = store.read(LabelDoc, config.campaign, hashes)
        by_site = {site.site: site for site in sites}
        for key in sorted(key for key, doc in docs.items() if doc.hash == hashes[key]):
            doc = docs[key]
            site = by_site[doc.site]
            values: dict[str, Any] = {
                "site": doc.site,
                "material_id": site.material_id,
                "formula": site.formula,
                "absorber": doc.absorber,
                "target": doc.target,
                "value": doc.value,
                "weight": (doc.weights or {}).get(str(doc.value)),
                "spread": doc.spread,
                "neighbours": doc.neighbours,
            }
            rows.append(values)
    return pd.DataFrame(rows, columns=list(LABEL_COLUMNS))


def learning_set(
    store: Store,
    config: CampaignConfig,
    feature_set: str | None,
    target: str | None,
    absorber: str | None,
) -> LearningSet:
    """Collect the sites whose features and labels are up to date.

    Parameters
    ----------
    feature_set, target
        Names from the campaign file; by default its first ones.
    absorber
        Only this one; by default all.

    Raises
    ------
    UsageError
        If the campaign has no such feature set, target or absorber.
    """
    fset = _named(config, "feature set", feature_set)
    of: TargetBase = _named(config, "target", target)
    axis, axis_label = fset.axis(config.features)
    names = [fset.name, *([] if of.vectors_of is None else [of.vectors_of])]
    vectors: list[np.ndarray] = []
    values: list[Any] = []
    found: list[SiteDoc] = []
    for sites, wanted in _batches(store, config, absorber):
        current = {
            item_key(site, name): one.features[name]
            for site, one in wanted.items()
            for name in names
        }
        docs = store.read(FeatureDoc, config.campaign, current)
        features = {key: doc.vector for key, doc in docs.items() if doc.hash == current[key]}
        labels = _values(store, config, of, sites, wanted, features)
        for site in sites:
            vector = features.get(item_key(site.site, fset.name))
            if vector is not None and site.site in labels:
                vectors.append(vector)
                values.append(labels[site.site])
                found.append(site)
    return LearningSet(
        X=np.array(vectors, dtype=np.float32).reshape(len(found), len(axis)),
        y=np.array(values),
        groups=np.array([site.formula or "" for site in found], dtype=str),
        sites=np.array([site.site for site in found], dtype=str),
        axis=axis,
        axis_label=axis_label,
    )


def _values(
    store: Store,
    config: CampaignConfig,
    target: TargetBase,
    sites: list[SiteDoc],
    wanted: dict[str, Wanted],
    features: dict[str, np.ndarray],
) -> dict[str, Any]:
    """Return the labels that are up to date, by site; of curves they are features."""
    if target.vectors_of is not None:
        keys = {site.site: item_key(site.site, target.vectors_of) for site in sites}
        return {site: features[key] for site, key in keys.items() if key in features}
    current = {
        item_key(site, target.name): one.labels[target.name]
        for site, one in wanted.items()
        if target.name in one.labels
    }
    docs = store.read(LabelDoc, config.campaign, current)
    return {doc.site: doc.value for key, doc in docs.items() if doc.hash == current[key]}


def _batches(
    store: Store, config: CampaignConfig, absorber: str | None
) -> Iterator[tuple[list[SiteDoc], dict[str, Wanted]]]:
    if absorber is not None and absorber not in config.absorbers:
        raise UsageError(
            f"campaign {config.campaign} has no absorber {absorber!r}; it has "
            f"{', '.join(config.absorbers)}"
        )
    for sites in batches(store.active_sites(config.campaign, absorber), _BATCH):
        yield sites, {site.site: wanted_hashes(config, site) for site in sites}


def _named(config: CampaignConfig, what: str, name: str | None) -> Any:
    """Return the feature set or target of a name; by default the first one."""
    known: list[Any] = list(config.targets if what == "target" else config.features.sets)
    for one in known:
        if name in (None, one.name):
            return one
    names = ", ".join(one.name for one in known)
    raise UsageError(f"campaign {config.campaign} has no {what} {name!r}; it has {names}")
