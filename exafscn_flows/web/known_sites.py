"""Computed spectra of a campaign that look like a measured one."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from exafscn_flows.errors import UsageError
from exafscn_flows.features.windows import hanning
from exafscn_flows.keys import item_key
from exafscn_flows.processing.settings import KSTEP
from exafscn_flows.store.base import vector_of
from exafscn_flows.store.documents import LabelDoc, SiteDoc, SpectrumDoc
from exafscn_flows.store.store import Store

MOST = 3000
"""Spectra that are looked through."""

_LEAST_R, _MOST_R = 0.8, 5.0
"""Range of R that is compared, Å: below it there is background, above it noise."""

_K = KSTEP * np.arange(400)


@dataclass(frozen=True)
class Known:
    """Spectra of one absorber.

    Attributes
    ----------
    sites
        Keys.
    chi
        chi(k) from k = 0 in steps of 0.05 1/Å; 0 beyond the end; shape (n, n_k).
    """

    sites: list[str]
    chi: np.ndarray


class Near(NamedTuple):
    """A site whose spectrum is near.

    Attributes
    ----------
    site, formula
        Key, and formula; None if it is not known.
    label
        Of the first target, as text; empty without one.
    distance
        Root of the mean squared difference of |chi(R)|, both with a root mean square of 1.
    magnitude
        |chi(R)|, shape (n_r,).
    """

    site: str
    formula: str | None
    label: str
    distance: float
    magnitude: np.ndarray


def known_spectra(store: Store, campaign: str, absorber: str) -> Known:
    """Read the computed EXAFS of an absorber, of as many sites as are looked through.

    Raises
    ------
    UsageError
        If there is no such campaign, or it has none.
    """
    store.config(campaign)
    query = {"campaign": campaign, "absorber": absorber, "spectrum_type": "EXAFS"}
    raws = store.project(SpectrumDoc, query, ["site", "k", "chi", "program"], limit=2 * MOST)
    sites: list[str] = []
    rows: list[np.ndarray] = []
    for raw in raws:
        k, chi = vector_of(raw["k"]), vector_of(raw["chi"])
        if raw["program"] == "measured" or len(k) < 2 or len(sites) == MOST:
            continue
        sites.append(raw["site"])
        rows.append(np.interp(_K, k, chi, right=0.0).astype(np.float32))
    if not sites:
        raise UsageError(f"campaign {campaign} has no computed EXAFS of {absorber}")
    return Known(sites, np.stack(rows))


def nearest(
    known: Known, magnitude: np.ndarray, r: np.ndarray, kmin: float, kmax: float, count: int
) -> list[tuple[str, float, np.ndarray]]:
    """Return the sites whose |chi(R)| has the most similar shape, with distance and |chi(R)|.

    Parameters
    ----------
    magnitude
        |chi(R)| of the measured spectrum at `r`, Å; shape (n_r,).
    kmin, kmax
        Range of k that it was made from, 1/Å; the others are made from the same.
    """
    weighted = known.chi * (_K**2 * hanning(_K, kmin, kmax, 1.0))
    waves = np.exp(2j * r[:, None] * _K) * KSTEP / np.sqrt(np.pi)
    sizes = np.abs(weighted @ waves.T)
    used = (r >= _LEAST_R) & (r <= _MOST_R)
    apart = _shape(sizes[:, used]) - _shape(magnitude[None, used])
    distances = np.sqrt((apart**2).mean(axis=1))
    best = np.argsort(distances, kind="stable")[:count]
    return [(known.sites[i], float(distances[i]), sizes[i]) for i in best]


def described(
    store: Store, campaign: str, found: list[tuple[str, float, np.ndarray]]
) -> list[Near]:
    """Return what is known of sites."""
    target = store.config(campaign).targets[0].name
    names = [site for site, *_ in found]
    sites = store.read(SiteDoc, campaign, names)
    labels = store.read(LabelDoc, campaign, [item_key(one, target) for one in names])
    made = []
    for name, distance, size in found:
        label = labels.get(item_key(name, target))
        text = "" if label is None else str(label.value)
        formula = sites[name].formula if name in sites else None
        made.append(Near(name, formula, text, distance, size))
    return made


def _shape(sizes: np.ndarray) -> np.ndarray:
    """Return |chi(R)| with a root mean square of 1; shape (n, n_r)."""
    rms = np.sqrt((sizes**2).mean(axis=1, keepdims=True))
    shaped: np.ndarray = sizes / np.maximum(rms, 1e-12)
    return shaped
