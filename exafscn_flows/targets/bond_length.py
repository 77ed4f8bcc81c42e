"""The mean length of the bonds that CrystalNN finds."""

from typing import TYPE_CHECKING, Literal

from exafscn_flows.targets.base import Label, TargetName
from exafscn_flows.targets.neighbour_numbers import NeighbourNumbers

if TYPE_CHECKING:
    from exafscn_flows.targets.surroundings import Surroundings


class BondLength(NeighbourNumbers):
    """Mean distance to the neighbours by CrystalNN, with the standard deviation of these."""

    task = "numbers"
    title = "mean bond length"
    short = "bond length"
    unit = "Å"
    version = 1

    kind: Literal["bond_length"] = "bond_length"
    name: TargetName = "bond_length"

    def label_site(self, surroundings: "Surroundings", site_index: int) -> Label:
        """Label one site; which neighbours they are, says the coordination number by CrystalNN.

        Raises
        ------
        ItemFailure
            As of CrystalNN; ``other_coordination`` for a number that is not among `numbers`.
        """
        found = surroundings.coordination(site_index)
        self.check_number(found)
        return Label(found.bond_length, spread=found.bond_spread)
