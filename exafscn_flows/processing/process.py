"""Measured mu(E) to E0, normalised mu, chi(k) and its usable range."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.spline_background import ETOK
from exafscn_flows.processing.background import subtract_background
from exafscn_flows.processing.edge import find_edge
from exafscn_flows.processing.glitches import find_glitches
from exafscn_flows.processing.noise import choose_kmax, noise_of
from exafscn_flows.processing.normalization import edge_step_warnings, normalize
from exafscn_flows.processing.other_edges import find_other_edge
from exafscn_flows.processing.rebin import is_dense, rebin
from exafscn_flows.processing.settings import ProcessingSettings

LEAST_POINTS = 50

_LARGEST_MU = 1e100
"""Of this, squares can be calculated."""

_FARTHEST = 4000.0
"""Points farther than this above E0, eV, are left out: k = 32 1/Å, which no scan reaches."""

_GAP = 0.25
"""Steps of k larger than this, 1/Å, are said: they cannot tell apart what lies beyond R = 6 Å."""

Mode = Literal["transmission", "fluorescence"]


@dataclass(frozen=True)
class ProcessedSpectrum:
    """A measured spectrum, with everything that was chosen for it.

    Attributes
    ----------
    absorber
        Symbol.
    e0, edge_step
        Energy where k = 0, eV, and height of the edge in units of mu.
    energy, mu
        The points that were used, after rebinning and cutting: eV, and absorption; shape (n_e,).
    norm, flat
        Normalised, and flattened, mu; shape (n_e,).
    bkg
        Background of the normalised mu; shape (n_e,).
    k, chi
        Wave number in steps of 0.05 1/Å from 0 to the end of the data, and chi(k); shape (n_k,).
    kmin, kmax
        Usable range of chi(k), 1/Å.
    noise
        Standard deviation of the noise of chi(k) in this range; None if the points lie too far
        apart to tell.
    pre1, pre2, npre
        Pre-edge range relative to E0, eV, and degree of its polynomial.
    norm1, norm2, nnorm
        The same of the post-edge.
    rbkg, kweight
        Parameters of the background fit: Å, and the power of k.
    n_measured
        Number of points before rebinning and cutting.
    cut
        Where the scan was cut before another element's edge, eV; None if it was not.
    glitches
        Wave numbers in the usable range at which chi(k) was replaced, 1/Å.
    warnings
        Sentences about what may be wrong.
    """

    absorber: str
    e0: float
    edge_step: float
    energy: np.ndarray
    mu: np.ndarray
    norm: np.ndarray
    flat: np.ndarray
    bkg: np.ndarray
    k: np.ndarray
    chi: np.ndarray
    kmin: float
    kmax: float
    noise: float | None
    pre1: float
    pre2: float
    npre: int
    norm1: float
    norm2: float
    nnorm: int
    rbkg: float
    kweight: int
    n_measured: int
    cut: float | None
    glitches: tuple[float, ...]
    warnings: tuple[str, ...]


def process(
    energy: np.ndarray,
    mu: np.ndarray,
    absorber: str,
    settings: ProcessingSettings | None = None,
    *,
    mode: Mode | None = None,
) -> ProcessedSpectrum:
    """Process a measured K-edge spectrum.

    Parameters
    ----------
    energy, mu
        Energy in ascending order without repetition, eV, and absorption; shape (n_e,).
    absorber
        Symbol of the absorber.
    settings
        What is to be done otherwise than by default.
    mode
        How mu was measured, if that is known.

    Raises
    ------
    ItemFailure
        ``bad_spectrum``, ``no_edge``, ``no_pre_edge``, ``too_short`` or ``background_failed``.
    ValueError
        If the arrays differ in shape, or the energies do not ascend.
    """
    settings = settings or ProcessingSettings()
    energy, mu = _checked(energy, mu)
    n_measured = len(energy)
    warnings: tuple[str, ...] = ()
    found = find_edge(energy, mu, absorber, settings)
    far = energy > found.e0 + _FARTHEST
    if far.any():
        energy, mu = energy[~far], mu[~far]
        warnings += (f"{far.sum()} points were left out, {_FARTHEST:g} eV or more above E0.",)
        found = find_edge(energy, mu, absorber, settings)
    if settings.rebin and is_dense(energy, found.e0):
        energy, mu = rebin(energy, mu, found.e0)
        warnings += (f"The {n_measured} points were averaged to {len(energy)}.",)
        found = find_edge(energy, mu, absorber, settings)
    cut = None
    if settings.cut_other_edges and (other := find_other_edge(energy, found, absorber)):
        cut = other.cut
        energy, mu = energy[energy < cut], mu[energy < cut]
        warnings += (
            f"mu jumps by {100 * other.jump:+.0f} % of the edge step at {other.energy:.0f} eV, "
            f"near {other.edge}: what is above {cut:.0f} eV was left out.",
        )
        found = find_edge(energy, mu, absorber, settings)
    warnings += edge_step_warnings(found)
    if settings.edge_step is not None:
        found = normalize(energy, mu, found.e0, settings)
    k, chi, bkg = subtract_background(energy, found.norm, found.e0, settings)
    if mode == "fluorescence":
        warnings += (
            "Measured in fluorescence: if the sample was concentrated and thick, self-absorption "
            "has made chi(k) too small.",
        )

    data_k = np.sqrt(ETOK * np.maximum(energy - found.e0, 0))
    norm, glitches = found.norm, np.zeros(len(k), dtype=bool)
    if settings.deglitch:
        glitches, chi = find_glitches(k, chi)
    if glitches.any():
        # The background has followed them: it is fitted again to mu without them.
        near = np.interp(data_k, k, glitches) > 0
        norm = np.where(near, bkg + np.interp(data_k, k, chi), norm)
        k, chi, bkg = subtract_background(energy, norm, found.e0, settings)
        more, chi = find_glitches(k, chi)
        glitches |= more
    noise = noise_of(k, chi, data_k[data_k > 0])
    kmax = choose_kmax(k, chi, noise, settings)
    used = (k >= settings.kmin) & (k <= kmax)
    warnings += _gaps(data_k, settings.kmin, kmax)
    replaced = tuple(round(float(x), 2) for x in k[glitches & used])
    if replaced:
        places = ", ".join(f"{x:.2f}" for x in replaced[:5]) + (", ..." if replaced[5:] else "")
        points = "point of chi(k) was" if len(replaced) == 1 else "points of chi(k) were"
        warnings += (f"{len(replaced)} {points} replaced as glitches, at k = {places} 1/Å.",)
    return ProcessedSpectrum(
        absorber=absorber,
        e0=found.e0,
        edge_step=found.edge_step,
        energy=energy,
        mu=mu,
        norm=found.norm,
        flat=found.flat,
        bkg=bkg,
        k=k,
        chi=chi,
        kmin=settings.kmin,
        kmax=kmax,
        noise=None if noise is None else float(np.sqrt(np.mean(noise[used] ** 2))),
        pre1=found.pre1,
        pre2=found.pre2,
        npre=found.npre,
        norm1=found.norm1,
        norm2=found.norm2,
        nnorm=found.nnorm,
        rbkg=settings.rbkg,
        kweight=settings.kweight,
        n_measured=n_measured,
        cut=cut,
        glitches=replaced,
        warnings=warnings,
    )


def _checked(energy: np.ndarray, mu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    energy, mu = np.asarray(energy, dtype=float), np.asarray(mu, dtype=float)
    if energy.ndim != 1 or energy.shape != mu.shape:
        raise ValueError(f"energy and mu have shapes {energy.shape} and {mu.shape}")
    for name, values in (("energy", energy), ("mu", mu)):
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            raise ItemFailure(
                "bad_spectrum",
                f"{name} is {values[wrong[0]]} at point {wrong[0] + 1} of {len(values)}, and not "
                f"a number at {len(wrong)} points",
                "leave these points out; mu = ln(i0 / i1) needs counts above 0",
            )
    largest = float(np.abs(mu).max(initial=0))
    if largest > _LARGEST_MU:
        raise ItemFailure("bad_spectrum", f"mu reaches {largest:.3g}", "give mu, not counts")
    if not (np.diff(energy) > 0).all():
        raise ValueError("the energies do not ascend, or one comes twice")
    if len(energy) < LEAST_POINTS:
        raise ItemFailure(
            "too_short",
            f"the spectrum has {len(energy)} points, fewer than {LEAST_POINTS}",
            "give a whole scan, from the pre-edge to the EXAFS",
        )
    return energy, mu


def _gaps(data_k: np.ndarray, kmin: float, kmax: float) -> tuple[str, ...]:
    begin, end = data_k[:-1], data_k[1:]
    gaps = np.flatnonzero((end - begin > _GAP) & (end > kmin) & (begin < kmax))
    if not len(gaps):
        return ()
    first = gaps[0]
    more = f", nor in {len(gaps) - 1} more gaps" if len(gaps) > 1 else ""
    return (
        f"There are no points from k = {begin[first]:.2f} to {end[first]:.2f} 1/Å{more}: chi(k) is "
        "interpolated there.",
    )
