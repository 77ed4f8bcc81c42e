"""The campaign file: everything that decides which numbers a campaign computes."""

from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from exafscn_flows.config.curve_targets import check_curves, holds_answer
from exafscn_flows.config.model_sets import check_set
from exafscn_flows.config.study import CLAIMS_ABOUT, Study
from exafscn_flows.config.ways import SpectraSettings
from exafscn_flows.elements import check_absorber
from exafscn_flows.features import FeatureSettings
from exafscn_flows.features.axes import LIMITS, quantity
from exafscn_flows.models import ModelSettings, RandomForest
from exafscn_flows.models.two_stage import AUXILIARY
from exafscn_flows.sources import MeasuredSource, Source
from exafscn_flows.spectra import FeffSettings
from exafscn_flows.spectra.parts import Part
from exafscn_flows.strict import LocatedError, Location, StrictModel, Symbol, check_unique, near
from exafscn_flows.targets import CoordinationNumber, Target

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
NAME_WORDS = "up to 64 letters, digits, _ and -, the first of them a letter or digit"
"""What the pattern says."""

CampaignName = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]


class Filters(StrictModel):
    """Which structures of the sources take part."""

    required: list[Symbol] = Field(default=[], description="Elements that must all be present.")
    excluded: list[Symbol] = Field(default=[], description="Elements that must not be present.")
    max_atoms: int = Field(default=100, ge=1, description="Largest primitive cell, in atoms.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for index, symbol in enumerate(self.excluded):
            if symbol in self.required:
                message = f"{symbol} is required, too: no structure passes; leave one of them out"
                raise LocatedError(("excluded", index), message)
        return self


class Sample(StrictModel):
    """A random sample with a seed; without it, every structure takes part.

    Each structure gets a place in a random order from the seed and its name alone, and the sample
    is the first of that order.
    """

    per_absorber: int | None = Field(
        default=None,
        ge=1,
        description="Structures for each absorber; does not change when another one is added.",
    )
    structures: int | None = Field(
        default=None, ge=1, description="Structures in all, among those that hold an absorber."
    )
    seed: int = Field(default=0, description="Seed of the random order.")

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if (self.per_absorber is None) == (self.structures is None):
            raise ValueError("give either per_absorber or structures")
        return self


class SiteSettings(StrictModel):
    """How the inequivalent absorbing sites of a structure are found."""

    symprec: float = Field(default=0.01, gt=0, le=0.5, description="spglib's tolerance, Å.")
    max_per_absorber: int | None = Field(
        default=None, ge=1, description="Most sites per absorber and structure, in site order."
    )


class Evaluation(StrictModel):
    """Cross-validation."""

    n_folds: int = Field(default=5, ge=2, description="Folds; one formula is in one fold.")
    seed: int = Field(default=0, ge=0, lt=2**32, description="Seed of folds and models.")
    chemical_systems: bool = Field(
        default=False,
        description="Also hold out whole chemical systems, e.g. all compounds of Cu and O.",
    )

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits; the first is the one that predictions come from."""
        return ("grouped", "random", *(("chemical_system",) if self.chemical_systems else ()))


def _listed(spectra: Any) -> Any:
    return [spectra] if isinstance(spectra, dict) else spectra


def _symbols(absorbers: Any) -> Any:
    return [absorbers] if isinstance(absorbers, str) else absorbers


def _with_kind(settings: Any) -> Any:
    return {"kind": settings} if isinstance(settings, str) else settings


def _unknown(what: str, name: str, known: list[str]) -> str:
    advice = f": did you mean {nearest!r}?" if (nearest := near(name, known)) else ""
    return f"{what} {name!r} is not in this file, which has {', '.join(known)}{advice}"


class CampaignConfig(StrictModel):
    """One campaign, as written in its YAML file."""

    campaign: CampaignName = Field(description="Name, used as the key in every collection.")
    absorbers: Annotated[list[str], Field(min_length=1), BeforeValidator(_symbols)] = Field(
        description="Element symbols; one may stand alone."
    )
    sources: list[Source] = Field(min_length=1, description="Where structures come from.")
    filters: Filters = Filters()
    sample: Sample | None = None
    sites: SiteSettings = SiteSettings()
    targets: Annotated[list[Target], Field(min_length=1)] = Field(
        default=[CoordinationNumber()],
        description="What is learned of each site; a kind alone may stand for its settings.",
    )
    spectra: Annotated[list[SpectraSettings], Field(min_length=1), BeforeValidator(_listed)] = (
        Field(default=[FeffSettings()], description="Spectra of each site; one may stand alone.")
    )
    features: FeatureSettings = FeatureSettings()
    models: list[Annotated[ModelSettings, BeforeValidator(_with_kind)]] = Field(
        default=[RandomForest()],
        description="Empty for a campaign that ends with its features; a kind alone may stand for "
        "its settings.",
    )
    evaluation: Evaluation = Evaluation()
    study: Study | None = Field(
        default=None, description="Experiments with the models; without it there are none."
    )

    @field_validator("absorbers")
    @classmethod
    def _absorbers(cls, symbols: list[str]) -> list[str]:
        for index, symbol in enumerate(symbols):
            try:
                check_absorber(symbol)
            except ValueError as error:
                raise LocatedError((index,), str(error)) from None
        check_unique(symbols, "an absorber is listed twice")
        return symbols

    @field_validator("models")
    @classmethod
    def _models(cls, models: list[ModelSettings]) -> list[ModelSettings]:
        names = [model.name for model in models]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise LocatedError((index,), f"two models are named {name!r}: give one a `name`")
        return models

    @field_validator("targets", "spectra")
    @classmethod
    def _names_differ(cls, listed: list[Any], info: ValidationInfo) -> list[Any]:
        names = [one.name for one in listed]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise LocatedError(
                    (index,), f"two {info.field_name} are named {name!r}: give one a `name`"
                )
        return listed

    @model_validator(mode="after")
    def _absorbers_pass(self) -> Self:
        for index, symbol in enumerate(self.filters.excluded):
            if symbol in self.absorbers:
                message = f"{symbol} is an absorber: no structure with it passes; leave one out"
                raise LocatedError(("filters", "excluded", index), message)
        return self

    @model_validator(mode="after")
    def _spectra_have_a_source(self) -> Self:
        if sum(way.stored for way in self.spectra) > 1:
            index = [way.stored for way in self.spectra].index(True)
            message = "the sources bring one spectrum of each site: list them once"
            raise LocatedError(("spectra", index), message)
        for number, source in enumerate(self.sources):
            if source.has_spectra != self.stored:
                raise LocatedError(
                    ("sources", number),
                    f"{source.kind} brings spectra of its own: write `spectra: {{kind: stored}}`"
                    if source.has_spectra
                    else f"{source.kind} brings no spectra, which `spectra: {{kind: stored}}` asks "
                    "of every source",
                )
        return self

    @model_validator(mode="after")
    def _features_have_spectra(self) -> Self:
        """Write down which spectrum each feature set is made from."""
        offers = {way.name: self._brings(way) for way in self.spectra}
        sets = []
        for number, fset in enumerate(self.features.sets):
            try:
                sets.append(fset.resolved(offers))
            except LocatedError as error:
                raise LocatedError(("features", "sets", number, *error.at), str(error)) from None
        features = self.features.model_copy(update={"sets": sets})
        object.__setattr__(self, "features", features)  # pydantic wants the same object back
        return self

    def _brings(self, way: SpectraSettings) -> frozenset[Part]:
        if not way.stored:
            return way.brings
        return frozenset.intersection(*(source.brings for source in self.sources))

    @model_validator(mode="after")
    def _models_fit(self) -> Self:
        """Check that models, feature sets and targets go together."""
        sets = [fset.name for fset in self.features.sets]
        tasks = {target.name: target.task for target in self.targets}
        kinds = {target.name: target.kind for target in self.targets}
        for number, model in enumerate(self.models):
            for key, what, known in (
                ("feature_sets", "feature set", sets),
                ("targets", "target", list(tasks)),
            ):
                for index, name in enumerate(getattr(model, key) or []):
                    if name not in known:
                        at = ("models", number, key, index)
                        raise LocatedError(at, _unknown(what, name, known))
            for index, name in enumerate(model.targets or []):
                if tasks[name] not in model.tasks:
                    able = " and ".join(sorted(model.tasks))
                    message = f"{model.kind} learns {able}, and target {name} is {tasks[name]}"
                    raise LocatedError(("models", number, "targets", index), message)
                if model.learns not in (None, kinds[name]):
                    message = f"{model.kind} is for {model.learns}, and {name} is {kinds[name]}"
                    raise LocatedError(("models", number, "targets", index), message)
            if model.learns not in (None, *kinds.values()):
                message = f"{model.kind} is for {model.learns}, and no target here is: add one"
                raise LocatedError(("models", number), message)
        for index, name in enumerate(tasks):
            if self.models and not self.models_for(name):
                message = f"no model here learns target {name}, which is {tasks[name]}: add one"
                raise LocatedError(("targets", index), message)
        return self

    @model_validator(mode="after")
    def _curves_can_be_learned(self) -> Self:
        check_curves(self)
        return self

    @model_validator(mode="after")
    def _models_take_their_sets(self) -> Self:
        """Check that models that need parts, or sets of a kind, are fitted on nothing else."""
        sets = {fset.name: fset for fset in self.features.sets}
        for number, model in enumerate(self.models):
            at: Location = ("models", number)
            if model.auxiliary is not None and model.auxiliary not in sets:
                raise LocatedError(at, _unknown("feature set", model.auxiliary, list(sets)))
            if model.auxiliary is not None and sets[model.auxiliary].kind != AUXILIARY:
                kind = sets[model.auxiliary].kind
                message = f"{model.auxiliary} is of kind {kind}: models predict {AUXILIARY} first"
                raise LocatedError(at, message)
            for index, name in enumerate(model.feature_sets or self._untold_sets(model)):
                where = (*at, "feature_sets", index) if model.feature_sets else at
                check_set(model, sets[name], self.features, at, where)
        return self

    def _untold_sets(self, model: ModelSettings) -> list[str]:
        """Return the feature sets that hold the answer of not every target of a model."""
        targets = [one.name for one in self.targets if model in self.models_for(one.name)]
        return [
            fset.name
            for fset in self.features.sets
            if not targets or not all(holds_answer(self, fset.name, one) for one in targets)
        ]

    @model_validator(mode="after")
    def _study_fits(self) -> Self:
        if self.study is None:
            return self
        sets = {fset.name: fset for fset in self.features.sets}
        name = self.studied_set
        if name not in sets:
            at: Location = ("study", "feature_set")
            raise LocatedError(at, _unknown("feature set", name, list(sets)))
        targets = {target.name: target for target in self.targets}
        target = self.studied_target
        if target not in targets:
            raise LocatedError(("study", "target"), _unknown("target", target, list(targets)))
        if self.study.claims is not None:
            about, found = CLAIMS_ABOUT[self.study.claims], targets[target].kind
            if found not in about:
                known = " and ".join(about)
                message = f"{self.study.claims} is about {known}, not {found}: leave it out"
                raise LocatedError(("study", "claims"), message)
        models = [model.name for model in self.studied_models]
        if not models:
            message = (
                f"no model of {target} is fitted on feature set {name} alone, for each absorber by "
                "itself"
            )
            raise LocatedError(("study",), message)
        for key in ("importance", "curves"):
            for index, model in enumerate(getattr(self.study, key) or []):
                if model not in models:
                    at = ("study", key, index)
                    raise LocatedError(at, _unknown(f"model on {name}", model, models))
        if self.study.few_shot and (self.few_shot_model is None or len(self.absorbers) < 2):
            at = ("study", "few_shot")
            what = f"a model `per: campaign` on {name} alone, and two absorbers or more"
            raise LocatedError(at, f"few_shot takes {what}")
        kinds = {model.name: model.kind for model in self.studied_models}
        for model in (self.study.curves or models[:1]) if self.study.robustness else ():
            if kinds[model] != "measured_network":
                message = f"robustness takes models of kind measured_network, and {model} is none"
                raise LocatedError(("study", "robustness"), message)
        axis, label = sets[name].axis(self.features)
        for key, limit in LIMITS.items():
            of = limit.quantity
            for index, value in enumerate(getattr(self.study, key)):
                at = ("study", key, index)
                if quantity(label) is not of:
                    message = f"{key} needs a feature set in {of.name}, which {name} is not"
                    raise LocatedError(at, message)
                if not limit.inside(axis, value).any():
                    message = f"{key} {value:g} {of.unit} leaves nothing of feature set {name}"
                    raise LocatedError(at, message)
        return self

    @property
    def studied_set(self) -> str:
        """Name of the feature set that the study looks into."""
        wanted = self.study.feature_set if self.study else None
        return wanted or self.features.sets[0].name

    @property
    def studied_target(self) -> str:
        """Name of the target that the study looks into."""
        wanted = self.study.target if self.study else None
        return wanted or self.targets[0].name

    @property
    def studied_models(self) -> list[ModelSettings]:
        """Models that the study may look into: of one absorber each, on one feature set."""
        return [model for model in self._learners if model.per == "absorber"]

    @property
    def few_shot_model(self) -> ModelSettings | None:
        """Model of all absorbers that is asked about a new one: the first on the studied set."""
        return next((model for model in self._learners if model.per == "campaign"), None)

    @property
    def _learners(self) -> list[ModelSettings]:
        """Models that learn what is studied, on one feature set and from the sites alone."""
        models = self.models_on(self.studied_set, self.studied_target)
        return [one for one in models if one.auxiliary is None and not one.comes_trained]

    def models_for(self, target: str) -> list[ModelSettings]:
        """Return the models that are fitted for a target, in the order of the file."""
        (of,) = (one for one in self.targets if one.name == target)
        return [
            model
            for model in self.models
            if of.task in model.tasks
            and model.learns in (None, of.kind)
            and target in (model.targets or [target])
        ]

    def models_on(self, feature_set: str, target: str) -> list[ModelSettings]:
        """Return the models that are fitted on a feature set for a target.

        On one that holds what a curve is, none is.
        """
        if self.models and holds_answer(self, feature_set, target):
            return []
        return [
            model
            for model in self.models_for(target)
            if feature_set in (model.feature_sets or [feature_set])
        ]

    @property
    def joint(self) -> bool:
        """Whether a model is fitted on all absorbers together."""
        return any(model.per == "campaign" for model in self.models)

    def joint_on(self, feature_set: str, target: str) -> bool:
        """Whether one is on this feature set, for this target: then absorbers share folds."""
        return any(model.per == "campaign" for model in self.models_on(feature_set, target))

    @property
    def stored(self) -> bool:
        """Whether sources bring spectra: then cells, and sites, are those of the spectra."""
        return any(way.stored for way in self.spectra)

    @property
    def measured(self) -> bool:
        """Whether a source brings measured spectra."""
        return any(isinstance(source, MeasuredSource) for source in self.sources)

    @field_validator("sources")
    @classmethod
    def _sources(cls, sources: list[Source]) -> list[Source]:
        check_unique(sources, "a source is listed twice")
        return sources
