"""Whether what autobk makes of a calculated mu(E) can be trusted.

Mostly FEFF's own chi(k), made without any background removal, is there to compare with; where it
is not, amplitude and coherence remain unchecked. The limits were
chosen from 13,721 sites of Ti..Zn in Materials Project crystals (FEFF 8.5L, default settings) and
from rock-salt oxides of 19 absorbers from He to U:

=====================  ==============  =========================  ==============================
quantity               limits          found in Ti..Zn            found elsewhere
=====================  ==============  =========================  ==============================
edge step              0.6 to 1.4      0.92 to 1.14               0.65 (U) to 1.02; halved: <0.6
size of chi            below 2         0.02 to 1.06 (99.99 %:     0.002 (U) to 0.85 (He)
                                       below 0.46)
amplitude              0.5 to 1.5      0.83 to 1.32               0.55 (B) to 1.06; He 0.32
coherence              above 0.95      0.86 to 1.00 (99.9 %:      above 0.958; B 0.84, He 0.50
                                       above 0.98)
=====================  ==============  =========================  ==============================

*Edge step*: mean background 30 to 100 eV above E0; FEFF normalises mu to 1 at 50 eV, and a
lifetime broadening as wide as that of U takes some off. *Size of chi*: largest |chi| from
k = 3 1/Å on, where the near-edge structure has died away. *Amplitude* and *coherence*: size and
cosine of the angle of chi(R), from 1.5 to 6 Å, against FEFF's. Amplitude falls below 1 where mu
falls fast with energy, since autobk divides by one edge step (O, B, He). Coherence is what sees
a wrong E0: for 100 of the sites it is 0.94 to 0.99 for an E0 wrong by 2 eV, 0.88 to 0.97 by 3 eV
and 0.67 to 0.95 by 5 eV. Seven of the 13,721 sites fall below the limit; six of them are Zn
without any neighbour that CrystalNN counts as bound, where there is little EXAFS to compare.
"""

from dataclasses import dataclass

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.settings import XftfSettings

EDGE_STEP = (0.6, 1.4)
CHI_LIMIT = 2.0
AMPLITUDE = (0.5, 1.5)
COHERENCE = 0.95

_EDGE_RANGE = (30.0, 100.0)
"""Energies above E0 over which the edge step is a mean, eV."""

_R_RANGE = (1.5, 6.0)
"""Where chi(R) is compared, Å: above what autobk may change, below where chi is small."""

_EXAFS_K = 3.0
"""Where the near-edge structure has died away, 1/Å."""


@dataclass(frozen=True)
class Background:
    """What autobk makes of mu(E).

    Attributes
    ----------
    k, chi
        Wave number, 1/Å, and chi(k); shape (n_k,).
    energy_rel, bkg
        Energy above the program's E0, eV, and the background of mu there; shape (n_e,).
    ek0
        Energy where k = 0, eV.
    """

    k: np.ndarray
    chi: np.ndarray
    energy_rel: np.ndarray
    bkg: np.ndarray
    ek0: float


def largest_chi(k: np.ndarray, chi: np.ndarray, kmin: float, kmax: float) -> float:
    """Return the largest |chi(k)| of the EXAFS that is used, k = 3 1/Å or more.

    Parameters
    ----------
    k, chi
        Wave number, 1/Å, and chi(k); shape (n_k,).
    kmin, kmax
        Range of k that is used, 1/Å.
    """
    used = (k >= max(kmin, _EXAFS_K)) & (k <= kmax)
    return float(np.abs(chi[used]).max(initial=0.0))


def check_background(
    background: Background,
    chir: np.ndarray,
    chir_program: np.ndarray | None,
    settings: XftfSettings,
) -> None:
    """Refuse a background that is not physical.

    Parameters
    ----------
    background
        What autobk made of mu(E).
    chir
        chi(R) from it, complex, shape (n_r,).
    chir_program
        chi(R) from the chi(k) that the program itself gives, complex, shape (n_r,); None where it
        is not known.
    settings
        Parameters of the transform.

    Raises
    ------
    ItemFailure
        ``background_failed``, with the quantity that is outside its limits.
    """
    # Half a step of larch's k grid, 0.05 1/Å, for rounding.
    if background.k[-1] < settings.kmax - 0.025:
        raise _failed(f"mu(E) ends at k = {background.k[-1]:.2f} 1/Å, before xftf.kmax")
    low, high = _EDGE_RANGE
    near = (background.energy_rel >= low) & (background.energy_rel <= high)
    if not near.any():
        raise _failed(f"mu(E) has no points {low:g} to {high:g} eV above E0")
    edge_step = float(background.bkg[near].mean())
    _check_range("the edge step", edge_step, EDGE_STEP)
    largest = largest_chi(background.k, background.chi, settings.kmin, settings.kmax)
    _check_range("the largest |chi(k)|", largest, (0.0, CHI_LIMIT))
    if chir_program is not None:
        _compare(chir, chir_program, settings)


def _compare(chir: np.ndarray, chir_program: np.ndarray, settings: XftfSettings) -> None:
    r = settings.r()
    compared = (r >= _R_RANGE[0]) & (r <= _R_RANGE[1])
    ours, reference = chir[compared], chir_program[compared]
    size, size_reference = np.linalg.norm(ours), np.linalg.norm(reference)
    if size_reference == 0:
        raise _failed("FEFF's chi(k) has no oscillations to compare with")
    _check_range("the size of chi(R) against FEFF's", float(size / size_reference), AMPLITUDE)
    coherence = float(np.vdot(reference, ours).real / (size * size_reference))
    if not coherence >= COHERENCE:
        raise _failed(
            f"chi(R) has another phase than FEFF's (coherence {coherence:.2f}, limit "
            f"{COHERENCE:g}): E0 is wrong, or the background follows the EXAFS"
        )


def _check_range(name: str, value: float, limits: tuple[float, float]) -> None:
    if not limits[0] <= value <= limits[1]:
        raise _failed(f"{name} is {value:.3g}, outside {limits[0]:g} to {limits[1]:g}")


def _failed(message: str) -> ItemFailure:
    return ItemFailure(
        "background_failed",
        message,
        "look at mu(E) of this site; a feature set with input chi needs no background",
    )
