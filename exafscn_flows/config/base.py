"""The strict base of everything that can be written in a campaign file."""

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


def _from_folder_of_campaign(path: str, info: ValidationInfo) -> str:
    folder = (info.context or {}).get("folder")
    return path if folder is None else str(folder / Path(path).expanduser())


TreePath = Annotated[str, StringConstraints(min_length=1), AfterValidator(_from_folder_of_campaign)]
"""A path; where it is relative, it starts at the folder of the campaign file."""


class StrictModel(BaseModel):
    """A frozen pydantic model that refuses unknown keys and silent type changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @field_validator("*")
    @classmethod
    def _fits_64_bits(cls, value: Any) -> Any:
        # MongoDB, where settings are kept, has no larger integers.
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ValueError("a number of this size makes no sense here")
        return value
