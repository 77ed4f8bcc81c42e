"""Labels and features of a finished campaign, as models learn them."""

from typing import Any, NamedTuple

import numpy as np
from pydantic import TypeAdapter
from ruamel.yaml import YAML

from exafscn_flows.config.campaign import CampaignConfig
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
    rows = samples.training_set(columns[features], dataset.target.task, auxiliary)
    evaluation = config.evaluation
    folds = grouped_folds(dataset.strata, dataset.groups, evaluation.n_folds, evaluation.seed)
    return Data(config, dataset, rows, folds)
