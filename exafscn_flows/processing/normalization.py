"""Pre-edge line, post-edge polynomial, edge step; normalised and flattened mu(E)."""

from dataclasses import dataclass

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.processing.quick import median
from exafscn_flows.processing.settings import ProcessingSettings

LINEAR_BELOW = 350.0
"""Post-edge ranges shorter than this, eV, get a line: a parabola would follow the EXAFS."""

CONSTANT_BELOW = 20.0
"""And shorter ones than this a constant."""

_LONGEST = 1000.0
"""Default end of the post-edge range above E0, eV."""

_FROM_END = 5.0
"""And its distance from the last point: the first and last points of scans are often bad."""

_NEAREST = -15.0
"""Nearer to E0 than this, eV, pre-edge peaks begin, and no point can count as pre-edge."""

_LINE_SPAN = 20.0
_LINE_POINTS = 4
"""What a pre-edge line needs, eV and points; with less, there is a constant."""

_OUTLIER = 7.0
_PRE_EDGE_SPIKE = 0.03
_POST_EDGE_SPIKE = 0.5
"""Points farther than so many median absolute deviations, and than these shares of the rise of mu,
from a first fit are left out of the second. Less can be the foot of the edge, or EXAFS."""


@dataclass(frozen=True)
class Normalization:
    """mu(E), normalised.

    Attributes
    ----------
    e0, edge_step
        Energy of the edge, eV, and its height in units of mu.
    norm, flat
        mu without the pre-edge line, divided by the edge step; and without the slope and curvature
        of the post-edge polynomial above E0 too; shape (n_e,).
    pre1, pre2, npre
        Pre-edge range relative to E0, eV, cut to the data, and degree of its polynomial.
    norm1, norm2, nnorm
        The same of the post-edge.
    noise
        Standard deviation of mu from the pre-edge line, as a share of the edge step.
    """

    e0: float
    edge_step: float
    norm: np.ndarray
    flat: np.ndarray
    pre1: float
    pre2: float
    npre: int
    norm1: float
    norm2: float
    nnorm: int
    noise: float


def normalize(
    energy: np.ndarray, mu: np.ndarray, e0: float, settings: ProcessingSettings
) -> Normalization:
    """Normalise mu(E) to a step of 1 at E0.

    Parameters
    ----------
    energy, mu
        Energy in ascending order without repetition, eV, and absorption; shape (n_e,).
    e0
        Energy of the edge, eV.
    settings
        Ranges and degrees.

    Raises
    ------
    ItemFailure
        ``no_pre_edge``, ``too_short`` if there is nothing after the edge, ``no_edge`` if mu does
        not rise there.
    """
    rel = energy - e0
    first, last, npre = _pre_edge(rel, energy, settings)
    begin, end, nnorm = _post_edge(rel, energy, settings)
    rise = float(abs(median(mu[begin:end]) - median(mu[first:last])))
    line, noise = _fit(rel[first:last], mu[first:last], npre, _PRE_EDGE_SPIKE * rise)
    pre_edge = np.polyval(line, rel)
    above = (mu - pre_edge)[begin:end]
    curve, _ = _fit(rel[begin:end], above, nnorm, _POST_EDGE_SPIKE * rise)
    edge_step = float(curve[-1])
    if not (np.isfinite(edge_step) and edge_step > 0):
        raise ItemFailure(
            "no_edge",
            f"mu does not rise at {e0:.1f} eV (edge step {edge_step:.3g})",
            "give energy and mu of one edge; if mu is ln(i0 / i1), see whether i0 and i1 are "
            "exchanged",
        )
    edge_step = settings.edge_step or edge_step
    norm = (mu - pre_edge) / edge_step
    post = np.polyval(curve, rel) - curve[-1]
    flat = np.where(rel > 0, norm - post / edge_step, norm)
    return Normalization(
        e0=e0,
        edge_step=edge_step,
        norm=norm,
        flat=flat,
        pre1=float(rel[first]),
        pre2=float(rel[last - 1]),
        npre=npre,
        norm1=float(rel[begin]),
        norm2=float(rel[end - 1]),
        nnorm=nnorm,
        noise=noise / edge_step,
    )


