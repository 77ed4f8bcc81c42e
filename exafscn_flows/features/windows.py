"""Windows of Fourier transforms that need no larch."""

import numpy as np


def hanning(
    k: np.ndarray, kmin: float | np.ndarray, kmax: float | np.ndarray, dk: float
) -> np.ndarray:
    """Return larch's Hanning window: 1 from kmin to kmax, with edges as sin².

    Parameters
    ----------
    k
        Wave number, 1/Å; shape (n_k,).
    kmin, kmax
        Where the edges are at half height, 1/Å; of several windows, shape (n, 1).
    dk
        Their width, 1/Å, positive.

    Returns
    -------
    numpy.ndarray
        Shape (n_k,), or (n, n_k).
    """
    rise = np.clip((k - kmin) / dk + 0.5, 0, 1)
    fall = np.clip((kmax - k) / dk + 0.5, 0, 1)
    window: np.ndarray = np.sin(0.5 * np.pi * np.minimum(rise, fall)) ** 2
    return window
