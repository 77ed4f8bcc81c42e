"""What addresses ask for, of the page and of the REST interface: plain values under known names."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)
from werkzeug.datastructures import MultiDict

from exafscn_flows.errors import UsageError, problem_text
from exafscn_flows.store.conditions import MOST_CLASSES, MOST_CN, PredictionQuery
from exafscn_flows.store.pages import Order
from exafscn_flows.store.values import LARGEST_VALUE

MOST_ROWS = 1000
"""Rows of a page; files have all of them."""

ROWS = 50
"""Rows of a page if nobody says so."""

LISTS = ("contains", "excludes", "neighbours")
"""Parameters that are repeated, or have commas."""

_SYMBOLS = "^[A-Za-z]{1,3}(,[A-Za-z]{1,3})*$"


def _written(pattern: str, kind: str) -> BeforeValidator:
    """Refuse texts that are not written like a kind of value: pydantic reads more than that."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and not re.fullmatch(pattern, value, re.ASCII):
            raise ValueError(f"should be {kind}")
        return value

    return BeforeValidator(check)


def _symbols(many: list[str]) -> list[str]:
    if not all(re.search(_SYMBOLS, one) for one in many):
        raise ValueError("should be element symbols, such as O,Li")
    return [symbol for one in many for symbol in one.split(",")]


_Text = Annotated[str, Field(min_length=1, max_length=200)]
_Truth = Annotated[bool, _written("true|false", "true or false")]
Whole = Annotated[int, _written(r"-?\d+", "a whole number")]
_Number = Annotated[float, _written(r"-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", "a number")]
_Value = Annotated[_Number, Field(ge=-LARGEST_VALUE, le=LARGEST_VALUE)]
_Elements = Annotated[
    list[str],
    Field(max_length=20),
    BeforeValidator(_symbols),
    WithJsonSchema(
        {"type": "array", "items": {"type": "string", "pattern": _SYMBOLS}, "maxItems": 20}
    ),
]

NOT_CONDITIONS = ("sort", "after", "limit", "format")


class Parameters(BaseModel):
    """What a query may say: nothing but this, and each as its JSON schema has it."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @classmethod
    def of(cls, given: "MultiDict[str, str]") -> Self:
        """Read a query.

        Raises
        ------
        UsageError
            With one line, if a name is unknown, given twice, or a value is none of its kind. No
            operator of MongoDB has such a name or such a value.
        """
        values: dict[str, Any] = {}
        for name, many in given.lists():
            if len(many) > 1 and name not in LISTS:
                raise UsageError(f"{_shown(name)}: given {len(many)} times: give it once")
            values[name] = many if name in LISTS else many[0]
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise UsageError(_line(error.errors(include_url=False))) from None


class PredictionParameters(Parameters):
    """Conditions on predictions, their order, and where a page begins."""

    target: _Text | None = Field(default=None, description="What is predicted.")
    absorber: _Text | None = Field(default=None, description="Element symbol.")
    value: _Text | None = Field(default=None, description="Predicted class or number.")
    label: _Text | None = Field(default=None, description="Label of the site.")
    min_value: _Value | None = Field(default=None, description="Least predicted value.")
    max_value: _Value | None = Field(default=None, description="Largest predicted value.")
    cn: Whole | None = Field(
        default=None, ge=0, le=MOST_CN, description="Predicted coordination number."
    )
    min_probability: _Number | None = Field(
        default=None, ge=0, le=1, description="Least probability of the prediction."
    )
    max_expected_error: _Number | None = Field(
        default=None, ge=0, le=LARGEST_VALUE, description="Largest expected error."
    )
    min_expected_value: _Value | None = Field(default=None, description="Least mean of classes.")
    max_expected_value: _Value | None = Field(default=None, description="Largest such mean.")
    max_set_size: Whole | None = Field(
        default=None, ge=1, le=MOST_CLASSES, description="Most classes in the prediction set."
    )
    in_distribution: _Truth | None = Field(
        default=None, description="Whether the spectrum is such as the model has learned."
    )
    contains: _Elements = Field(default=[], description="Elements that must be present.")
    excludes: _Elements = Field(default=[], description="Elements that must be absent.")
    neighbours: _Elements = Field(default=[], description="Elements among the neighbours.")
    oxide: _Truth | None = Field(default=None, description="Whether O is in the structure.")
    formula: _Text | None = Field(default=None, description="Formula, in any spelling.")
    seen: _Truth | None = Field(
        default=None, description="Whether a model that comes trained had learned the formula."
    )
    disagrees: _Truth | None = Field(
        default=None, description="Whether prediction and label differ."
    )
    measured: _Truth | None = Field(default=None, description="Whether the spectrum was measured.")
    feature_set: _Text | None = Field(default=None, description="Name of the feature set.")
    model: _Text | None = Field(default=None, description="Name of the model.")
    version: _Text | None = Field(default=None, description="Version of the model.")
    sort: Order | None = Field(default=None, description="What comes first.")
    after: Annotated[str, Field(min_length=1, max_length=2000)] | None = Field(
        default=None, description="Token of the page before."
    )
    limit: Whole = Field(default=ROWS, ge=1, le=MOST_ROWS, description="Most rows of a page.")

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


def _line(problems: Iterable[Any]) -> str:
    problem = next(iter(problems))
    name = _shown(str(problem["loc"][0])) if problem["loc"] else ""
    if problem["type"] == "extra_forbidden":
        return f"{name}: there is no such parameter"
    return f"{name}: {problem_text(problem)}, not {_shown(str(problem['input']))!r}"


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:60]}..."
