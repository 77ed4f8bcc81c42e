"""E0 of measured mu(E), and which edge there is."""

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.processing.normalization import Normalization, normalize
from exafscn_flows.processing.quick import straight_line
from exafscn_flows.processing.settings import ProcessingSettings
from exafscn_flows.spectra.edge_energy import e0_fault
from exafscn_flows.spectra.edge_table import Edge, edge_energy, edges

WINDOW = (-25.0, 45.0)
"""Where E0 may be, relative to the tabulated edge, eV: chemical shifts reach 20 eV, and energies
of monochromators are up to 20 eV wrong."""

_SETTLED = 0.01
_TRIALS = 10
"""E0 and the normalisation depend on each other until E0 moves by less than this, eV."""

_EVIDENCE = 5.0
"""An edge is a step so many times as high as mu scatters before and after it. It is 8.7 or more in
40 measured spectra of Ti to Zn; elsewhere in them, up to 4.8."""


def find_edge(
    energy: np.ndarray, mu: np.ndarray, absorber: str, settings: ProcessingSettings
) -> Normalization:
    """Find E0, and normalise mu(E) to it.

    E0 is where the flattened mu(E) rises above one half for the last time, from -25 to +45 eV
    around the tabulated K edge. The highest slope, which is often taken, is that of the pre-edge
    peak in chromates, permanganates and V2O5, 11 to 14 eV lower.

    Parameters
    ----------
    energy, mu
        Energy in ascending order without repetition, eV, and absorption; shape (n_e,).
    absorber
        Symbol of the absorber.
    settings
        ``e0`` fixes it; ``edge_step`` is not looked at.

    Raises
    ------
    ItemFailure
        ``no_edge`` if there is no edge of the absorber, and as in `normalize`.
    """
    tabulated = edge_energy(absorber, "K")
    if tabulated is None:
        raise ItemFailure(
            "no_edge", f"the energy of the K edge of {absorber} is not known", "see the absorber"
        )
    low, high = tabulated + WINDOW[0], tabulated + WINDOW[1]
    if not energy[0] < high or not energy[-1] > low:
        raise _no_edge(energy, mu, absorber, tabulated)
    settings = settings.model_copy(update={"edge_step": None})
    if settings.e0 is not None:
        if fault := e0_fault(absorber, settings.e0):
            raise ItemFailure("no_edge", fault, "correct e0, or the absorber")
        return normalize(energy, mu, settings.e0, settings)
    e0 = tabulated
    for _ in range(_TRIALS):
        try:
            found = normalize(energy, mu, e0, settings)
        except ItemFailure as failure:
            if failure.kind == "no_edge":
                raise _no_edge(energy, mu, absorber, tabulated, failure) from None
            raise
        crossing = _last_rise(energy, found.flat, low, high)
        if crossing is None:
            raise _no_edge(energy, mu, absorber, tabulated)
        settled = abs(crossing - e0) < _SETTLED
        e0 = crossing
        if settled:
            break
    if _evidence(energy, mu, e0)[1] < _EVIDENCE:
        raise _no_edge(energy, mu, absorber, tabulated)
    return found


def median_of_three(values: np.ndarray) -> np.ndarray:
    """Return values without single spikes; what rises or falls stays as it is.

    Parameters
    ----------
    values
        Shape (n,), at least 3.
    """
    middle = values.copy()
    before, at, after = values[:-2], values[1:-1], values[2:]
    middle[1:-1] = np.maximum(np.minimum(before, at), np.minimum(np.maximum(before, at), after))
    return middle


def _last_rise(energy: np.ndarray, flat: np.ndarray, low: float, high: float) -> float | None:
    """Return where flat rises above 0.5 for the last time, between its points on a line."""
    first, last = np.searchsorted(energy, [low, high])
    first, last = max(0, int(first) - 2), min(len(energy), int(last) + 2)
    x, y = energy[first:last], flat[first:last]
    if len(x) < 3:
        return None
    middle = median_of_three(y)
    rises = np.flatnonzero((middle[:-1] < 0.5) & (middle[1:] >= 0.5))
    at = x[rises] + (0.5 - middle[rises]) / (middle[rises + 1] - middle[rises]) * np.diff(x)[rises]
    inside = at[(at >= low) & (at <= high)]
    return float(inside[-1]) if len(inside) else None


def _evidence(energy: np.ndarray, mu: np.ndarray, at: float) -> tuple[float, float]:
    """Return the height of a step between two lines, and that over what mu scatters around them."""
    values, scatter = [], 0.0
    for begin, end in ((-150.0, -20.0), (20.0, 150.0)):
        first, last = np.searchsorted(energy, [at + begin, at + end])
        x, y = energy[first:last] - at, mu[first:last]
        if len(x) < 2:
            return 0.0, 0.0
        slope, value = 0.0, float(y.mean())
        if len(x) > 3 and x[-1] - x[0] > 40:
            slope, value = straight_line(x, y)
        values.append(value)
        scatter = max(scatter, float(np.std(y - slope * x)))
    step = values[1] - values[0]
    least = 1e-9 * float(np.abs(mu).max()) + np.finfo(float).tiny
    return step, step / max(scatter, least)


def _no_edge(
    energy: np.ndarray,
    mu: np.ndarray,
    absorber: str,
    tabulated: float,
    cause: ItemFailure | None = None,
) -> ItemFailure:
    message = (
        f"the spectrum, from {energy[0]:.0f} to {energy[-1]:.0f} eV, shows no K edge of "
        f"{absorber} ({tabulated:.5g} eV)"
    )
    hint = "give the absorber whose K edge was measured"
    if other := _fitting_edge(energy, mu, absorber):
        message += f": it seems to be one of {other.element} at {other.energy:.5g} eV"
    elif cause is not None:
        message += f": {cause.message}"
        hint = cause.hint
    return ItemFailure("no_edge", message, hint)


def _fitting_edge(energy: np.ndarray, mu: np.ndarray, absorber: str) -> Edge | None:
    """Return the tabulated K edge where mu rises most, if there is one."""
    best, height = None, 0.0
    for edge in edges():
        inside = energy[0] < edge.energy < energy[-1]
        if edge.name == "K" and edge.element != absorber and inside:
            step, evidence = _evidence(energy, mu, edge.energy)
            if evidence >= _EVIDENCE and step > height:
                best, height = edge, step
    return best
