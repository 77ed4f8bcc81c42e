"""Checks of targets."""

import numpy as np
from crystals import cesium_chloride, cuprite, rock_salt, zinc_blende
from pymatgen.core import Lattice, Structure

from conformance.examples import NIO, example
from exafscn_flows.crystal import AbsorbingSite
from exafscn_flows.errors import ItemFailure
from exafscn_flows.targets import TargetModel
from exafscn_flows.targets.base import Label
from exafscn_flows.targets.surroundings import Surroundings

# The first site of each is a metal.
CRYSTALS = (NIO, zinc_blende("Zn", "S", 5.41), cuprite(), cesium_chloride("Cs", "Cl", 4.12))

BAD_CRYSTALS = (
    # One atom in a vacuum, and in a larger one.
    Structure(Lattice.cubic(900), ["Cu"], [[0, 0, 0]]),
    Structure(Lattice.cubic(3000), ["Cu"], [[0, 0, 0]]),
    # Atoms on top of each other.
    Structure(Lattice.cubic(4), ["Ni", "O"], [[0, 0, 0], [0, 0, 0]]),
    # No bond holds these.
    Structure(Lattice.cubic(12), ["Kr", "Xe"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
)


def labels_are_sound(one: type[TargetModel]) -> None:
    """A label is what its task says, with weights of which it has the largest, and stays so."""
    target = example(one)
    for structure in CRYSTALS:
        first = [AbsorbingSite(0, 1)]
        label = target.label(Surroundings(structure), first)
        is_sound(target, label)
        assert label == example(one).label(Surroundings(structure), first)
    both = [AbsorbingSite(0, 1), AbsorbingSite(1, 3)]
    for mode in ("uniform", "averaged"):
        target = example(one, mode=mode)
        is_sound(target, target.label(Surroundings(rock_salt("Ni", "O", 4.178)), both))


def is_sound(target: TargetModel, label: Label) -> None:
    """Check one label."""
    assert all(value is None or isinstance(value, float | str) for value in label.details.values())
    if target.task == "numbers":
        assert isinstance(label.value, float)
        assert np.isfinite(label.value)
        assert label.weights is None
        assert label.spread is None or 0 <= label.spread < np.inf
        return
    assert isinstance(label.value, int | str)
    assert not isinstance(label.value, bool)
    assert label.spread is None
    if label.weights is not None:
        assert abs(sum(label.weights.values()) - 1) < 1e-3
        assert target.mode == "averaged" or (
            max(label.weights.values()) == label.weights[str(label.value)]
        )


def bad_structures_fail(one: type[TargetModel]) -> None:
    """Where there is no label to trust, there is a failure, and never another error."""
    target = example(one)
    failures = []
    for structure in BAD_CRYSTALS:
        try:
            is_sound(target, target.label(Surroundings(structure), [AbsorbingSite(0, 1)]))
        except ItemFailure as failure:
            failures.append(failure)
    assert failures
    for failure in failures:
        assert failure.kind
        assert failure.message
        assert "\n" not in failure.message + failure.hint
