"""A structure as targets see it: what several of them need is found once."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from exafscn_flows.targets.crystal_nn import Coordination, coordination
from exafscn_flows.targets.weights import DIGITS

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from exafscn_flows.crystal import AbsorbingSite
    from exafscn_flows.targets.valence import BondValences


class Surroundings:
    """Surroundings of the sites of one structure.

    Parameters
    ----------
    structure
        Ordered structure of plain elements.
    """

    def __init__(self, structure: "Structure") -> None:
        self.structure = structure
        self._coordination: dict[int, Coordination] = {}
        self._bond_valences: BondValences | None = None

    def coordination(self, site_index: int) -> Coordination:
        """Return the coordination of a site by CrystalNN.

        Raises
        ------
        ItemFailure
            ``crystal_nn_failed``, as :func:`exafscn_flows.targets.crystal_nn.coordination`.
        """
        if site_index not in self._coordination:
            self._coordination[site_index] = coordination(self.structure, site_index)
        return self._coordination[site_index]

    def bond_valences(self) -> "BondValences":
        """Return the probabilities of the oxidation states of all sites."""
        if self._bond_valences is None:
            from exafscn_flows.targets.valence import BondValences  # not every campaign asks

            self._bond_valences = BondValences(self.structure)
        return self._bond_valences

    def neighbours(self, sites: Sequence["AbsorbingSite"]) -> dict[str, float]:
        """Count the neighbours that CrystalNN finds, by element; of several sites, their mean.

        Raises
        ------
        ItemFailure
            ``crystal_nn_failed``.
        """
        total = sum(site.multiplicity for site in sites)
        mean: dict[str, float] = defaultdict(float)
        for site in sites:
            for element, number in self.coordination(site.site_index).neighbours.items():
                mean[element] += number * site.multiplicity / total
        return {element: round(mean[element], DIGITS) for element in sorted(mean)}
