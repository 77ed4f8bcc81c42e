"""Checks of ways to spectra."""

from pathlib import Path
from typing import get_args

import numpy as np

from conformance.examples import NIO, example
from exafscn_flows.spectra import SpectraModel
from exafscn_flows.spectra.edge_energy import e0_fault
from exafscn_flows.spectra.parts import EVERYTHING, Part


def brings_known_parts(one: type[SpectraModel]) -> None:
    """It says what its spectra hold, in the words that feature sets ask by."""
    assert example(one).brings
    assert example(one).brings <= set(get_args(Part))


def computes_spectra(one: type[SpectraModel], scratch: Path) -> None:
    """A spectrum holds what it should, is the same again, and leaves no file."""
    way = example(one)
    if way.stored:
        return
    way.check()
    first, again = (way.compute(NIO, 0, scratch) for _ in range(2))
    assert not list(scratch.iterdir())
    for name in ("k", "chi", "energy_rel", "mu", "mu0", "r", "pdf", "dpdf"):
        values = getattr(first, name)
        assert np.isfinite(values).all(), name
        np.testing.assert_array_equal(values, getattr(again, name), err_msg=name)
    for name in ("edge", "spectrum_type", "e0", "program", "version", "cards"):
        assert getattr(first, name) == getattr(again, name), name
    if way.brings & EVERYTHING:
        assert first.edge == "K"
        assert not e0_fault("Ni", first.e0)
    pairs = ((first.r, first.pdf), (first.r, first.dpdf))
    for x, y in ((first.k, first.chi), (first.energy_rel, first.mu), *pairs):
        assert x.shape == y.shape
        assert (np.diff(x) > 0).all()
    assert len(first.mu0) in (0, len(first.mu))
    assert len(first.k) or "chi(k)" not in way.brings
    assert len(first.energy_rel) or way.brings <= {"chi(k)", "G(r)"}
    assert len(first.r) or "G(r)" not in way.brings
