"""What every source of structures offers."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

from pymatgen.core import Structure

from exafscn_flows.config.base import StrictModel


class Entry(NamedTuple):
    """One structure that a source can load, described as far as it is known without loading."""

    material_id: str
    elements: frozenset[str] | None
    """Element symbols, or None where only loading tells."""
    fingerprint: str
    """Changes whenever the content of the structure may have changed."""


class SourceModel(StrictModel):
    """Base of sources: the fields are what can be written in a campaign file.

    Sources are sent to worker processes, so they hold no open files; what is costly to open is
    cached per process.
    """

    kind: str

    @abstractmethod
    def check(self) -> None:
        """Raise UsageError if the source is missing, empty or unreadable as a whole."""

    @abstractmethod
    def entries(self) -> Iterator[Entry]:
        """List the structures of the source, cheaply, in a fixed order."""

    @abstractmethod
    def load(self, material_id: str) -> Structure:
        """Read one structure as it is written in the source.

        Raises
        ------
        ItemFailure
            If this structure cannot be read.
        """

    @abstractmethod
    def provenance(self, material_id: str) -> dict[str, Any]:
        """Say where a structure comes from: kind, file or identifier, licence or reference."""
