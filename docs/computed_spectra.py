"""Spectra for pictures: FEFF's chi(k) of sites of a campaign, with an edge and noise."""

from pathlib import Path

import numpy as np

from exafscn_flows.exchange.curves import Curve
from exafscn_flows.exchange.xdi import xdi_text
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.queries import find_predictions
from exafscn_flows.store.store import Store
from exafscn_flows.web.site import read_site

_EV = 3.80998
"""eV Å²: energy of an electron, per square of its wave number."""

_WIDTH = 1.5
"""Half the width of the edge, eV; FEFF's mu(E) of EXAFS begins at the edge, without one."""

_NOISE = 5e-4


def write_spectra(campaign: str, absorber: str, most: int, folder: Path) -> list[str]:
    """Write spectra of oxides as XDI, the most certain one of each label; returns paths."""
    store = Store.open()
    query = PredictionQuery(campaign=campaign, absorber=absorber, oxide=True)
    found = [*find_predictions(store, query)]
    rows = {row["label"]: row for row in reversed(found) if row["label"] is not None}
    paths = []
    for row in [rows[one] for one in sorted(rows)][:most]:
        spectrum = read_site(store, campaign, row["site"]).spectrum(None)
        energy, mu = measured(spectrum.e0, spectrum.k.astype(float), spectrum.chi.astype(float))
        notes = ("chi(k) by FEFF; edge and noise were added",)
        curve = Curve(
            row["site"],
            "mu",
            energy,
            mu,
            absorber=absorber,
            edge=spectrum.edge,
            e0=spectrum.e0,
            formula=row["formula"],
            notes=notes,
        )
        path = folder / f"{row['formula']}_{row['label']}.xdi"
        path.write_text(xdi_text(curve))
        paths.append(str(path))
    return paths


def measured(e0: float, k: np.ndarray, chi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return energies, eV, and mu(E) with an edge of height 1, both of shape (n_e,)."""
    far = k[-1]
    above = np.concatenate([np.arange(-150, 30, 0.5), _EV * np.arange(2.82, far, 0.04) ** 2])
    waves = np.interp(np.sqrt(np.clip(above, 0, None) / _EV), k, chi)
    edge = 0.5 + np.arctan(above / _WIDTH) / np.pi
    noise = np.random.default_rng(1).normal(0, _NOISE, len(above))
    return e0 + above, edge * (1 + waves) + noise - 2e-4 * above
