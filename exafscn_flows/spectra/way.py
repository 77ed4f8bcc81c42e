"""What every way to spectra offers. Importing this module imports nothing that computes."""

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import StringConstraints

from exafscn_flows.spectra.parts import Part
from exafscn_flows.strict import NamedModel

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from exafscn_flows.spectra.base import Spectrum

SpectrumName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$", max_length=40)]


class SpectraModel(NamedModel):
    """Base of ways to spectra: the fields are what can be written in a campaign file."""

    stored: ClassVar[bool] = False
    """Whether the sources bring the spectra; then none is computed."""
    seconds: ClassVar[float] = 0.0
    """Processor seconds that a site takes with default settings: a first guess."""

    of_element: ClassVar[bool] = False
    """Whether all sites of an element in a crystal have the same, and so has a mean over them."""

    kind: str
    name: SpectrumName

    @property
    @abstractmethod
    def brings(self) -> frozenset[Part]:
        """What its spectra hold, or may hold where that is known of each spectrum only."""

    @abstractmethod
    def check(self) -> None:
        """Raise UsageError if what it needs is not on this machine."""

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """Return all that decides a spectrum, except the structure; JSON-serialisable.

        This includes a number that grows whenever the code gives another spectrum than before.
        """

    def advice(self) -> str:
        """Return what a user should know before it runs, as one line; mostly nothing."""
        return ""

    @property
    def found_by_content(self) -> bool:
        """Whether equal parameters mean equal spectra, whoever has computed them, and where."""
        return not self.stored

    def feff_cards(self) -> dict[str, str]:
        """Return the cards that FEFF gets, in alphabetical order; none where it is not FEFF."""
        return {}

    @abstractmethod
    def compute(self, structure: "Structure", site_index: int, scratch: Path) -> "Spectrum":
        """Compute the spectrum of one site.

        Parameters
        ----------
        structure
            Ordered crystal structure.
        site_index
            0-based index of the absorbing site.
        scratch
            Existing folder for temporary files. Nothing stays there.

        Returns
        -------
        Spectrum
            The same in every process, but for the time that it took.

        Raises
        ------
        ItemFailure
            If it cannot be computed for this site.
        CampaignError
            If it can be computed for none.
        """
