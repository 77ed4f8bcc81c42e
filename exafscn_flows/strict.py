"""The strict base of everything that can be written in a campaign file, and its common types."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationInfo,
    field_validator,
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


def check_unique(values: Sequence[Any], message: str, at: Location = ()) -> None:
    """Raise LocatedError, at the second of them, if two values of a list are equal."""
    for index, value in enumerate(values):
        if value in values[:index]:
            raise LocatedError((*at, index), message)


def from_folder(path: str, info: ValidationInfo) -> str:
    """Return a path of a campaign file as it is seen from anywhere.

    Raises
    ------
    ValueError
        If it cannot be one.
    """
    if "\0" in path:
        raise ValueError(f"{path!r} is no path")
    folder = (info.context or {}).get("folder")
    if folder is None:
        return path
    try:
        return str(folder / Path(path).expanduser())
    except RuntimeError:
        raise ValueError(f"{path!r} begins in the home folder of a user who is not known") from None


TreePath = Annotated[str, StringConstraints(min_length=1), AfterValidator(from_folder)]
"""A path; where it is relative, it starts at the folder of the campaign file."""


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
