"""The only module that calculates by larch; every parameter of its functions is passed.

Importing it takes seconds, so it is imported where it is used.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.features.background import Background
from exafscn_flows.features.settings import (
    WAVELET_RMAX,
    AutobkSettings,
    Window,
    XftfSettings,
    wavelet_r,
)
from exafscn_flows.features.spline_background import as_larch, subtract_background
from exafscn_flows.imports import without


@contextmanager
def undisturbed() -> Iterator[None]:
    """Undo what importing larch does to the root logger and the warning filters."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    with warnings.catch_warnings():
        try:
            yield
        finally:
            root.setLevel(level)
            root.handlers[:] = handlers


# larch takes its Fourier transforms from scipy then, which are the same but for rounding. The MKL
# of mkl_fft is visible to all that is loaded later: torch would calculate with it instead of its
# own, and a network would learn other last bits where larch has been imported.
with undisturbed(), without("mkl_fft"):
    from larch import Group
    from larch.math.utils import remove_dups
    from larch.xafs import cauchy_wavelet as _larch_cauchy_wavelet
    from larch.xafs import ftwindow
    from larch.xafs import pre_edge as _larch_pre_edge
    from larch.xafs import xftf as _larch_xftf
    from larch.xafs import xftr as _larch_xftr
    from larch.xafs.xafsutils import TINY_ENERGY

_E0_ROUNDING = 0.05
"""FEFF writes energies to 0.01 eV, so mu(E) may seem to begin just above E0."""


@contextmanager
def _errors_of(function: str) -> Iterator[None]:
    """Make one failure of the errors of many types that splines raise when input is odd."""
    try:
        yield
    except Exception as error:
        line = " ".join(str(error).split())[:150]
        raise _failed(f"{function} stopped: {type(error).__name__}: {line}") from error


def autobk(
    energy_rel: np.ndarray, mu: np.ndarray, e0: float, settings: AutobkSettings
) -> Background:
    """Take the background off a calculated mu(E) whose E0 and edge step are known.

    FEFF normalises mu to 1 at 50 eV above the edge and writes almost no pre-edge, in which
    larch's own search for E0 and edge step fails. So E0 is FEFF's, and the edge step is 1.

    Parameters
    ----------
    energy_rel, mu
        Energy above E0, eV, ascending, and absorption; shape (n_e,).
    e0
        Energy where k = 0, eV.
    settings
        Parameters of autobk.

    Raises
    ------
    ItemFailure
        ``background_failed`` if larch raises, or gives numbers that cannot be used.
    """
    energy = np.asarray(energy_rel, dtype=float) + e0
    ek0 = max(e0, energy[0])
    if ek0 - e0 > _E0_ROUNDING or ek0 >= energy[-1]:
        # Larch would drop this E0 without a word and search for one of its own.
        raise _failed(f"E0 is outside mu(E), which begins {energy[0] - e0:.2f} eV above E0")
    return _autobk(energy, np.asarray(mu, dtype=float), e0, ek0, 1.0, settings)


def autobk_as_published(
    energy_rel: np.ndarray, mu: np.ndarray, e0: float, settings: AutobkSettings
) -> Background:
    """Take the background off as if mu(E) were measured: larch finds E0 and edge step itself.

    Parameters and return value are those of `autobk`; ``e0`` only places the energies. Almost
    without a pre-edge, E0 comes out eV off and the edge step anything from 0.001 to 1.5, so chi
    often has the wrong size and phase. That is returned as it is.

    Raises
    ------
    ItemFailure
        ``background_failed`` if larch raises, or gives numbers that are not finite.
    """
    energy, mu = np.asarray(energy_rel, dtype=float) + e0, np.asarray(mu, dtype=float)
    group = Group()
    found_by_larch = dict.fromkeys(("e0", "step", "nnorm", "pre1", "pre2", "norm1", "norm2"))
    fixed = {"nvict": 0, "npre": 1, "make_flat": False, "iscalc": False}
    with _errors_of("pre_edge"):
        _larch_pre_edge(energy, mu, group=group, **found_by_larch, **fixed)
    return _autobk(energy, mu, e0, float(group.e0), group.edge_step, settings)


def _autobk(
    energy: np.ndarray,
    mu: np.ndarray,
    e0: float,
    ek0: float,
    edge_step: float,
    settings: AutobkSettings,
) -> Background:
    def window(k: np.ndarray, kmin: float, kmax: float) -> np.ndarray:
        named = {"window": settings.window, "dx": settings.dk, "dx2": settings.dk}
        weights: np.ndarray = ftwindow(k, xmin=kmin, xmax=kmax, **named)
        return weights

    with _errors_of("autobk"):
        k, chi, bkg = subtract_background(
            remove_dups(energy, tiny=TINY_ENERGY), mu, ek0, window, settings, as_larch
        )
    chi /= edge_step
    for name, array in (("chi", chi), ("background", bkg)):
        if not np.isfinite(array).all():
            raise _failed(f"autobk's {name} has values that are not numbers")
    return Background(k=k, chi=chi, energy_rel=energy - e0, bkg=bkg, ek0=ek0)


