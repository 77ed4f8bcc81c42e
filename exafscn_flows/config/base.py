"""The strict base of everything that can be written in a campaign file."""

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator


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
