"""A second opinion: what the near edge says, beside the EXAFS."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.processing import ProcessedSpectrum

_LEAST_SHARE = 0.5
"""Probability by the EXAFS of a number that the near-edge model knows."""

_FARTHEST = 200.0
"""The edge, and what is seen of mu above it, lie below this, eV above E0."""


@dataclass(frozen=True)
class NearEdge:
    """Coordination number by the near edge alone, if the absorber is in an oxide.

    Attributes
    ----------
    cn, probability
        The most probable of the numbers that its model knows, and how probable it is; None if
        nothing is said.
    probabilities
        Of all numbers that its model knows.
    missing
        Why nothing is said; empty otherwise.
    """

    cn: int | None
    probability: float | None
    probabilities: dict[int, float]
    missing: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        shares = {str(cn): share for cn, share in self.probabilities.items()}
        return {
            "cn": self.cn,
            "probability": self.probability,
            "probabilities": shares,
            "missing": self.missing,
        }


def near_edge_of(
    processed: ProcessedSpectrum | None,
    absorber: str,
    by_exafs: Mapping[int, float],
    elements: Collection[str] = (),
) -> NearEdge:
    """Return what the near edge of a spectrum says.

    Parameters
    ----------
    processed
        The spectrum; None if only chi(k) is known.
    absorber
        Symbol.
    by_exafs
        Probability of each coordination number by the EXAFS. Where that says that the number is
        not one of those that the near-edge model knows, as in metals, nothing is asked.
    elements
        Those of the sample; empty if they are not known.

    Raises
    ------
    CampaignError
        If the files of the model are damaged.
    """
    if processed is None:
        return _nothing("only chi(k) is given")
    if elements and "O" not in elements:
        return _nothing("the near-edge model knows oxides, and the sample has no O")
    from exafscn_flows.pretrained import load_near_edge

    model = load_near_edge()
    if absorber not in model.absorbers:
        return _nothing(f"the near-edge model knows {', '.join(model.absorbers)}")
    share = sum(by_exafs.get(cn, 0.0) for cn in model.classes)
    if share < _LEAST_SHARE:
        known = ", ".join(map(str, model.classes))
        return _nothing(f"by the EXAFS, the number is none of {known}, which is all it knows")
    try:
        above = processed.energy - processed.e0
        near = above <= _FARTHEST
        found = model.probabilities(above[near], processed.flat[near], absorber)
    except ItemFailure as failure:
        return _nothing(failure.message)
    best = int(np.argmax(found))
    shares = dict(zip(model.classes, map(float, found), strict=True))
    return NearEdge(model.classes[best], float(found[best]), shares, "")


def disagreement(near_edge: NearEdge, cn: int) -> tuple[str, ...]:
    """Return a warning if the near edge says something else than the EXAFS."""
    if near_edge.cn in (None, cn):
        return ()
    return (
        f"EXAFS and near edge do not agree: the near edge is that of {near_edge.cn} neighbours in "
        f"an oxide (probability {near_edge.probability:.2f}).",
    )


def _nothing(reason: str) -> NearEdge:
    return NearEdge(None, None, {}, reason)
