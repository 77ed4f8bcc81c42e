"""Checks of feature sets."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pages import ROOT

from conformance.examples import LARCH, NIO, Kind, example
from conformance.values import literals, others
from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import FeatureSetModel, Inputs
from exafscn_flows.features.base import OneSpectrum
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.parts import NEAR_EDGE, PAIRS, Part
from exafscn_flows.strict import LocatedError


def spectrum(name: str) -> Spectrum:
    """Read what FEFF 8.5L computed for NiO, "nio", or copper, "fcc_cu"."""
    with np.load(ROOT / "tests" / "data" / f"feff_{name}.npz", allow_pickle=False) as file:
        arrays = {key: file[key] for key in ("energy_rel", "mu", "mu0", "k", "chi")}
        return Spectrum("K", "EXAFS", float(file["e0"]), program="FEFF", version="8.50L", **arrays)


def _inputs(fset: FeatureSetModel, given: Spectrum) -> Inputs:
    return Inputs({name or "exafs": given for name in fset.spectra}, NIO, 0)


def near_edge(exafs: Spectrum) -> Spectrum:
    """Make XANES, which show mu before the edge, too, from EXAFS, which begin at it."""
    near = exafs.energy_rel < 60
    before = np.arange(-15, -0.4, 0.5)
    energy, mu = exafs.energy_rel[near], exafs.mu[near]
    rise = np.interp(before, [-5, energy[0]], [0.02, mu[0]])
    none = np.empty(0)
    return replace(
        exafs,
        spectrum_type="XANES",
        k=none,
        chi=none,
        energy_rel=np.append(before, energy),
        mu=np.append(rise, mu),
        mu0=none,
    )


def _with_pairs(exafs: Spectrum) -> Spectrum:
    """Add a G(r) to a spectrum: some curve, one for each spectrum."""
    r = 0.02 * np.arange(1, 501)
    curve = np.interp(r, exafs.k, exafs.chi)
    return replace(exafs, r=r, pdf=curve, dpdf=curve / 2)


def _pairs(exafs: Spectrum) -> Spectrum:
    none = np.empty(0)
    nothing = {"k": none, "chi": none, "energy_rel": none, "mu": none, "mu0": none}
    return replace(_with_pairs(exafs), edge="", spectrum_type="PDF", e0=0.0, **nothing)


def _suitable(fset: FeatureSetModel, name: str) -> Spectrum:
    given = spectrum(name)
    if not isinstance(fset, OneSpectrum):
        return given
    return {NEAR_EDGE: near_edge, PAIRS: _pairs}.get(fset.needs, lambda one: one)(given)


def variants(one: Kind) -> Iterator[Any]:
    """Make feature sets: the default, and one for each choice among words."""
    settings = example(one)
    yield settings
    for name, field in one.model_fields.items():
        if name != "kind" and list(literals(field.annotation)):
            yield from others(settings, name)


def vectors_are_sound(one: type[FeatureSetModel]) -> None:
    """Finite single-precision numbers, the same again, each with a coordinate."""
    for fset in variants(one):
        fset.check(LARCH)
        axis, label = fset.axis(LARCH)
        assert label
        assert fset.value_label(LARCH)
        seen = []
        for name in ("nio", "fcc_cu", "nio"):
            vector = fset.vector(_inputs(fset, _suitable(fset, name)), LARCH)
            assert vector.dtype == np.float32
            assert vector.shape == (len(axis),)
            assert np.isfinite(vector).all()
            seen.append(vector)
        assert len(axis) > 0
        np.testing.assert_array_equal(seen[0], seen[2])
        if fset.spectra:
            assert (seen[0] != seen[1]).any()


def _spoilt(good: Spectrum) -> Iterator[Spectrum]:
    """Spectra that can be used for nothing."""
    none = np.empty(0)
    nothing = {"k": none, "chi": none, "energy_rel": none, "mu": none, "mu0": none}
    yield replace(good, r=none, pdf=none, dpdf=none, **nothing)
    nan = {}
    for name in ("chi", "mu", "mu0", "pdf", "dpdf"):
        nan[name] = getattr(good, name).copy()
        nan[name][30:40] = np.nan
    yield replace(good, **nan)
    order = np.arange(len(good.k))
    order[20:60] = order[20:60][::-1]
    by_energy = np.arange(len(good.energy_rel))
    by_energy[20:60] = by_energy[20:60][::-1]
    by_r = np.arange(len(good.r))
    by_r[20:60] = by_r[20:60][::-1]
    unordered = {"k": good.k[order], "energy_rel": good.energy_rel[by_energy]}
    yield replace(good, r=good.r[by_r], **unordered)
    yield replace(good, k=good.k[:-3], energy_rel=good.energy_rel[:-3], r=good.r[:-3])


def _lacking(good: Spectrum) -> Iterator[tuple[frozenset[Part], Spectrum]]:
    """Spectra that hold a part of what there may be, and which."""
    none = np.empty(0)
    yield NEAR_EDGE, near_edge(good)
    yield PAIRS, _pairs(good)
    energy = np.arange(0.04, good.energy_rel[-1], 7.5)
    mu, mu0 = (np.interp(energy, good.energy_rel, curve) for curve in (good.mu, good.mu0))
    coarse = {"energy_rel": energy, "mu": mu, "mu0": mu0}
    yield frozenset({"EXAFS in mu(E)"}), replace(good, k=none, chi=none, **coarse)


def bad_spectra_fail(one: type[FeatureSetModel]) -> None:
    """What cannot be used is a failure, with one line, and neither a vector nor another error."""
    good = spectrum("nio")
    for fset in variants(one):
        if not fset.spectra:
            continue
        for bad in _spoilt(_with_pairs(good)):
            _fails(fset, bad)
        for holds, other in _lacking(good):
            plain = fset.model_copy(update={"spectrum": None})
            try:
                plain.resolved({"other": holds})
            except LocatedError:
                _fails(fset, other)
            else:
                fset.vector(_inputs(fset, other), LARCH)


def _fails(fset: FeatureSetModel, bad: Spectrum) -> None:
    with pytest.raises(ItemFailure) as caught:
        fset.vector(_inputs(fset, bad), LARCH)
    failure = caught.value
    assert failure.kind
    assert failure.message
    assert "\n" not in failure.message + failure.hint
