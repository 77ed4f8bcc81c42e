"""How far labels can be trusted: agreement with other methods, accuracy against certainty."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

_EDGES = (0.0, 0.5, 0.7, 0.9, 0.99, 1.0)
"""Of the bins of certainty. Most labels are certain, which is why the last bins are narrow."""


@dataclass(frozen=True)
class Agreement:
    """One rival method beside CrystalNN, on the sites of one absorber.

    Attributes
    ----------
    method
        Name of the rival.
    n_sites
        Sites where it gives a coordination number.
    agree
        Share of these where that is CrystalNN's.
    mean_difference
        Mean over these of its coordination number minus CrystalNN's.
    """

    method: str
    n_sites: int
    agree: float
    mean_difference: float


@dataclass(frozen=True)
class CertaintyBin:
    """Sites whose label is about equally certain.

    Attributes
    ----------
    low
        Smallest of the largest weights of a class, included.
    high
        Largest, excluded; but in the last bin, which ends at 1, included.
    n_sites
        Number of sites.
    accuracy
        Share of them that is predicted right; None of an empty bin.
    """

    low: float
    high: float
    n_sites: int
    accuracy: float | None


def agreements(cn: np.ndarray, rivals: Mapping[str, np.ndarray]) -> list[Agreement]:
    """Compare coordination numbers of CrystalNN with those of other methods.

    Parameters
    ----------
    cn
        CrystalNN's, shape (n_sites,). Of a spectrum that stands for several sites, their mean.
    rivals
        Those of each method, shape (n_sites,), likewise; NaN where it failed.

    Returns
    -------
    list of Agreement
        In the order of ``rivals``, without methods that failed everywhere.
    """
    found = []
    for method, others in rivals.items():
        given = ~np.isnan(others)
        if not given.any():
            continue
        difference = others[given] - cn[given]
        found.append(
            Agreement(
                method=method,
                n_sites=int(given.sum()),
                agree=float(np.isclose(difference, 0, rtol=0, atol=1e-6).mean()),
                mean_difference=float(difference.mean()),
            )
        )
    return found


def by_certainty(weight: np.ndarray, right: np.ndarray) -> list[CertaintyBin]:
    """Compare predictions with labels, by how certain the labels are.

    Parameters
    ----------
    weight
        Largest weight of a class at each site, 0 to 1, shape (n_sites,).
    right
        Whether its out-of-fold prediction is the label, shape (n_sites,).

    Returns
    -------
    list of CertaintyBin
        In ascending order; all bins, also empty ones.
    """
    bins = np.digitize(weight, _EDGES[1:-1])
    return [
        CertaintyBin(
            low=low,
            high=high,
            n_sites=int((bins == number).sum()),
            accuracy=float(right[bins == number].mean()) if (bins == number).any() else None,
        )
        for number, (low, high) in enumerate(pairwise(_EDGES))
    ]
