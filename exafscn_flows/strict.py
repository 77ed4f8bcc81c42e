"""The strict base of everything that can be written in a campaign file, and its common types."""

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationInfo,
    WrapValidator,
    field_validator,
    model_validator,
)

from exafscn_flows.elements import check_element

Symbol = Annotated[str, AfterValidator(check_element)]
"""Symbol of an element."""


Location = tuple[int | str, ...]
"""Keys, and numbers of items in lists, that lead to a value of a campaign file."""


class LocatedError(ValueError):
    """What is wrong further inside of what a validator looks at.

    Parameters
    ----------
    at
        Where, beginning at what the validator looks at.
    message
        One line that says what.
    """

    def __init__(self, at: Location, message: str) -> None:
        super().__init__(message)
        self.at = at


def near(name: str, known: Iterable[str]) -> str | None:
    """Return what somebody may have meant who wrote a name that is not known; None: nobody knows.

    What begins in the same way, or has the name in it, is near, too.
    """
    listed = list(known)
    low = name.lower()
    for cutoff in (0.75, 0.5):
        if found := get_close_matches(low, listed, n=1, cutoff=cutoff):
            return found[0]
        inside = [one for one in listed if len(low) > 2 and low in one]
        if len(inside) == 1:
            return inside[0]
    return None


def check_unique(values: Sequence[Any], message: str, at: Location = ()) -> None:
    """Raise LocatedError, at the second of them, if two values of a list are equal."""
    for index, value in enumerate(values):
        if value in values[:index]:
            raise LocatedError((*at, index), f"{message}: leave one out")


class TextFrom(str):
    """Text of which a relative path starts at a folder of its own, not at that of the file."""

    folder: Path

    def __new__(cls, text: str, folder: Path) -> Self:
        """Keep the folder beside the text."""
        self = super().__new__(cls, text)
        self.folder = folder
        return self

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        # Where it is copied, or sent to another process, it is text like any other.
        return str, (str(self),)


def from_folder(path: str, text: Any, info: ValidationInfo) -> str:
    """Return a path of a campaign file as it is seen from anywhere.

    Parameters
    ----------
    path
        The path.
    text
        What was given, which the path is, or is a part of.
    info
        Its context has the folder of the file.

    Raises
    ------
    ValueError
        If it cannot be one.
    """
    if "\0" in path:
        raise ValueError(f"{path!r} is no path")
    folder = text.folder if isinstance(text, TextFrom) else (info.context or {}).get("folder")
    if folder is None:
        return path
    try:
        return str(folder / Path(path).expanduser())
    except RuntimeError:
        raise ValueError(f"{path!r} begins in the home folder of a user who is not known") from None


def _tree_path(text: Any, check: Callable[[Any], str], info: ValidationInfo) -> str:
    return from_folder(check(text), text, info)


TreePath = Annotated[str, StringConstraints(min_length=1), WrapValidator(_tree_path)]
"""A path; where it is relative, it starts at the folder of the campaign file, or where the command
line gives it, at the current one."""


class StrictModel(BaseModel):
    """A frozen pydantic model that refuses unknown keys and silent type changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _fits_64_bits(cls, value: Any) -> Any:
        # MongoDB, where settings are kept, has no larger integers.
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ValueError("a number of this size makes no sense here")
        return value


class NamedModel(StrictModel):
    """Base of what a campaign file lists several of, each by a kind and a name of its own."""

    kind: str
    name: str

    @model_validator(mode="before")
    @classmethod
    def _name(cls, values: Any) -> Any:
        if isinstance(values, dict) and "name" not in values:
            return {**values, "name": cls._default_name(values)}
        return values

    @classmethod
    def _default_name(cls, values: dict[str, Any]) -> str:
        """Return the name of one from what is written about it, not yet validated."""
        return str(cls.model_fields["name"].default)
