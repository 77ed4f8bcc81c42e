"""chi(k) that somebody else has made of mu(E), and its usable range."""

from dataclasses import dataclass

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.processing.background import remove_background
from exafscn_flows.processing.noise import LEAST_KMAX, choose_kmax, noise_of
from exafscn_flows.processing.settings import KSTEP, ProcessingSettings

_LARGEST = 2.0
"""|chi(k)| is smaller in the usable range; times a power of k it is not."""


@dataclass(frozen=True)
class ProcessedChi:
    """chi(k), with what was chosen for it.

    Attributes
    ----------
    k, chi
        Wave number in steps of 0.05 1/Å from 0 to the end of the data, and chi(k); shape (n_k,).
    kmin, kmax
        Usable range, 1/Å.
    """

    k: np.ndarray
    chi: np.ndarray
    kmin: float
    kmax: float


def process_chi(
    k: np.ndarray,
    chi: np.ndarray,
    settings: ProcessingSettings | None = None,
    *,
    is_calculated: bool = False,
) -> ProcessedChi:
    """Bring chi(k) to equal steps, and find its usable range.

    Parameters
    ----------
    k, chi
        Wave number, 1/Å, ascending, and chi(k); shape (n,).
    settings
        Of these, ``kmin`` and ``kmax`` matter, and for calculated chi(k) those of the background.
    is_calculated
        Whether to take off what the processing of a measurement would take for background.

    Raises
    ------
    ItemFailure
        ``too_short`` or ``bad_spectrum``.
    """
    settings = settings or ProcessingSettings()
    if k[0] > settings.kmin:
        raise ItemFailure(
            "too_short",
            f"chi(k) begins at k = {k[0]:.2f} 1/Å, after kmin = {settings.kmin:g} 1/Å",
            "give chi(k) from 0 on, or raise kmin",
        )
    if k[-1] < LEAST_KMAX:
        raise ItemFailure(
            "too_short",
            f"chi(k) ends at k = {k[-1]:.2f} 1/Å; {LEAST_KMAX:g} is the least",
            "measure farther",
        )
    grid = KSTEP * np.arange(int(k[-1] / KSTEP + 1e-6) + 1)
    on_grid = np.interp(grid, k, chi, left=0.0)
    if is_calculated:
        on_grid = remove_background(grid, on_grid, settings)
    noise = noise_of(grid, on_grid, k)
    kmax = choose_kmax(grid, on_grid, noise, settings)
    largest = float(np.abs(on_grid[(grid >= settings.kmin) & (grid <= kmax)]).max(initial=0.0))
    if largest > _LARGEST:
        raise ItemFailure(
            "bad_spectrum",
            f"chi(k) reaches {largest:.3g}, as if it were multiplied by a power of k",
            "give chi(k) without a weight",
        )
    return ProcessedChi(grid, on_grid, settings.kmin, kmax)
