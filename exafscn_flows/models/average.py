"""Several models as one: the mean of what they say."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from exafscn_flows.features.columns import Columns
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.models.base import ModelBase, ModelName, check_member
from exafscn_flows.models.registry import MEMBERS, Member
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.registry import kind_of
from exafscn_flows.strict import LocatedError
from exafscn_flows.targets.base import Class, TaskName
from exafscn_flows.tasks.fitted import Fitted

_LONGEST_NAME = 40


class Average(ModelBase):
    """The mean of the probabilities, numbers or curves of models fitted on the same sites.

    Every member is fitted with the seed that is given, as if it stood alone, on all features or on
    one part of a concatenation.
    """

    kind: Literal["average"] = "average"
    name: ModelName = "average"
    members: list[Member] = Field(min_length=2, description="Models, written as in models.")
    parts: list[str | None] | None = Field(
        default=None,
        description="Of a concatenation, the name of the part that each member takes; null: all.",
    )

    @model_validator(mode="after")
    def _members_are_plain(self) -> Self:
        if self.search is not None:
            raise LocatedError(("search",), "an average has no parameters to search")
        for index, member in enumerate(self.members):
            check_member(member, ("members", index), "the average")
        if self.parts is not None and len(self.parts) != len(self.members):
            message = f"parts names {len(self.parts)}, and there are {len(self.members)} members"
            raise LocatedError(("parts",), message)
        if len(self._auxiliaries()) > 1:
            listed = " and ".join(self._auxiliaries())
            message = f"the members of an average predict {listed} first: take one of them"
            raise LocatedError(("members",), message)
        if not self.tasks:
            raise LocatedError(("members",), "no kind of target can be learned by all members")
        return self

    @classmethod
    def _default_name(cls, values: dict[str, Any]) -> str:
        members = values.get("members")
        names = [_name(member) for member in members] if isinstance(members, list) else []
        joined = "+".join(name for name in names if name)
        return joined if 0 < len(joined) <= _LONGEST_NAME else super()._default_name(values)

    @property
    def tasks(self) -> frozenset[TaskName]:  # type: ignore[override]
        return frozenset.intersection(*(member.tasks for member in self.members))

    @property
    def libraries(self) -> tuple[str, ...]:  # type: ignore[override]
        every = (library for member in self.members for library in member.libraries)
        return tuple(dict.fromkeys(every))

    def parameters(self) -> dict[str, Any]:
        members = [member.parameters() for member in self.members]
        return {"version": self.version, "kind": self.kind, "members": members, "parts": self.parts}

    @property
    def auxiliary(self) -> str | None:
        return next(iter(self._auxiliaries()), None)

    def _auxiliaries(self) -> list[str]:
        named = (one.auxiliary for one in self.members if one.auxiliary is not None)
        return list(dict.fromkeys(named))

    @property
    def part_names(self) -> tuple[str, ...]:
        return tuple(name for name in self.parts or () if name is not None)

    def taken(self, parts: Sequence[str]) -> Iterator[tuple[str | None, ModelBase]]:
        for member, name in self._pairs():
            if member.takes is not None:
                yield name, member

    @property
    def comes_trained(self) -> bool:  # type: ignore[override]
        return any(member.comes_trained for member in self.members)

    @property
    def learns(self) -> str | None:  # type: ignore[override]
        return next((one.learns for one in self.members if one.learns is not None), None)

    def check_curve(self, fset: Any, settings: LarchSettings) -> None:
        for member in self.members:
            member.check_curve(fset, settings)

    def classes_with(self, labels: Sequence[Class]) -> list[Class]:
        found = list(labels)
        for member in self.members:
            found = member.classes_with(found)
        return found

    def _pairs(self) -> Iterator[tuple[ModelBase, str | None]]:
        """Yield the members, each with the name of its part."""
        return zip(self.members, self.parts or [None] * len(self.members), strict=True)

    def _fit(self, data: TrainingSet, seed: int) -> Fitted:
        from exafscn_flows.models.average_fitted import averaged
        from exafscn_flows.models.part_fitted import Span, of_part

        fitted = []  # as `fit` does: members have no search, and curves are components here
        for member, name in self._pairs():
            if name is None:
                fitted.append(member._fit(data, seed))
                continue
            start, stop = data.columns.span(name)
            span = Span(start, stop, len(data.columns.axis), data.X.shape[1])
            axis = data.columns.parts[data.columns.names.index(name)]
            part = replace(data, X=span.take(data.X), columns=Columns(axis))
            fitted.append(of_part(span, member._fit(part, seed)))
        return averaged([member.kind for member in self.members], fitted, data.task)

    @classmethod
    def dump(cls, fitted: Fitted) -> bytes:
        from exafscn_flows.models.average_file import dump_average

        return dump_average(fitted)

    @classmethod
    def load(cls, data: bytes) -> Fitted:
        from exafscn_flows.models.average_file import load_average

        return load_average(data)


def _name(member: Any) -> str:
    """Return the name of a member that is not validated yet; empty if it cannot be told."""
    if isinstance(member, ModelBase):
        return member.name
    if not isinstance(member, dict):
        return ""
    for one in MEMBERS:
        if member.get("kind") == kind_of(one):
            return str(member.get("name", one.model_fields["name"].default))
    return ""
