"""What addresses ask for, of the page and of the REST interface: plain values under known names."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.datastructures import MultiDict

from exafscn_flows.errors import UsageError, problem_text
from exafscn_flows.store.conditions import MOST_CLASSES, MOST_CN, PredictionQuery
from exafscn_flows.store.pages import Order
from exafscn_flows.store.values import LARGEST_VALUE

MOST_ROWS = 1000
"""Rows of a page; files have all of them."""

ROWS = 50
"""Rows of a page if nobody says so."""

_Name = Annotated[str, Field(max_length=200)]
_Value = Annotated[float, Field(ge=-LARGEST_VALUE, le=LARGEST_VALUE)]
_Elements = Annotated[list[Annotated[str, Field(max_length=3)]], Field(max_length=20)]

M = TypeVar("M", bound=BaseModel)

NOT_CONDITIONS = ("sort", "after", "limit")


class PredictionParameters(BaseModel):
    """Conditions on predictions, their order, and where a page begins."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    target: _Name | None = Field(default=None, description="What is predicted.")
    absorber: _Name | None = Field(default=None, description="Element symbol.")
    value: _Name | None = Field(default=None, description="Predicted class or number.")
    label: _Name | None = Field(default=None, description="Label of the site.")
    min_value: _Value | None = Field(default=None, description="Least predicted value.")
    max_value: _Value | None = Field(default=None, description="Largest predicted value.")
    cn: int | None = Field(
        default=None, ge=0, le=MOST_CN, description="Predicted coordination number."
    )
    min_probability: float | None = Field(
        default=None, ge=0, le=1, description="Least probability of the prediction."
    )
    max_expected_error: float | None = Field(
        default=None, ge=0, le=LARGEST_VALUE, description="Largest expected error."
    )
    min_expected_value: _Value | None = Field(default=None, description="Least mean of classes.")
    max_expected_value: _Value | None = Field(default=None, description="Largest such mean.")
    max_set_size: int | None = Field(
        default=None, ge=1, le=MOST_CLASSES, description="Most classes in the prediction set."
    )
    in_distribution: bool | None = Field(
        default=None, description="Whether the spectrum is such as the model has learned."
    )
    contains: _Elements = Field(default=[], description="Elements that must be present.")
    excludes: _Elements = Field(default=[], description="Elements that must be absent.")
    neighbours: _Elements = Field(default=[], description="Elements among the neighbours.")
    oxide: bool | None = Field(default=None, description="Whether O is in the structure.")
    formula: _Name | None = Field(default=None, description="Formula, in any spelling.")
    seen: bool | None = Field(
        default=None, description="Whether a model that comes trained had learned the formula."
    )
    disagrees: bool | None = Field(default=None, description="Whether prediction and label differ.")
    measured: bool | None = Field(default=None, description="Whether the spectrum was measured.")
    feature_set: _Name | None = Field(default=None, description="Name of the feature set.")
    model: _Name | None = Field(default=None, description="Name of the model.")
    version: _Name | None = Field(default=None, description="Version of the model.")
    sort: Order | None = Field(default=None, description="What comes first.")
    after: Annotated[str, Field(max_length=2000)] | None = Field(
        default=None, description="Token of the page before."
    )
    limit: int = Field(default=ROWS, ge=1, le=MOST_ROWS, description="Most rows of a page.")

    @classmethod
    def of(cls, given: "MultiDict[str, str]") -> Self:
        """Read the query of an address; lists are repeated, or have commas.

        Raises
        ------
        UsageError
            With one line, if a name is unknown or a value is none of its kind. No operator of
            MongoDB has such a name or such a value.
        """
        values: dict[str, Any] = {}
        for name, many in given.lists():
            filled = [one.strip() for one in many if one.strip()]
            if not filled and name in cls.model_fields:
                continue
            if name in ("contains", "excludes", "neighbours"):
                values[name] = [part.strip() for one in filled for part in one.split(",") if part]
            elif len(filled) > 1:
                raise UsageError(f"{_shown(name)}: given {len(filled)} times: give it once")
            else:
                values[name] = filled[0] if filled else ""
        return checked(cls, values)

    def conditions(self) -> dict[str, Any]:
        """Return what is asked of predictions, by the names of `PredictionQuery`."""
        given = self.model_dump(exclude_defaults=True, exclude=set(NOT_CONDITIONS))
        return {name: tuple(one) if isinstance(one, list) else one for name, one in given.items()}

    def query(self, campaign: str) -> PredictionQuery:
        """Return the query.

        Raises
        ------
        UsageError
            If values contradict each other.
        """
        return PredictionQuery(campaign=campaign, **self.conditions())


def checked(model: type[M], values: Mapping[str, Any]) -> M:
    """Return the model of some values.

    Raises
    ------
    UsageError
        With one line, if one of them makes no sense.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UsageError(_line(error.errors(include_url=False))) from None


def _line(problems: Iterable[Any]) -> str:
    problem = next(iter(problems))
    name = _shown(str(problem["loc"][0])) if problem["loc"] else ""
    if problem["type"] == "extra_forbidden":
        return f"{name}: there is no such parameter"
    return f"{name}: {problem_text(problem)}, not {_shown(str(problem['input']))!r}"


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:60]}..."
