"""What a set of published claims consists of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class ClaimSet:
    """Claims of one publication, and what it takes to judge them.

    Attributes
    ----------
    citation
        Where they were made, in one sentence.
    judge
        Judges every claim by the numbers of a target in the report's JSON: a list of ``claim``,
        ``rule``, ``figures`` (what, value, unit) and ``holds``, None without data.
    published
        Sets the models of a feature set, as in the report's JSON, beside published figures; None
        if there are none to compare.
    """

    citation: str
    judge: Callable[[Numbers], list[dict[str, Any]]]
    published: Callable[[Sequence[Numbers], str], dict[str, Any] | None]
