"""Which models and experiments a campaign asks for, and which versions of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from exafscn_flows.config.campaign import CampaignConfig, Evaluation
from exafscn_flows.config.study import CURVES, FEW_SHOT, ROBUSTNESS
from exafscn_flows.features import FeatureSet
from exafscn_flows.features import base as features
from exafscn_flows.hashing import content_hash
from exafscn_flows.jobs.dataset import DatasetName, dataset_hashes
from exafscn_flows.keys import ALL, ModelKey
from exafscn_flows.models import ModelSettings
from exafscn_flows.store.store import Store
from exafscn_flows.targets import TargetBase

ALGORITHM_VERSION = 11
"""Raised when the same data and settings would give other models, predictions or metrics."""

EXPERIMENTS_VERSION = 4
"""The same for experiments."""


@dataclass(frozen=True)
class Fit:
    """One model to train: a target at an absorber, a feature set, a model of the campaign file.

    A model on all absorbers is one of these for each of them; they have `trained` in common.
    """

    target: TargetBase
    absorber: str
    feature_set: FeatureSet
    model: ModelSettings
    dataset_hash: str
    """Of what it is fitted on."""
    hash: str
    """Names the version of the model that comes of it."""

    @property
    def model_key(self) -> ModelKey:
        """What the model is named by, whatever its version."""
        return ModelKey(self.target.name, self.absorber, self.feature_set.name, self.model.name)

    @property
    def key(self) -> str:
        """Key of the model, whatever its version."""
        return str(self.model_key)

    @property
    def version_key(self) -> str:
        """Key of its model and metrics documents."""
        return self.model_key.version(self.hash)

    @property
    def joint(self) -> bool:
        """Whether it is fitted on all absorbers."""
        return self.model.per == "campaign"

    @property
    def trained(self) -> ModelKey:
        """Key of what is trained: of a model on all absorbers, the same for all of them."""
        return self.model_key._replace(absorber=ALL) if self.joint else self.model_key

    @property
    def trained_key(self) -> str:
        """Key of what is trained, with its version: of all absorbers, that at this one."""
        return self.trained.version(self.hash)

    @property
    def dataset(self) -> DatasetName:
        """Name of the data set that it is fitted on."""
        return DatasetName(self.target.name, self.feature_set.name, self.model.auxiliary)


def model_keys(config: CampaignConfig, absorber: str) -> list[ModelKey]:
    """List the models of one absorber, in the order of the campaign file."""
    return [
        ModelKey(target.name, absorber, fset.name, model.name)
        for target in config.targets
        for fset in config.features.sets
        for model in config.models_on(fset.name, target.name)
    ]


def wanted_fits(store: Store, config: CampaignConfig, absorbers: Sequence[str]) -> list[Fit]:
    """List the models of some absorbers, with the hashes of up-to-date ones."""
    if not config.models:
        return []
    models = {model.name: model for model in config.models}
    keys = {
        key: DatasetName(key.target, key.feature_set, models[key.model].auxiliary)
        for absorber in absorbers
        for key in model_keys(config, absorber)
    }
    names = list(dict.fromkeys(keys.values()))
    # Absorbers that are learned together have their folds in common, whatever the model.
    read = config.absorbers if config.joint else absorbers
    datasets = dataset_hashes(store, config, read, names)
    targets = {target.name: target for target in config.targets}
    sets = {fset.name: fset for fset in config.features.sets}
    fits = []
    for key, name in keys.items():
        model = models[key.model]
        settings = [model.parameters(), _evaluation_parameters(config.evaluation)]
        own, joint = datasets[key.absorber, name], datasets.get((ALL, name), "")
        data = joint if model.per == "campaign" else own
        shared = config.joint_on(key.feature_set, key.target)
        of_folds = [joint, config.absorbers] if shared else []
        wanted = content_hash("models", ALGORITHM_VERSION, list(key), settings, data, *of_folds)
        fits.append(
            Fit(targets[key.target], key.absorber, sets[key.feature_set], model, data, wanted)
        )
    return fits


@dataclass(frozen=True)
class Experiment:
    """One experiment with one model of one absorber, or of all, about one absorber."""

    target: TargetBase
    absorber: str
    feature_set: FeatureSet
    model: ModelSettings
    name: str
    value: float | None
    dataset_hash: str
    hash: str

    @property
    def joint(self) -> bool:
        """Whether it is made on the data of all absorbers."""
        return self.name in FEW_SHOT

    @property
    def model_key(self) -> ModelKey:
        """Key of the model that it is made with."""
        return ModelKey(self.target.name, self.absorber, self.feature_set.name, self.model.name)

    @property
    def key(self) -> str:
        """Key of its document."""
        return self.model_key.experiment(self.name, self.value)


def wanted_experiments(store: Store, config: CampaignConfig, absorber: str) -> list[Experiment]:
    """List the experiments with the models of one absorber, with the hashes of up-to-date ones."""
    study = config.study
    if study is None:
        return []
    (fset,) = (s for s in config.features.sets if s.name == config.studied_set)
    (target,) = (t for t in config.targets if t.name == config.studied_target)
    models = {model.name: model for model in config.studied_models}
    first = [next(iter(models))]
    wanted: list[tuple[str, str, float | None]] = []
    wanted += [(name, "importance", None) for name in study.importance or first]
    for curve in CURVES:
        names = study.curves or first
        wanted += [(name, curve, value) for name in names for value in getattr(study, curve)]
    if study.robustness:
        wanted += [(name, ROBUSTNESS, None) for name in study.curves or first]
    if config.few_shot_model is not None:
        joint = config.few_shot_model.name
        models[joint] = config.few_shot_model
        alone = [n for n in study.few_shot if n > 0]
        for experiment, numbers in zip(FEW_SHOT, (study.few_shot, alone), strict=True):
            wanted += [(joint, experiment, float(n)) for n in numbers]
    dataset_name = DatasetName(target.name, fset.name)
    shared = config.joint_on(fset.name, target.name)
    read = config.absorbers if shared else [absorber]
    datasets = dataset_hashes(store, config, read, [dataset_name])
    dataset = datasets[absorber, dataset_name]
    folds: list[Any] = [config.evaluation.n_folds, config.evaluation.seed]
    if shared:
        folds += [datasets[ALL, dataset_name], config.absorbers]
    found = []
    for name, experiment, value in wanted:
        settings = [models[name].parameters(), folds, experiment, value]
        settings += [study.robustness] if experiment == ROBUSTNESS else []
        names = [target.name, fset.name]
        hash_ = content_hash("experiments", EXPERIMENTS_VERSION, names, settings, dataset)
        data = datasets[ALL, dataset_name] if experiment in FEW_SHOT else dataset
        found.append(
            Experiment(target, absorber, fset, models[name], experiment, value, data, hash_)
        )
    return found


def vectors_hash(config: CampaignConfig, fset: FeatureSet) -> str:
    """Hash the settings that vectors of a feature set depend on, whatever the site."""
    ways = {way.name: way for way in config.spectra}
    spectra = [ways[name or ""].parameters() for name in fset.spectra]
    return features.vectors_hash(fset, config.features, spectra)


def features_settings(config: CampaignConfig, fit: Fit) -> dict[str, Any]:
    """Return the settings of what a model takes, and of all that it is made from, for a ModelDoc.

    So for the sets that it learns to predict: first, and as the curves of its target.
    """
    fset, sets = fit.feature_set, {one.name: one for one in config.features.sets}
    first, learned = (sets.get(name or "") for name in (fit.model.auxiliary, fit.target.vectors_of))
    used = {*fset.spectra, *(learned.spectra if learned else ())}
    return {
        "auxiliary": first and first.model_dump(mode="json"),
        "learned": learned and learned.model_dump(mode="json"),
        "set": fset.model_dump(mode="json"),
        "autobk": config.features.autobk.model_dump(mode="json"),
        "xftf": config.features.xftf.model_dump(mode="json"),
        "spectra": {
            way.name: way.model_dump(mode="json") for way in config.spectra if way.name in used
        },
    }


def _evaluation_parameters(evaluation: Evaluation) -> dict[str, Any]:
    # A split that is not asked for changes nothing.
    left_out: set[str] = set() if evaluation.chemical_systems else {"chemical_systems"}
    return evaluation.model_dump(mode="json", exclude=left_out)
