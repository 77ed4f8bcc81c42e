"""The coordination number that CrystalNN finds."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from exafscn_flows.strict import check_unique
from exafscn_flows.targets.base import Label, TargetName
from exafscn_flows.targets.neighbour_numbers import NeighbourNumbers
from exafscn_flows.targets.weights import shares

if TYPE_CHECKING:
    from exafscn_flows.targets.crystal_nn import Coordination
    from exafscn_flows.targets.surroundings import Surroundings

RivalMethod = Literal["voronoi_nn", "minimum_distance_nn", "brunner_nn"]
"""Methods of pymatgen whose coordination numbers can be kept beside the label."""


class CoordinationNumber(NeighbourNumbers):
    """Number of neighbours by CrystalNN, with the weight that it gives every number."""

    task = "classes"
    title = "coordination number"
    short = "CN"
    unit = "neighbours"
    version = 4

    kind: Literal["coordination_number"] = "coordination_number"
    name: TargetName = "coordination_number"
    rivals: list[RivalMethod] = Field(
        default=[],
        description="Other methods whose number is kept beside the label, to compare; nothing "
        "learns from it.",
    )

    @field_validator("rivals")
    @classmethod
    def _rivals(cls, methods: list[RivalMethod]) -> list[RivalMethod]:
        check_unique(methods, "a method is listed twice")
        return sorted(methods)

    def label_site(self, surroundings: "Surroundings", site_index: int) -> Label:
        """Label one site: `mean` is the mean number by all weights, `average` that of sites.

        Raises
        ------
        ItemFailure
            As of CrystalNN; ``other_coordination`` for a number that is not among `numbers`.
        """
        found = surroundings.coordination(site_index)
        self.check_number(found)
        details: dict[str, float | str | None] = {"mean": found.cn_mean, "average": float(found.cn)}
        if self.rivals:
            from exafscn_flows.targets.rivals import rival_cns  # takes a second

            details |= rival_cns(surroundings.structure, site_index, self.rivals)
        return Label(found.cn, self._told_apart(found), details=details)

    def _told_apart(self, found: "Coordination") -> dict[str, float]:
        """Return the weights of the numbers that are told apart."""
        if self.numbers is None:
            return found.cn_weights
        weights = {cn: w for cn, w in found.cn_weights.items() if int(cn) in self.numbers}
        return shares(weights, str(found.cn))
