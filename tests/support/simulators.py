"""A small model of XANES on paper, which knows rock salts and zinc blendes of two metals."""

from functools import cache
from typing import Any

import numpy as np
from crystals import rock_salt, zinc_blende
from pymatgen.core import Structure

from exafscn_flows.features import Inputs, LarchSettings, SiteDescriptor, Xanes
from exafscn_flows.models import ExtraTrees
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.simulation.file import dump_simulator, load_simulator
from exafscn_flows.simulation.simulator import Simulator

SETTINGS = LarchSettings()
TAKES = SiteDescriptor()
LEARNED = Xanes(spectrum="xanes", emin=-10.0, emax=30.0, estep=1.0, reference="half_step")
METALS = ("Fe", "Ti")
ENERGIES = LEARNED.grid()


def on_paper(distance: float) -> np.ndarray:
    """Return an edge at 0, and a resonance at an energy that goes as 1/R² (Natoli's rule)."""
    edge = 0.5 + np.arctan(2 * ENERGIES) / np.pi
    found: np.ndarray = edge + 0.5 * np.exp(-(((ENERGIES - 60 / distance**2) / 3) ** 2))
    after = found[LEARNED.norm1 <= ENERGIES]
    return found / ((after[1:] + after[:-1]) / 2).mean()


def distance(structure: Structure) -> float:
    """Return how far the nearest neighbour of the first site is, Å."""
    return float(min(one.nn_distance for one in structure.get_neighbors(structure[0], 4.0)))


@cache
def _crystals() -> tuple[Structure, ...]:
    sizes = np.linspace(0, 0.5, 8)
    rock_salts = [rock_salt(m, "O", 4.0 + a) for m in METALS for a in sizes]
    blendes = [zinc_blende(m, "O", 4.4 + a) for m in METALS for a in sizes]
    return (*rock_salts, *blendes)


@cache
def simulator_file(curve: float = 1.0) -> bytes:
    """Return the model as a file, of curves as high as is asked for."""
    crystals = _crystals()
    X = np.stack([TAKES.vector(Inputs({}, one, 0), SETTINGS) for one in crystals])
    hot = np.array([[one[0].specie.symbol == metal for metal in METALS] for one in crystals])
    y = np.stack([curve * on_paper(distance(one)) for one in crystals])
    data = TrainingSet(
        np.hstack([X, hot]).astype(np.float32),
        y.astype(np.float32),
        np.arange(len(y)).astype(str),
        TAKES.columns(SETTINGS),
        "curves",
        n_absorbers=2,
        absorbers=METALS,
    )
    model = ExtraTrees(n_estimators=30, max_features=1.0)
    card: dict[str, Any] = {
        "name": "paper",
        "absorbers": METALS,
        "takes": TAKES,
        "learned": LEARNED,
        "autobk": SETTINGS.autobk,
        "xftf": SETTINGS.xftf,
        "spectra": {"xanes": {"kind": "feff10", "name": "xanes"}},
        "doubt": {"constant": 0.01, "slope": 1.0},
        "elements": ("Fe", "O", "Ti"),
    }
    return dump_simulator(card, model, model.fit(data, 0), ["FeO", "TiO"])


def paper_simulator() -> Simulator:
    """Return the model."""
    return load_simulator(simulator_file(), "paper")
