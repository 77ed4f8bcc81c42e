"""The Fourier transform of chi(k) that models make themselves."""

import numpy as np

R_MAX = 6.0
R_STEP = 0.06
"""Å: about half of what a range of 10 Å⁻¹ tells apart."""
TAPER = 1.0
"""Over which the Hanning window of the transform rises and falls, Å⁻¹."""


def radii() -> np.ndarray:
    """Return R, Å, shape (n_r,)."""
    return R_STEP * np.arange(1, round(R_MAX / R_STEP) + 1)


def check_k(k: np.ndarray) -> None:
    """Refuse what is no wave number in equal steps.

    Raises
    ------
    ValueError
        If it is not positive, ascending and in equal steps.
    """
    steps = np.diff(k)
    if k.ndim != 1 or len(steps) == 0 or not min(k[0], steps[0]) > 0:
        raise ValueError("k is not positive and ascending")
    if not np.allclose(steps, steps[0]):
        raise ValueError("k is not in equal steps")


def transform(k: np.ndarray) -> np.ndarray:
    """Return what χ(k) is multiplied by to give complex χ(R).

    Parameters
    ----------
    k
        Wave number, 1/Å, positive and ascending in equal steps, shape (n_k,).

    Returns
    -------
    numpy.ndarray
        First for real, then for imaginary χ(R), shape (n_k, 2 n_r).
    """
    step = (k[-1] - k[0]) / (len(k) - 1)
    edge = np.clip(np.minimum(k - k[0], k[-1] - k) / TAPER, 0, 1)
    window = np.sin(0.5 * np.pi * edge) ** 2
    phase = 2 * k[:, None] * radii()
    waves = np.hstack([np.cos(phase), np.sin(phase)])
    found: np.ndarray = window[:, None] * waves * step / np.sqrt(np.pi)
    return found
