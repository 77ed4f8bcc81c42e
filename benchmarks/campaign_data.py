"""Labels and features of finished campaigns, as models learn them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from pydantic import TypeAdapter
from ruamel.yaml import YAML

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.config.curve_targets import curve_axis
from exafscn_flows.formulas import reduced_formula
from exafscn_flows.jobs.dataset import Dataset, DatasetName, all_labelled_sites
from exafscn_flows.jobs.samples import Samples
from exafscn_flows.keys import ALL
from exafscn_flows.models import ModelSettings
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.splits import grouped_folds
from exafscn_flows.store.store import Store

MODEL: TypeAdapter[Any] = TypeAdapter(ModelSettings)


class Data(NamedTuple):
    """Sites of all absorbers of a campaign."""

    config: CampaignConfig
    dataset: Dataset
    rows: TrainingSet
    folds: np.ndarray
    """As in the campaign: a formula is on one side at all absorbers."""

    @property
    def absorbers(self) -> np.ndarray:
        """Absorber of each site, shape (n,)."""
        return np.array([site.absorber for site in self.dataset.sites])


def read_model(text: str) -> ModelBase:
    """Return the model that a text in YAML describes, for all absorbers together."""
    model: ModelBase = MODEL.validate_python(YAML(typ="safe").load(text) | {"per": "campaign"})
    return model


def read_data(
    store: Store, campaign: str, features: str, model: ModelBase, target: str | None = None
) -> Data:
    """Read what a model learns of all absorbers of a campaign.

    Parameters
    ----------
    features, target
        Name of a feature set, and of a target, by default the first.
    """
    config = store.config(campaign)
    name = DatasetName(target or config.targets[0].name, features, model.auxiliary)
    dataset = all_labelled_sites(store, config, ALL, [name])[name]
    columns = {one.name: one.columns(config.features) for one in config.features.sets}
    samples = Samples.of(store, dataset)
    auxiliary = columns.get(model.auxiliary or "")
    axis = curve_axis(config, name.target)
    rows = samples.training_set(columns[features], dataset.target.task, auxiliary, curve_axis=axis)
    evaluation = config.evaluation
    folds = grouped_folds(dataset.strata, dataset.groups, evaluation.n_folds, evaluation.seed)
    return Data(config, dataset, rows, folds)


class Joint(NamedTuple):
    """Sites of several campaigns, which have the same feature set, as one training set."""

    rows: TrainingSet
    """With the classes and the absorbers of all of them; groups are reduced formulas."""
    absorbers: np.ndarray
    """Symbol of each site, shape (n,)."""
    certainty: np.ndarray
    """Share of each label that is the class itself, shape (n,)."""
    campaign: np.ndarray
    """Number of the campaign of each site, from 0, shape (n,)."""

    def part(self, kept: np.ndarray) -> "Joint":
        """Return some of the sites, by whether each of them is taken."""
        rows = self.rows.part(kept)
        return Joint(rows, self.absorbers[kept], self.certainty[kept], self.campaign[kept])


def joint(parts: Sequence[Data]) -> Joint:
    """Put the sites of campaigns together, in the order of the campaigns."""
    symbols = list(dict.fromkeys(one for part in parts for one in part.config.absorbers))
    classes = sorted({one for part in parts for one in part.dataset.classes})
    absorbers = np.concatenate([part.absorbers for part in parts])
    rows = [_widened(part, symbols).with_classes(classes) for part in parts]
    names = ("X", "y", "groups", "shares", "auxiliary")
    whole: dict[str, Any] = {}
    for name in names:
        values = [getattr(one, name) for one in rows]
        whole[name] = None if values[0] is None else np.concatenate(values)
    return Joint(
        replace(rows[0], **whole),
        absorbers,
        np.concatenate([part.dataset.certainty for part in parts]),
        np.repeat(np.arange(len(parts)), [len(part.rows) for part in parts]),
    )


def _widened(part: Data, symbols: Sequence[str]) -> TrainingSet:
    """Return the rows of a campaign with a column for each absorber of all campaigns."""
    features = part.rows.X[:, : -part.rows.n_absorbers]
    hot = (part.absorbers[:, None] == np.array(symbols)).astype(features.dtype)
    return replace(
        part.rows,
        X=np.hstack([features, hot]),
        groups=np.array([reduced_formula(one) for one in part.rows.groups]),
        n_absorbers=len(symbols),
        absorbers=tuple(symbols),
        classes=tuple(part.dataset.classes),
    )
