"""Which models and experiments a campaign asks for, and which versions of them."""

from dataclasses import dataclass
from typing import Any

from exafscn_flows.config.campaign import CampaignConfig, Evaluation
from exafscn_flows.features import FeatureSet
from exafscn_flows.hashing import content_hash
from exafscn_flows.jobs.dataset import dataset_hashes
from exafscn_flows.models import ModelSettings
from exafscn_flows.store.results import experiment_key, version_key
from exafscn_flows.store.store import Store

ALGORITHM_VERSION = 6
"""Raised when the same data and settings would give other models or predictions."""

EXPERIMENTS_VERSION = 2
"""The same for experiments."""


@dataclass(frozen=True)
class Fit:
    """One model to train: an absorber with a feature set and a model of the campaign file."""

    absorber: str
    feature_set: FeatureSet
    model: ModelSettings
    dataset_hash: str
    hash: str
    """Names the version of the model that comes of it."""

    @property
    def key(self) -> str:
        """Key of the model, whatever its version."""
        return f"{self.absorber}/{self.feature_set.name}/{self.model.name}"

    @property
    def version_key(self) -> str:
        """Key of its model and metrics documents."""
        return version_key(self.key, self.hash)


def wanted_fits(store: Store, config: CampaignConfig, absorber: str) -> list[Fit]:
    """List the models of one absorber, with the hashes of up-to-date ones."""
    if not config.models:
        return []
    fits = []
    datasets = dataset_hashes(store, config, absorber, [s.name for s in config.features.sets])
    for fset in config.features.sets:
        for model in config.models_on(fset.name):
            settings = [model.parameters(), _evaluation_parameters(config.evaluation)]
            names = [absorber, fset.name, model.name]
            data = datasets[fset.name]
            wanted = content_hash("models", ALGORITHM_VERSION, names, settings, data)
            fits.append(Fit(absorber, fset, model, data, wanted))
    return fits


@dataclass(frozen=True)
class Experiment:
    """One experiment with one model of one absorber."""

    absorber: str
    feature_set: FeatureSet
    model: ModelSettings
    name: str
    value: float | None
    dataset_hash: str
    hash: str

    @property
    def key(self) -> str:
        """Key of its document."""
        model = f"{self.absorber}/{self.feature_set.name}/{self.model.name}"
        return experiment_key(model, self.name, self.value)


def wanted_experiments(store: Store, config: CampaignConfig, absorber: str) -> list[Experiment]:
    """List the experiments with the models of one absorber, with the hashes of up-to-date ones."""
    study = config.study
    if study is None:
        return []
    (fset,) = (s for s in config.features.sets if s.name == config.studied_set)
    models = {model.name: model for model in config.models_on(fset.name)}
    first = [next(iter(models))]
    wanted: list[tuple[str, str, float | None]] = []
    wanted += [(name, "importance", None) for name in study.importance or first]
    for curve in ("rmax", "rmin", "learning_curve"):
        names = study.curves or first
        wanted += [(name, curve, value) for name in names for value in getattr(study, curve)]
    dataset = dataset_hashes(store, config, absorber, [fset.name])[fset.name]
    folds = [config.evaluation.n_folds, config.evaluation.seed]
    found = []
    for name, experiment, value in wanted:
        settings = [models[name].parameters(), folds, experiment, value]
        hash_ = content_hash("experiments", EXPERIMENTS_VERSION, settings, dataset)
        found.append(Experiment(absorber, fset, models[name], experiment, value, dataset, hash_))
    return found


def vectors_hash(config: CampaignConfig, fset: FeatureSet) -> str:
    """Hash the settings that vectors of a feature set depend on, whatever the site."""
    return content_hash("vectors", config.spectra.parameters(), fset.parameters(config.features))


def _evaluation_parameters(evaluation: Evaluation) -> dict[str, Any]:
    # A split that is not asked for changes nothing.
    left_out: set[str] = set() if evaluation.chemical_systems else {"chemical_systems"}
    return evaluation.model_dump(mode="json", exclude=left_out)
