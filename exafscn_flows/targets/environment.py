"""The polyhedron that the neighbours by CrystalNN make."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from exafscn_flows.errors import ItemFailure
from exafscn_flows.targets.base import Label, TargetModel, TargetName
from exafscn_flows.targets.weights import DIGITS, shares

if TYPE_CHECKING:
    from exafscn_flows.targets.crystal_nn import Coordination
    from exafscn_flows.targets.surroundings import Surroundings

_REDUCED = {"4": "T4", "5": "S5", "6": "O6"}
"""Published classes, by coordination number."""

_FARTHEST = 10.0
"""Symmetry measure above which a site is of no polyhedron; half way between two it is 2 to 9."""


class Environment(TargetModel):
    """Coordination number by CrystalNN together with the polyhedron that fits best."""

    task = "classes"
    title = "coordination environment"
    short = "environment"
    version = 1

    kind: Literal["environment"] = "environment"
    name: TargetName = "environment"
    geometry: Literal["full", "reduced"] = Field(
        default="full",
        description="`full`: names of polyhedra, such as octahedron, or cn_11 where there is none; "
        "`reduced`: T4, S5 and O6 for 4, 5 and 6 neighbours, and no other sites.",
    )

    @classmethod
    def _default_name(cls, values: dict[str, Any]) -> str:
        name = super()._default_name(values)
        return f"{name}_reduced" if values.get("geometry") == "reduced" else name

    def label_site(self, surroundings: "Surroundings", site_index: int) -> Label:
        """Label one site.

        The weight of a coordination number goes to the polyhedron that fits best for it, or to
        cn_ and the number where none fits; with
        `reduced`, what others have is shared by 4, 5 and 6. `measure` is the symmetry measure of
        the value, 0 to 100, and `second` that of the polyhedron that fits second best.

        Raises
        ------
        ItemFailure
            As of the coordination number; ``other_environment``, with `reduced`, for other numbers
            of neighbours.
        """
        found = surroundings.coordination(site_index)
        if self.geometry == "reduced":
            return _reduced(found)
        from exafscn_flows.targets.geometry import symmetry_measures

        weights: dict[str, float] = defaultdict(float)
        label = Label("")
        for cn, weight in found.cn_weights.items():
            measures = symmetry_measures(found.shell[: int(cn)]) if int(cn) else {}
            ranked = sorted(measures, key=lambda name: measures[name])
            fits = ranked and measures[ranked[0]] <= _FARTHEST
            name = ranked[0] if fits else f"cn_{cn}"
            weights[name] = round(weights[name] + weight, DIGITS)
            if int(cn) == found.cn:
                details = zip(
                    ("measure", "second"), (measures[one] for one in ranked), strict=False
                )
                label = Label(name, weights, details=dict(details))
        return label


def _reduced(found: "Coordination") -> Label:
    weights = {_REDUCED[cn]: w for cn, w in found.cn_weights.items() if cn in _REDUCED}
    value = _REDUCED.get(str(found.cn))
    if value is None:
        raise ItemFailure(
            "other_environment",
            f"the site has {found.cn} neighbours, and T4, S5 and O6 stand for 4, 5 and 6",
            "nothing; geometry: full, of the target, has names for all",
        )
    return Label(value, shares(weights, value))