def edge_step_warnings(found: Normalization) -> tuple[str, ...]:
    """Say what makes the edge step, and with it the size of chi(k), uncertain."""
    said = []
    span = found.pre2 - found.pre1
    if found.npre == 0:
        said.append(
            f"The pre-edge has {span:.0f} eV only: a constant was subtracted instead of a line, "
            "and the edge step is uncertain."
        )
    elif span < 40:
        said.append(
            f"The pre-edge line rests on {span:.0f} eV only, and the edge step is uncertain."
        )
    if found.norm2 - found.norm1 < 100:
        said.append(
            f"The post-edge range is {found.norm2 - found.norm1:.0f} eV long, about one "
            "oscillation of the EXAFS, and the edge step is uncertain."
        )
    if found.noise > 0.03:
        said.append(
            f"The noise of the pre-edge is {100 * found.noise:.0f} % of the edge step, which is "
            "uncertain."
        )
    return tuple(said)


def _pre_edge(
    rel: np.ndarray, energy: np.ndarray, settings: ProcessingSettings
) -> tuple[int, int, int]:
    """Return the points of the pre-edge, as of a slice, and the degree of its polynomial."""
    first, last = _slice(rel, settings.pre1, settings.pre2)
    if last - first >= _LINE_POINTS and rel[last - 1] - rel[first] >= _LINE_SPAN:
        return first, last, 1
    first, last = _slice(rel, settings.pre1, max(settings.pre2, _NEAREST))
    if last - first >= 2:
        return first, last, 0
    raise ItemFailure(
        "no_pre_edge",
        f"the spectrum begins at {energy[0]:.1f} eV, {max(-rel[0], 0):.0f} eV before its edge at "
        f"{energy[0] - rel[0]:.1f} eV: there is no pre-edge to subtract",
        "give a scan that begins 30 eV or more before the edge, best 200 eV",
    )


def _post_edge(
    rel: np.ndarray, energy: np.ndarray, settings: ProcessingSettings
) -> tuple[int, int, int]:
    norm2 = settings.norm2 or min(_LONGEST, float(rel[-1]) - _FROM_END)
    begin, end = _slice(rel, settings.norm1, norm2)
    if end - begin < 3:
        raise ItemFailure(
            "too_short",
            f"the spectrum ends at {energy[-1]:.1f} eV, {rel[-1]:.0f} eV after its edge: there is "
            f"too little from {settings.norm1:g} eV on to normalise it",
            "give a scan that goes on 150 eV or more after the edge, or lower norm1",
        )
    span = rel[end - 1] - rel[begin]
    chosen = 2 if span >= LINEAR_BELOW else int(span >= CONSTANT_BELOW)
    nnorm = chosen if settings.nnorm is None else settings.nnorm
    return begin, end, min(nnorm, end - begin - 1)


def _slice(rel: np.ndarray, low: float, high: float) -> tuple[int, int]:
    first, last = np.searchsorted(rel, [low, high])
    return int(first), int(last)


def _fit(x: np.ndarray, y: np.ndarray, degree: int, spike: float) -> tuple[np.ndarray, float]:
    """Fit a polynomial, without outliers; return its coefficients and the residual's deviation."""
    scale = max(1.0, float(np.abs(x).max()))
    powers = np.vander(x / scale, degree + 1)
    found = _solve(powers, y)
    distance = np.abs(y - powers @ found)
    kept = distance <= max(spike, _OUTLIER * median(distance))
    if degree + 2 <= kept.sum() < len(kept):
        found = _solve(powers[kept], y[kept])
        distance = distance[kept]
    return found / scale ** np.arange(degree, -1, -1), float(np.sqrt(np.mean(distance**2)))


def _solve(powers: np.ndarray, y: np.ndarray) -> np.ndarray:
    # Up to three powers of -1..1: the normal equations are well-conditioned, and fast.
    solution: np.ndarray = np.linalg.solve(powers.T @ powers, powers.T @ y)
    return solution