def xftf(k: np.ndarray, chi: np.ndarray, settings: XftfSettings) -> np.ndarray:
    """Transform chi(k) to chi(R).

    Parameters
    ----------
    k, chi
        Wave number, 1/Å, ascending, and chi(k); shape (n_k,).
    settings
        Parameters of xftf.

    Returns
    -------
    numpy.ndarray
        chi(R) at ``settings.r()``, complex, shape (n_r,).

    Raises
    ------
    ItemFailure
        ``background_failed`` if chi(R) is not finite.
    CampaignError
        If larch's R grid is not the expected one.
    """
    group = Group()
    _larch_xftf(
        np.asarray(k, dtype=float),
        np.asarray(chi, dtype=float),
        group=group,
        kmin=settings.kmin,
        kmax=settings.kmax,
        kweight=settings.kweight,
        dk=settings.dk,
        dk2=settings.dk,
        with_phase=False,
        window=settings.window,
        rmax_out=settings.rmax_out,
        nfft=settings.nfft,
        kstep=settings.kstep,
    )
    _check_grid("xftf", group.r, settings.r())
    return _array(group, "chir")


def xftr(
    chir: np.ndarray,
    settings: XftfSettings,
    *,
    rmin: float,
    rmax: float,
    dr: float,
    window: Window,
) -> np.ndarray:
    """Transform the part of chi(R) within a window back to chi(q).

    Parameters
    ----------
    chir
        Whole chi(R), complex, shape (nfft / 2,).
    settings
        Parameters of the transform that gave chi(R), which set the steps of R and q.
    rmin, rmax, dr, window
        Window: where it begins and ends, the width of its edges, Å, and its shape.

    Returns
    -------
    numpy.ndarray
        chi(q) in steps of ``settings.kstep`` from 0 on, complex, shape (nfft / 2,); its real
        part is the filtered k^kweight chi(k).

    Raises
    ------
    ItemFailure, CampaignError
        As in `xftf`.
    """
    step = np.pi / (settings.kstep * settings.nfft)
    q = settings.kstep * np.arange(settings.nfft // 2)
    group = Group()
    _larch_xftr(
        step * np.arange(len(chir)),
        chir,
        group=group,
        rmin=rmin,
        rmax=rmax,
        with_phase=False,
        dr=dr,
        dr2=dr,
        rw=0,
        window=window,
        qmax_out=q[-1],
        nfft=settings.nfft,
        kstep=settings.kstep,
    )
    _check_grid("xftr", group.q, q)
    return _array(group, "chiq")


def cauchy_wavelet(k: np.ndarray, chi: np.ndarray, kweight: int) -> np.ndarray:
    """Return the Cauchy wavelet transform of chi(k): Munoz et al., Am. Mineral. 88, 694 (2003).

    Parameters
    ----------
    k, chi
        Wave number, in steps of ``WAVELET_KSTEP`` from 0 to at most 20 1/Å, and chi(k); shape
        (n_k,).
    kweight
        Power of k that weights chi.

    Returns
    -------
    numpy.ndarray
        The transform at every ``wavelet_r()`` and k, complex, shape (n_r, n_k).

    Raises
    ------
    ItemFailure, CampaignError
        As in `xftf`.
    """
    group = Group()
    # From 0.5 Å on, twice the time for larch's default nfft of 2048 changes nothing above 1e-6.
    _larch_cauchy_wavelet(k, chi, group=group, kweight=kweight, rmax_out=WAVELET_RMAX, nfft=1024)
    _check_grid("cauchy_wavelet", group.wcauchy_r, wavelet_r())
    return _array(group, "wcauchy", n_dim=2)


def _check_grid(function: str, grid: np.ndarray, expected: np.ndarray) -> None:
    if grid.shape != expected.shape or not np.allclose(grid, expected):
        raise CampaignError(
            f"larch's {function} gave another grid, with {len(grid)} points instead of "
            f"{len(expected)}; install the version of xraylarch that exafscn asks for"
        )


def _array(group: Any, name: str, n_dim: int = 1) -> np.ndarray:
    values = getattr(group, name, None)
    if values is None:
        raise _failed(f"larch gave no {name}")
    array = np.asarray(values)
    if array.ndim != n_dim or not np.isfinite(array).all():
        raise _failed(f"larch's {name} has values that are not numbers")
    return array


def _failed(message: str) -> ItemFailure:
    return ItemFailure("background_failed", message, "look at mu(E) of this site")
