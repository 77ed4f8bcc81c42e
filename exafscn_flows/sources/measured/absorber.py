"""Which element absorbs, if nobody says so."""

from collections.abc import Collection

import numpy as np

from exafscn_flows.processing.edge import WINDOW
from exafscn_flows.sources.measured.edges import find_step
from exafscn_flows.sources.measured.spectrum import MeasuredSpectrum, failure
from exafscn_flows.spectra.edge_table import Edge, edges

_HINT = "name it: --absorber Fe"


def absorber_of(
    spectrum: MeasuredSpectrum, known: Collection[str] | None, name: str
) -> tuple[str, tuple[str, ...]]:
    """Return the absorber of a spectrum, and what there is to say about it.

    It is the one that the user names, else the one that the file states, else the one of the K edge
    at which mu rises most, if that can be but one.

    Parameters
    ----------
    spectrum
        As it was read.
    known
        Symbols of the absorbers that a model knows; None for all that there are.
    name
        What to call it in errors.

    Raises
    ------
    ItemFailure
        ``unknown_absorber`` if the model does not know it, ``unknown_edge`` if another edge is
        stated, ``no_absorber`` if it cannot be found.
    """
    if spectrum.edge not in (None, "K"):
        who = "this program" if known is None else "the model"
        cause = f"a spectrum of the {spectrum.edge} edge, and {who} knows K edges only"
        raise failure("unknown_edge", name, cause, "give a spectrum of a K edge")
    if spectrum.absorber is None:
        return _found(spectrum, known, name)
    if known is not None and spectrum.absorber not in known:
        cause = f"the model does not know {spectrum.absorber} as absorber"
        raise failure("unknown_absorber", name, cause, f"it knows {', '.join(known)}")
    return spectrum.absorber, ()


def _found(
    spectrum: MeasuredSpectrum, known: Collection[str] | None, name: str
) -> tuple[str, tuple[str, ...]]:
    if spectrum.energy is None or spectrum.mu is None:
        cause = "the file does not state the absorber, and chi(k) does not tell it"
        raise failure("no_absorber", name, cause, _HINT)
    step = find_step(spectrum.energy, spectrum.mu, None)
    if step is None or not step.rises:
        cause = "the file does not state the absorber, and mu shows no clear edge that tells it"
        raise failure("no_absorber", name, cause, _HINT)
    near = edges_at(step.energy)
    fitting = [
        edge for edge in near if edge.name == "K" and (known is None or edge.element in known)
    ]
    if len(fitting) != 1:
        none = "no K edge" if known is None else f"no K edge of {', '.join(known)}"
        which = " and ".join(map(str, fitting)) or none
        cause = (
            f"the file does not state the absorber, and mu rises at {step.energy:.0f} eV, where "
            f"{'are' if fitting else 'is'} {which}"
        )
        raise failure("no_absorber", name, cause, _HINT)
    (edge,) = fitting
    others = [other for other in near if other is not edge]
    more = f"; so does {' and '.join(map(str, others))}" if others else ""
    return edge.element, (
        f"The file does not state the absorber: mu rises at {step.energy:.0f} eV, which fits "
        f"{edge}{more}.",
    )


def edges_at(energy: float) -> list[Edge]:
    """Return the tabulated edges that a rise of mu can be; L1 and L2, which are weak, are none."""
    offsets = np.array([energy - edge.energy for edge in edges()])
    fits = (offsets >= WINDOW[0]) & (offsets <= WINDOW[1])
    return [edges()[at] for at in np.flatnonzero(fits) if edges()[at].name in ("K", "L3")]
