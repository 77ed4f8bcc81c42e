"""Spectra of all inequivalent sites of structures."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exafscn_flows.crystal import absorbing_sites, reduce_structure
from exafscn_flows.errors import ItemFailure
from exafscn_flows.simulation.simulator import Curve, Simulator

if TYPE_CHECKING:
    from pymatgen.core import Structure

SYMPREC = 0.01
"""Distance tolerance of spglib by default, Å, as of campaigns."""


@dataclass(frozen=True)
class SimulatedSite:
    """The spectrum of one of a set of symmetry-equivalent sites.

    Attributes
    ----------
    formula, spacegroup
        Of the crystal.
    structure
        Its primitive cell.
    absorber
        Symbol.
    site_index, multiplicity
        0-based index of the first of them in that cell, and their number in it.
    curve
        What is predicted; None if nothing can be.
    edge
        Where the curve has its edge, eV on its axis; None of curves without one.
    seen
        Whether the model has learned from this formula; None if that is not known.
    warnings
        What makes the prediction doubtful, a sentence each.
    seconds
        What the site took, wall time.
    failure
        Why there is no curve.
    """

    formula: str
    spacegroup: str
    structure: "Structure"
    absorber: str
    site_index: int
    multiplicity: int
    curve: Curve | None
    edge: float | None
    seen: bool | None
    warnings: tuple[str, ...]
    seconds: float
    failure: ItemFailure | None = None


def simulate_sites(
    structure: "Structure",
    simulator: Simulator,
    absorber: str | None = None,
    symprec: float = SYMPREC,
) -> Iterator[SimulatedSite]:
    """Yield the spectra of the inequivalent sites of a structure, in the order of their indices.

    Parameters
    ----------
    structure
        Any cell of an ordered crystal.
    simulator
        What predicts them.
    absorber
        Symbol; None for all elements of the crystal that the simulator knows.
    symprec
        Distance tolerance of spglib, Å.

    Raises
    ------
    ItemFailure
        ``no_absorber``, ``unknown_absorber``, or as of `reduce_structure`.
    """
    reduced = reduce_structure(structure, symprec)
    absorbers = [absorber] if absorber else _known(reduced.elements, simulator)
    for symbol in absorbers:
        simulator.check(symbol)
        sites = absorbing_sites(reduced, symbol)
        if not sites:
            cause = f"there is no {symbol} in {reduced.formula}"
            raise ItemFailure("no_absorber", cause, f"it holds {', '.join(reduced.elements)}")
        started = time.perf_counter()
        found = simulator.curves(reduced.structure, [one.site_index for one in sites], symbol)
        seconds = (time.perf_counter() - started) / len(sites)
        strange = simulator.strange_elements(reduced.structure)
        warnings = (
            (f"The model has learned from no structure that holds {' or '.join(strange)}.",)
            if strange
            else ()
        )
        for site, one in zip(sites, found, strict=True):
            curve = one if isinstance(one, Curve) else None
            yield SimulatedSite(
                formula=reduced.formula,
                spacegroup=reduced.spacegroup,
                structure=reduced.structure,
                absorber=symbol,
                site_index=site.site_index,
                multiplicity=site.multiplicity,
                curve=curve,
                edge=None if curve is None else simulator.edge(curve.values),
                seen=simulator.has_seen(reduced.structure),
                warnings=() if curve is None else warnings,
                seconds=seconds,
                failure=one if isinstance(one, ItemFailure) else None,
            )


def mean_curve(sites: list[SimulatedSite]) -> np.ndarray:
    """Return the mean of curves by the multiplicity of their sites, shape (n_axis,).

    It is what a measurement of the crystal shows.
    """
    found = [(one.curve.values, one.multiplicity) for one in sites if one.curve is not None]
    values, weights = zip(*found, strict=True)
    mean: np.ndarray = np.average(np.stack(values), axis=0, weights=weights)
    return mean


def _known(elements: tuple[str, ...], simulator: Simulator) -> list[str]:
    found = [one for one in elements if one in simulator.card.absorbers]
    if not found:
        raise ItemFailure(
            "no_absorber",
            f"model {simulator.card.name} knows none of {', '.join(elements)} as absorber",
            f"it knows {', '.join(simulator.card.absorbers)}",
        )
    return found
