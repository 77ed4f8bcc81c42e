"""Noise of chi(k), and where it takes over."""

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.processing.fourier import LARGEST_R, band, local_mean
from exafscn_flows.processing.quick import median
from exafscn_flows.processing.settings import KSTEP, ProcessingSettings

LARGEST_KMAX = 13.0
"""1/Å: what is beyond adds little and is seldom measured."""

LEAST_KMAX = 6.0
"""chi(k) that ends before this, 1/Å, is refused: with it ends what tells shells apart."""

NOISE_SHARE = 0.3
"""chi(k) is used up to where the noise exceeds this share of the signal."""

_NOISE_R = (12.0, 28.0)
"""From here on, Å, atoms give nothing that could be seen."""

_SIGNAL_R = 7.0
"""And most of what they give is below this, Å."""

_WINDOW = 1.5
"""Noise and signal are means over so much to either side, 1/Å: more than beats of two shells."""

_SPARE = 0.9
"""Share of what the spacing of the points can tell apart that is looked at."""


def noise_of(k: np.ndarray, chi: np.ndarray, data_k: np.ndarray) -> np.ndarray | None:
    """Return the standard deviation of the noise at every k.

    Parameters
    ----------
    k, chi
        Wave number in steps of 0.05 1/Å from 0 on, and chi(k); shape (n_k,).
    data_k
        Wave number of the points of mu, 1/Å, ascending; shape (n_e,).

    Returns
    -------
    numpy.ndarray or None
        Shape (n_k,); None if the points lie too far apart to have anything beyond R = 12 Å.
    """
    spacing = float(median(np.diff(data_k)))
    low, high = _NOISE_R[0], min(_NOISE_R[1], _SPARE * np.pi / (2 * spacing))
    if high < low + 1:
        return None
    power = local_mean(band(chi, low, high) ** 2, round(_WINDOW / KSTEP))
    # White noise has the same in every range of R.
    noise: np.ndarray = np.sqrt(power * LARGEST_R / (high - low))
    return noise


def usable_kmax(k: np.ndarray, chi: np.ndarray, noise: np.ndarray | None, kmin: float) -> float:
    """Return where the noise exceeds 0.3 of the signal, at most 13 1/Å, and the end of the data.

    Parameters
    ----------
    k, chi
        Wave number in steps of 0.05 1/Å from 0 on, and chi(k); shape (n_k,).
    noise
        From `noise_of`.
    kmin
        Start of the range that is used, 1/Å.
    """
    end = min(LARGEST_KMAX, float(k[-1]))
    if noise is None:
        return end
    signal = np.sqrt(local_mean(band(chi, 0.0, _SIGNAL_R) ** 2, round(_WINDOW / KSTEP)))
    noisy = (noise > NOISE_SHARE * signal) & (k >= kmin) & (k <= end)
    return float(k[np.argmax(noisy)]) if noisy.any() else end


def choose_kmax(
    k: np.ndarray, chi: np.ndarray, noise: np.ndarray | None, settings: ProcessingSettings
) -> float:
    """Return the end of the usable chi(k), 1/Å.

    Parameters
    ----------
    k, chi
        Wave number in steps of 0.05 1/Å from 0 on, and chi(k); shape (n_k,).
    noise
        From `noise_of`.
    settings
        ``kmax`` fixes it.

    Raises
    ------
    ItemFailure
        ``too_short``.
    """
    end = float(k[-1])
    if settings.kmax is not None:
        if settings.kmax > end + KSTEP / 2:
            raise ItemFailure(
                "too_short",
                f"chi(k) ends at k = {end:.2f} 1/Å, before kmax = {settings.kmax:g} 1/Å",
                "lower kmax",
            )
        return settings.kmax
    kmax = usable_kmax(k, chi, noise, settings.kmin)
    if kmax < LEAST_KMAX:
        cause = f"the data end at k = {end:.2f}" if end < LEAST_KMAX else "the noise takes over"
        raise ItemFailure(
            "too_short",
            f"chi(k) can be used up to k = {kmax:.2f} 1/Å only ({cause}); {LEAST_KMAX:g} is the "
            "least",
            "measure farther, or average several scans",
        )
    return kmax
