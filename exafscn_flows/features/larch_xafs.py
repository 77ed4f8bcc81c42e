"""The only module that imports larch: autobk and xftf, with every parameter passed.

Importing it takes seconds, so it is imported where it is used.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.features.settings import AutobkSettings, XftfSettings


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Undo what importing larch does to the root logger and the warning filters."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    with warnings.catch_warnings():
        try:
            yield
        finally:
            root.setLevel(level)
            root.handlers[:] = handlers


with _undisturbed():
    from larch import Group
    from larch.xafs import autobk as _larch_autobk
    from larch.xafs import xftf as _larch_xftf

_E0_ROUNDING = 0.05
"""FEFF writes energies to 0.01 eV, so mu(E) may seem to begin just above E0."""


@dataclass(frozen=True)
class Background:
    """What autobk makes of mu(E).

    Attributes
    ----------
    k, chi
        Wave number, 1/Å, and chi(k); shape (n_k,).
    energy_rel, bkg
        Energy above E0, eV, and the background of mu there; shape (n_e,).
    """

    k: np.ndarray
    chi: np.ndarray
    energy_rel: np.ndarray
    bkg: np.ndarray


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
    group = Group()
    try:
        _larch_autobk(
            energy,
            np.asarray(mu, dtype=float),
            group=group,
            ek0=ek0,
            edge_step=1.0,
            rbkg=settings.rbkg,
            nknots=None,
            kmin=settings.kmin,
            kmax=settings.kmax,
            kweight=settings.kweight,
            dk=settings.dk,
            win=settings.window,
            nfft=settings.nfft,
            kstep=settings.kstep,
            nclamp=settings.nclamp,
            clamp_lo=settings.clamp_lo,
            clamp_hi=settings.clamp_hi,
            calc_uncertainties=False,
        )
    except Exception as error:
        # Splines and least squares raise errors of many types when their input is odd.
        raise _failed(f"autobk stopped: {type(error).__name__}: {_line(error)}") from error
    k, chi, bkg = (_array(group, name) for name in ("k", "chi", "bkg"))
    if k.shape != chi.shape or bkg.shape != energy.shape:
        raise _failed("autobk gave arrays of unequal lengths")
    if group.ek0 != ek0:
        raise _failed(f"autobk moved E0 by {group.ek0 - ek0:.2f} eV")
    return Background(k=k, chi=chi, energy_rel=energy - e0, bkg=bkg)


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
    r = settings.r()
    if group.r.shape != r.shape or not np.allclose(group.r, r):
        raise CampaignError(
            f"larch's xftf gave {len(group.r)} values of R instead of {len(r)}; "
            "install the version of xraylarch that exafscn asks for"
        )
    return _array(group, "chir")


def _array(group: Any, name: str) -> np.ndarray:
    values = getattr(group, name, None)
    if values is None:
        raise _failed(f"larch gave no {name}")
    array = np.asarray(values)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise _failed(f"larch's {name} has values that are not numbers")
    return array


def _failed(message: str) -> ItemFailure:
    return ItemFailure("background_failed", message, "look at mu(E) of this site")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:150]
