"""What all documents have in common: fields, keys, vectors, the way to MongoDB and back."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from bson.binary import Binary, BinaryVectorDtype
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer


def now() -> datetime:
    """Return the current time, UTC, with the millisecond resolution of MongoDB."""
    time = datetime.now(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def vector_of(value: Binary) -> np.ndarray:
    """Return a stored vector, float32, shape (n,)."""
    return np.asarray(value.as_vector().data, dtype=np.float32)


def _to_array(value: Any) -> Any:
    if isinstance(value, Binary):
        return vector_of(value)
    if isinstance(value, list | np.ndarray):
        return np.asarray(value, dtype=np.float32)
    return value


def vector_to_bson(value: np.ndarray) -> Binary:
    """Return a vector as it is stored, 4 bytes a value."""
    return Binary.from_vector(value.astype(float).tolist(), BinaryVectorDtype.FLOAT32)


Vector = Annotated[np.ndarray, BeforeValidator(_to_array), PlainSerializer(vector_to_bson)]
"""One-dimensional float32 array, stored as a BSON vector (4 bytes a value)."""


def keys_of(start: str) -> dict[str, str]:
    """Return the condition that a key begins with a text and a slash."""
    return {"$gte": f"{start}/", "$lt": f"{start}0"}  # "0" is what comes after "/"


class Document(BaseModel):
    """Base of all documents.

    ``to_mongo`` and ``from_mongo`` are the only ways between MongoDB and these classes.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    collection: ClassVar[str]

    campaign: str = Field(description="Name of the campaign.")
    hash: str = Field(description="Hash of the parameters and inputs that made this document.")
    created_at: datetime = Field(default_factory=now, description="Time of writing, UTC.")

    @property
    def key(self) -> str:
        """What is unique within the campaign and the collection."""
        raise NotImplementedError

    def to_mongo(self) -> dict[str, Any]:
        """Return the document as it is stored, with its ``_id``."""
        return {"_id": f"{self.campaign}/{self.key}", **self.model_dump()}

    @classmethod
    def from_mongo(cls, raw: dict[str, Any]) -> Self:
        """Validate a stored document."""
        derived = {"_id", *cls.model_computed_fields}
        return cls.model_validate({name: raw[name] for name in raw if name not in derived})


class SiteStageDoc(Document):
    """Base of documents that hold one stage's result for one site."""

    site: str = Field(description="Key of the site: material:absorber:index.")
    absorber: str = Field(description="Element symbol of the absorbing atom.")

    @property
    def key(self) -> str:
        return self.site
