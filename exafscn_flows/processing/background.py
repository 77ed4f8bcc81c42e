"""From normalised mu(E) to chi(k)."""

from functools import lru_cache, partial

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import spline_background
from exafscn_flows.features.settings import AutobkSettings
from exafscn_flows.features.windows import hanning
from exafscn_flows.processing.settings import KSTEP, ProcessingSettings


def subtract_background(
    energy: np.ndarray, norm: np.ndarray, e0: float, settings: ProcessingSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Take a spline off mu(E) that leaves no chi(R) below ``settings.rbkg``, by autobk.

    Parameters
    ----------
    energy, norm
        Energy in ascending order without repetition, eV, and normalised mu; shape (n_e,).
    e0
        Energy where k = 0, eV.
    settings
        Parameters of the fit.

    Returns
    -------
    k, chi
        Wave number in steps of 0.05 1/Å from 0 to the end of the data, and chi(k); shape (n_k,).
    bkg
        Background of normalised mu, which is that itself before E0; shape (n_e,).

    Raises
    ------
    ItemFailure
        ``background_failed``.
    """
    autobk = autobk_settings(settings)
    try:
        k, chi, bkg = spline_background.subtract_background(
            energy, norm, e0, _window(settings.dk), autobk, spline_background.at_least
        )
    except (ValueError, TypeError) as error:
        line = " ".join(str(error).split())[:150]
        raise _failed(f"the background could not be fitted: {line}") from error
    if not np.isfinite(chi).all():
        raise _failed("the background could not be fitted: chi(k) is not finite")
    return k, chi, bkg


def remove_background(
    k: np.ndarray, chi: np.ndarray, settings: ProcessingSettings | None = None
) -> np.ndarray:
    """Take off calculated chi(k) what the processing of a measurement would take off.

    Parameters
    ----------
    k
        Wave number in steps of 0.05 1/Å from 0 to where the measurement ends; shape (n_k,).
    chi
        chi(k) of any number of spectra; shape (..., n_k).
    settings
        Parameters of the fit.

    Returns
    -------
    numpy.ndarray
        chi(k) without its part below R = ``settings.rbkg``; shape (..., n_k).

    Raises
    ------
    ValueError
        If k is no such grid.
    """
    settings = settings or ProcessingSettings()
    window, autobk = _window(settings.dk), autobk_settings(settings)
    return spline_background.remove_background(k, chi, window, autobk)


@lru_cache(maxsize=32)
def autobk_settings(settings: ProcessingSettings) -> AutobkSettings:
    """Return the parameters of the fit, which goes from E0 to the end of the data."""
    return AutobkSettings(
        rbkg=settings.rbkg,
        kmin=0.0,
        kmax=None,
        kweight=settings.kweight,
        dk=settings.dk,
        window="hanning",
        nclamp=settings.nclamp,
        clamp_lo=settings.clamp_lo,
        clamp_hi=settings.clamp_hi,
        kstep=KSTEP,
    )


@lru_cache(maxsize=32)
def _window(dk: float) -> spline_background.Weigh:
    # One object for each width: the projector is kept by it.
    return partial(hanning, dk=dk)


def _failed(message: str) -> ItemFailure:
    return ItemFailure("background_failed", message, "look at mu(E) for gaps and jumps")
