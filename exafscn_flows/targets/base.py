"""What every target offers: what it is called, which kind it is, and how a site is labelled."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from exafscn_flows.strict import NamedModel

if TYPE_CHECKING:
    from exafscn_flows.crystal import AbsorbingSite
    from exafscn_flows.targets.surroundings import Surroundings

TargetName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$", max_length=40)]

TaskName = Literal["classes", "numbers", "curves"]
"""Whether a target is one of several classes, a number, or a curve."""

Class = int | str
"""One of several classes: a whole number, or a name."""

Value = int | float | str
"""A class (whole number or name), or a number."""


COORDINATION_VERSION = 1
"""Grows whenever another coordination is found for a site than before: all labels hold its
neighbours."""


@dataclass(frozen=True)
class Label:
    """What a site is, in the words of one target, with the doubt that it has.

    Attributes
    ----------
    value
        The class, or the number in the unit of the target.
    weights
        Weight of every class by its text, sum 1; None of numbers, and of classes without doubt.
    spread
        Standard deviation of what a number is a mean of, in its unit; None of classes.
    details
        What else is known, by name; over several sites, numbers are averaged.
    """

    value: Value
    weights: Mapping[str, float] | None = None
    spread: float | None = None
    details: Mapping[str, float | str | None] = field(default_factory=dict)


class TargetBase(NamedModel):
    """Base of all targets: the fields are what can be written in a campaign file."""

    task: ClassVar[TaskName]
    """Kind of the target."""
    title: ClassVar[str]
    """What it is called in sentences, e.g. "coordination number"."""
    short: ClassVar[str]
    """What it is called in the head of a table, e.g. "CN"."""
    unit: ClassVar[str] = ""
    """Unit of its numbers; of whole numbers that are classes, what is counted."""

    kind: str
    name: TargetName

    @property
    @abstractmethod
    def vectors_of(self) -> str | None:
        """Name of the feature set whose vector is the label; None: labels have documents."""


class TargetModel(TargetBase):
    """Base of targets whose labels are found from the structure, and kept in documents."""

    version: ClassVar[int]
    """Grows whenever the code gives another label than before."""

    mode: Literal["uniform", "averaged"] = Field(
        default="uniform",
        description="For stored spectra that are a mean over several sites: `uniform` takes those "
        "whose sites are of one class only, `averaged` all, as the class of most sites. Numbers "
        "are means in either case.",
    )

    @property
    def vectors_of(self) -> None:
        """None: a label has a document of its own."""

    def parameters(self, averaged: bool) -> dict[str, Any]:
        """Return all that decides a label, except the structure; JSON-serialisable.

        Parameters
        ----------
        averaged
            Whether it is the label of a spectrum that is a mean over several sites.
        """
        left_out = {"name"} if averaged else {"name", "mode"}
        versions = {"version": self.version, "coordination": COORDINATION_VERSION}
        return versions | self.model_dump(mode="json", exclude=left_out)

    @abstractmethod
    def label_site(self, surroundings: "Surroundings", site_index: int) -> Label:
        """Label one site.

        Parameters
        ----------
        surroundings
            The structure, and what several targets need of it.
        site_index
            0-based index of the site.

        Returns
        -------
        Label
            The same in every process.

        Raises
        ------
        ItemFailure
            If this site has no label that can be trusted; it is left out, and counted.
        """

    def label(self, surroundings: "Surroundings", sites: Sequence["AbsorbingSite"]) -> Label:
        """Label one site, or several over which a spectrum is a mean.

        Parameters
        ----------
        surroundings
            As of `label_site`.
        sites
            Inequivalent sites with their multiplicities, which weight everything.

        Raises
        ------
        ItemFailure
            As `label_site`; ``mixed_sites`` if `mode` is "uniform" and the sites are of several
            classes.
        """
        from exafscn_flows.targets.averaged import average

        labels = [self.label_site(surroundings, site.site_index) for site in sites]
        if len(labels) == 1:
            return labels[0]
        return average(self, labels, [site.multiplicity for site in sites])
