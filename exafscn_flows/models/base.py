"""What every model offers."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, StringConstraints, ValidationError, model_validator

from exafscn_flows.errors import CampaignError, problem_text
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.models.curves import fit_components
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.strict import LocatedError, Location, NamedModel
from exafscn_flows.targets.base import Class, TaskName
from exafscn_flows.tasks.fitted import Fitted

ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_+]+$", max_length=40)]

Values = Annotated[list[Any], Field(min_length=1)]
"""Values of one parameter that a search tries; each must be such as the parameter takes."""

NAMES = frozenset({"kind", "name", "per", "targets", "feature_sets", "search"})
"""Keys that are no parameters of the model itself."""


EVERY_TASK: frozenset[TaskName] = frozenset({"classes", "numbers", "curves"})
"""Kinds of targets of a model that can learn several numbers at once, too."""

Node = tuple[str, str, str]
"""Loader, module and class by which a file in the skops format names a part of a model."""


class ModelBase(NamedModel):
    """Base of models: the fields are what can be written in a campaign file."""

    libraries: ClassVar[tuple[str, ...]]
    """Distributions whose versions can change the fitted model."""
    version: ClassVar[int] = 1
    """Grows whenever the code gives another model than before."""

    tasks: ClassVar[frozenset[TaskName]] = frozenset({"classes", "numbers"})
    """Kinds of targets that it can learn."""
    takes_parts: ClassVar[bool] = False
    """Whether it takes the parts of a concatenation, and nothing else."""

    takes: ClassVar[str | None] = None
    """Kind of the only feature sets that it can be fitted on, or of the first part of
    concatenations; None: any."""
    advice: ClassVar[str] = "list the sets that it is for in feature_sets"
    """What to do where a set is of another kind."""

    comes_trained: ClassVar[bool] = False
    """Whether it has learned before the campaign; a study of how it learns shows nothing then."""
    learns: ClassVar[str | None] = None
    """Kind of the only targets that it can be fitted for; None: any of its tasks."""

    @property
    def part_names(self) -> tuple[str, ...]:
        """Names of parts that every set it is fitted on must have."""
        return ()

    def taken(self, parts: Sequence[str]) -> Iterator[tuple[str | None, "ModelBase"]]:
        """Yield what a feature set, or parts of it, must be fit for.

        Parameters
        ----------
        parts
            Names of the parts of a concatenation; empty for another set.

        Yields
        ------
        tuple
            Name of a part, None for the whole set, and the model that `takes` it alone.
        """
        if self.takes is not None:
            yield None, self

    def check_features(self, fset: Any, settings: LarchSettings) -> None:
        """Check the settings of a feature set of the kind that it `takes`.

        Raises
        ------
        ValueError
            If it cannot be fitted on this one.
        """

    def check_curve(self, fset: Any, settings: LarchSettings) -> None:
        """Check the settings of a feature set whose curve it would learn.

        Raises
        ------
        ValueError
            If it cannot learn this one.
        """

    def classes_with(self, labels: Sequence[Class]) -> list[Class]:
        """Return the classes that it may name where these are the labels, ascending."""
        return list(labels)

    @property
    def seconds_per_site(self) -> float:
        """Processor seconds of a fit for each site that it learns from: a first guess."""
        return 0.01

    @property
    def seconds_to_start(self) -> float:
        """Processor seconds of a fit on top of that, however few the sites are: a first guess."""
        return 0.0

    @property
    def auxiliary(self) -> str | None:
        """Name of a feature set that it learns to predict, too; None: none."""
        return None

    kind: str
    name: ModelName
    per: Literal["absorber", "campaign"] = Field(
        default="absorber",
        description="Fitted for each absorber by itself, or once for the campaign, with the "
        "absorber among the inputs; then no formula is on both sides of a fold at any absorber.",
    )
    targets: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None, description="Names of the targets it is fitted for; None: all it can learn."
    )
    feature_sets: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None,
        description="Names of the feature sets it is fitted on; None: all but the answer.",
    )
    search: dict[str, Values] | None = Field(
        default=None,
        min_length=1,
        description="Values to choose from, by key; chosen within each training set.",
    )

    @model_validator(mode="after")
    def _search_is_valid(self) -> Self:
        if self.search is None:
            return self
        for key, values in self.search.items():
            if key in NAMES or key not in type(self).model_fields:
                raise LocatedError(("search", key), f"{key} is not a parameter of {self.kind}")
            for index, value in enumerate(values):
                try:
                    self._with({key: value})
                except ValidationError as error:
                    text = " or ".join(dict.fromkeys(map(problem_text, error.errors())))
                    raise LocatedError(("search", key, index), f"{text}, not {value!r}") from None
        return self

    def _with(self, values: dict[str, Any]) -> Self:
        return type(self).model_validate(self.model_dump(exclude={"search"}) | values)

    def candidates(self) -> list[Self]:
        """Return this model with each combination of the values of `search`.

        Their order is that of the values, the last key in the alphabet changing fastest: the order
        of the keys in a file means nothing.
        """
        search = dict(sorted((self.search or {}).items()))
        choices = product(*search.values())
        return [self._with(dict(zip(search, choice, strict=True))) for choice in choices]

    def parameters(self) -> dict[str, Any]:
        """Return everything that determines the fitted model, JSON-serialisable.

        This includes a number that grows whenever the code gives another model than before.
        """
        # What is searched for has no value of its own.
        left_out = set(NAMES - {"kind", "search"}) | set(self.search or ["search"])
        return {"version": self.version, **self.model_dump(exclude=left_out)}

    def chosen(self, data: TrainingSet, seed: int) -> Self:
        """Return the candidate of `search` that these rows favour; itself without a search.

        Arguments are those of `fit`.
        """
        if self.search is None:
            return self
        from exafscn_flows.models.search import best_candidate

        candidates = self.candidates()
        return candidates[best_candidate(candidates, data, seed)]

    def fit(self, data: TrainingSet, seed: int) -> Fitted:
        """Fit the model on one thread, so that processes can work side by side.

        Parameters
        ----------
        data
            What it learns from; its task is one of `tasks`. Of curves, `_fit` learns components, as
            of `Components`, float64, shape (n, n_components).
        seed
            Seed of everything random in the fit.

        Returns
        -------
        Classifier, Regressor or FittedCurves
            The same to the last bit for the same arguments, in every process.

        Raises
        ------
        ItemFailure
            If there is too little to fit this model on.
        """
        from threadpoolctl import threadpool_limits

        chosen = self.chosen(data, seed)
        with threadpool_limits(1):
            if data.task == "curves":
                return fit_components(chosen._fit, data, seed)
            return chosen._fit(data, seed)

    @abstractmethod
    def _fit(self, data: TrainingSet, seed: int) -> Fitted:
        """Fit as `fit` says, on the threads that there are."""

    @classmethod
    @abstractmethod
    def dump(cls, fitted: Fitted) -> bytes:
        """Return what `fit` returned as the bytes of a file, the same in every process.

        Raises
        ------
        TypeError
            If it holds what `load` would refuse.
        """

    @classmethod
    @abstractmethod
    def load(cls, data: bytes) -> Fitted:
        """Return what `dump` made ``data`` from; no code of the file is run.

        Raises
        ------
        CampaignError
            If the file holds what no model of this kind needs, or a model that is not safe to use.
        Exception
            A file made by hand can break the libraries that read it in any way.
        """


def check_member(member: ModelBase, at: Location, of: str) -> None:
    """Refuse a member with keys that its model has for all members.

    Parameters
    ----------
    member
        The member.
    at
        Where it stands in the model.
    of
        What the model is, in a sentence.

    Raises
    ------
    LocatedError
        If it has one.
    """
    for key in sorted(NAMES - {"kind", "name"}):
        if getattr(member, key) != type(member).model_fields[key].default:
            message = f"a member has no {key} of its own: give it to {of}, or not"
            raise LocatedError((*at, key), message)


class SklearnModel(ModelBase):
    """Base of scikit-learn's models."""

    libraries = ("scikit-learn", "skops")

    nodes: ClassVar[frozenset[Node]]
    """Types that fitted models of this kind are made of, beside those of all kinds."""

    @abstractmethod
    def build(self, seed: int, task: TaskName) -> Any:
        """Return the unfitted classifier or regressor.

        Parameters
        ----------
        seed
            Seed of everything random in the fit.
        task
            Whether it will learn classes, numbers, or curves by several numbers.
        """

    def _fit(self, data: TrainingSet, seed: int) -> Fitted:
        weights = self.weights(data)
        # Not all that scikit-learn has takes weights.
        weighted = {} if weights is None else {"sample_weight": weights}
        fitted: Fitted = self.build(seed, data.task).fit(data.X, data.y, **weighted)
        return fitted

    def weights(self, data: TrainingSet) -> np.ndarray | None:
        """Return how much each row counts, shape (n,); None if all count the same."""
        return None

    @classmethod
    @abstractmethod
    def is_sound(cls, fitted: Any) -> bool:
        """Tell whether a loaded object is a model of this kind that is safe to use.

        Raises
        ------
        Exception
            An object made by hand can lack anything.
        """

    @classmethod
    def dump(cls, fitted: Fitted) -> bytes:
        from exafscn_flows.models.skops_file import dump_sklearn

        return dump_sklearn(fitted, cls.nodes)

    @classmethod
    def load(cls, data: bytes) -> Fitted:
        from exafscn_flows.models.skops_file import load_sklearn

        fitted: Fitted = load_sklearn(data, cls.nodes)
        if not cls.is_sound(fitted):
            raise CampaignError("a stored model is not a sound model: refused; fit it again")
        return fitted
