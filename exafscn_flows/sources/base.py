"""What every source of structures, and of stored spectra, offers.

Local sources (files, the mineral database) read their own material whenever they are asked.
Remote ones are asked once: a session lists and fetches records, the campaign keeps them in its
store, and a reader makes structures and spectra of the kept records, without any network.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.parts import EVERYTHING, Part
from exafscn_flows.strict import StrictModel

if TYPE_CHECKING:
    from pymatgen.core import Structure

Record = dict[str, Any]
"""What a remote source sends for one entry: plain values that MongoDB and JSON can hold."""


class Entry(NamedTuple):
    """One structure that a source can load, described as far as it is known without loading."""

    material_id: str
    elements: frozenset[str] | None
    """Element symbols, or None where only loading tells."""
    fingerprint: str
    """Changes whenever the content of the structure, or of its spectra, may have changed."""
    locator: str | None = None
    """What a Reader takes instead of the name, where a name alone does not lead to the content."""


class StoredSite(NamedTuple):
    """A site whose spectrum a source has."""

    absorber: str
    site_index: int
    """0-based index in the structure as the source gives it; of an average, the first site. 0
    without a structure."""
    averaged: bool = False
    """Whether the spectrum is the mean over all sites of the absorber in the structure, or in
    whatever was measured."""


class Reader(Protocol):
    """Gives structures by name (or locator), and spectra where the source has them."""

    def load(self, material_id: str) -> "Structure | None":
        """Read one structure as it is written in the source; None where it has only a spectrum.

        Raises
        ------
        ItemFailure
            If this structure cannot be read.
        """

    def provenance(self, material_id: str) -> dict[str, Any]:
        """Say where a structure comes from: kind, file or identifier, licence or reference."""

    def stored_sites(self, material_id: str, absorbers: Sequence[str]) -> list[StoredSite]:
        """List the sites of some absorbers whose spectra are there, ordered, each once.

        Raises
        ------
        ItemFailure
            If the spectra of this structure do not belong to it.
        """

    def spectrum(self, material_id: str, site: StoredSite) -> Spectrum:
        """Read the spectrum of one site.

        Raises
        ------
        ItemFailure
            If this spectrum cannot be read or used.
        """


class SourceModel(StrictModel):
    """Base of sources: the fields are what can be written in a campaign file.

    Sources are sent to worker processes, so they hold no open files; what is costly to open is
    cached per process.
    """

    kind: str

    @property
    def has_spectra(self) -> bool:
        """Whether this source brings spectra, too."""
        return False

    def content(self) -> dict[str, Any]:
        """Return what decides the content of an entry, JSON-serialisable.

        Two sources that differ only in what they choose may share what was read of it.
        """
        return self.model_dump(mode="json")

    @property
    def brings(self) -> frozenset[Part]:
        """What its spectra hold, or may hold where that is known of each spectrum only."""
        return EVERYTHING

    @abstractmethod
    def check(self) -> None:
        """Raise UsageError if the source is missing, empty or unreadable as a whole."""

    def left_out(self) -> str:
        """Say in one line what lies there, may hold structures, and is not read; else nothing."""
        return ""


class LocalSource(SourceModel):
    """A source on this machine. It is its own Reader."""

    @abstractmethod
    def entries(self) -> Iterator[Entry]:
        """List the structures of the source, cheaply, in a fixed order."""

    @abstractmethod
    def load(self, material_id: str) -> "Structure | None": ...

    @abstractmethod
    def provenance(self, material_id: str) -> dict[str, Any]: ...

    def stored_sites(self, material_id: str, absorbers: Sequence[str]) -> list[StoredSite]:
        raise NotImplementedError

    def spectrum(self, material_id: str, site: StoredSite) -> Spectrum:
        raise NotImplementedError


class ListingPage(NamedTuple):
    """Some consecutive entries of a listing."""

    entries: list[Entry]
    total: int
    """Entries of the whole listing as the server counts them, for progress bars."""
    more: bool
    """Whether another page follows."""


class Session(Protocol):
    """A connection to a remote source."""

    version: str
    """Version of the remote database."""

    def list_page(self, absorber: str, page: int) -> ListingPage:
        """Ask for one page of the entries that hold an absorber, from 0 on.

        Returns
        -------
        ListingPage
            `more` tells whether another page follows; a page may have fewer entries than the
            server sent, even none.
        """

    def fetch(self, names: Sequence[str]) -> Iterator[tuple[str, Record]]:
        """Ask for the records of some entries, yielding each with its name as it comes.

        Names that the server does not answer for are left out.
        """


class RemoteSource(SourceModel):
    """A source that is reached through a network."""

    @abstractmethod
    def connect(self) -> AbstractContextManager[Session]:
        """Open a session.

        Raises
        ------
        UsageError
            If there is no key, or the server refuses it.
        CampaignError
            Also from the session: if the server does not answer, after patient retries.
        """

    @abstractmethod
    def reader(self, records: Mapping[str, Record]) -> Reader:
        """Return what reads structures and spectra from records, by entry name; no network."""
