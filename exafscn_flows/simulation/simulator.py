"""A model of curves that is asked about sites of structures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.features import Concatenation, Inputs, KSpace
from exafscn_flows.formulas import reduced_formula
from exafscn_flows.pretrained.formulas import are_among
from exafscn_flows.simulation.card import SimulatorCard
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.tasks import task_named
from exafscn_flows.tasks.curves import edges
from exafscn_flows.tasks.numbers import expected_errors

if TYPE_CHECKING:
    from pymatgen.core import Structure


class Curve(NamedTuple):
    """A predicted curve.

    Attributes
    ----------
    values
        On the axis of the simulator, shape (n_axis,).
    expected_error
        How far they are off, as a root mean square over the points.
    """

    values: np.ndarray
    expected_error: float


@dataclass(frozen=True)
class Simulator:
    """A fitted model of curves, with all that is needed to apply it to structures.

    Attributes
    ----------
    card
        What it takes and gives.
    fitted
        The model, as its kind has fitted it.
    formulas
        Hashes of the formulas that it has learned, as of `are_among`; None if nobody kept them.
    axis, axis_label, value_label
        Coordinate of each point of a curve, shape (n_axis,); what that is, and what the values
        are, with their units.

    Raises
    ------
    UsageError
        If it takes more than a structure.
    """

    card: SimulatorCard
    fitted: Any
    formulas: np.ndarray | None = None
    axis: np.ndarray = field(init=False)
    axis_label: str = field(init=False)
    value_label: str = field(init=False)

    def __post_init__(self) -> None:
        takes, settings = self.card.takes, self.card.settings
        for part in takes.parts if isinstance(takes, Concatenation) else [takes]:
            if part.spectra:
                raise UsageError(
                    f"model {self.card.name} takes {part.name}, which is made from a spectrum: "
                    "name one that takes the structure alone"
                )
        axis, label = self.card.learned.axis(settings)
        object.__setattr__(self, "axis", axis)
        object.__setattr__(self, "axis_label", label)
        object.__setattr__(self, "value_label", self.card.learned.value_label(settings))

    def curves(
        self, structure: "Structure", sites: Sequence[int], absorber: str
    ) -> list[Curve | ItemFailure]:
        """Predict the curve of each of some sites.

        Parameters
        ----------
        structure
            Ordered crystal structure.
        sites
            0-based indices of absorbing sites.
        absorber
            Symbol of their element.

        Returns
        -------
        list
            In the order of the sites; of a site that has no features, why not.

        Raises
        ------
        ItemFailure
            ``unknown_absorber``.
        """
        self.check(absorber)
        known = self.card.absorbers
        which = [one == absorber for one in known] if len(known) > 1 else []
        hot = np.array(which, dtype=np.float32)
        found: dict[int, Curve | ItemFailure] = {}
        rows: dict[int, np.ndarray] = {}
        for site in sites:
            inputs = Inputs({}, structure, site)
            try:
                vector = self.card.takes.vector(inputs, self.card.settings)
            except ItemFailure as error:
                # What it was fitted on stays as it is, whatever settings the features advise.
                hint = f"model {self.card.name} can say nothing of such a site"
                found[site] = ItemFailure(error.kind, error.message, hint)
            else:
                rows[site] = np.concatenate([vector, hot])
        if rows:
            output = task_named("curves").output(self.fitted, np.stack([*rows.values()]), [])
            errors = expected_errors(output[:, -1], self.card.doubt)
            for site, values, expected in zip(rows, output[:, :-1], errors, strict=True):
                found[site] = Curve(values, float(expected))
        return [found[site] for site in sites]

    def curve_of(self, spectrum: Spectrum) -> np.ndarray:
        """Return what it has learned to predict, of a spectrum that was computed.

        Parameters
        ----------
        spectrum
            Of one site.

        Returns
        -------
        numpy.ndarray
            Shape (n_axis,).

        Raises
        ------
        ItemFailure
            As of the feature set.
        """
        (name,) = self.card.learned.spectra
        return self.card.learned.vector(Inputs({name or "": spectrum}), self.card.settings)

    @property
    def kweight(self) -> int:
        """Power of k that weights chi(k), if it predicts that."""
        learned = self.card.learned
        if not isinstance(learned, KSpace):
            raise UsageError(
                f"model {self.card.name} predicts {learned.name}, of which no chi(k) can be made: "
                "name one of a k_space set"
            )
        return learned.weight(self.card.settings)

    def check(self, absorber: str) -> None:
        """Raise ItemFailure if it does not know an absorber."""
        if absorber not in self.card.absorbers:
            raise ItemFailure(
                "unknown_absorber",
                f"model {self.card.name} does not know {absorber} as absorber",
                f"it knows {', '.join(self.card.absorbers)}",
            )

    def strange_elements(self, structure: "Structure") -> list[str]:
        """Return the elements of a structure that none it has learned holds, alphabetical."""
        here = {site.specie.symbol for site in structure}
        return sorted(here.difference(self.card.elements)) if self.card.elements else []

    def has_seen(self, structure: "Structure") -> bool | None:
        """Tell whether it has learned from this formula; None if that is not known."""
        if self.formulas is None:
            return None
        formula = reduced_formula(structure.composition.reduced_formula)
        return bool(are_among([formula], self.formulas)[0])

    def edge(self, values: np.ndarray) -> float | None:
        """Return where a curve rises through half of its edge step, eV on the axis.

        None of a curve that has no edge, or does not show it.
        """
        if not self.card.learned.has_edge:
            return None
        (found,) = edges(values[None], self.axis)
        return float(found) if np.isfinite(found) else None
