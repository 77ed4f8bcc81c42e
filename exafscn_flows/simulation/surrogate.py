"""A model of curves in place of a program: it computes what it is sure of, in milliseconds."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import Field, ValidationInfo, WrapValidator

from exafscn_flows.errors import CampaignError, ItemFailure, UsageError
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.edge_table import edge_energy
from exafscn_flows.spectra.feff10_settings import Feff10Settings
from exafscn_flows.spectra.parts import NEAR_EDGE, Part
from exafscn_flows.spectra.settings import FeffSettings
from exafscn_flows.spectra.way import SpectraModel, SpectrumName
from exafscn_flows.strict import from_folder

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from exafscn_flows.simulation.card import SimulatorCard
    from exafscn_flows.simulation.simulator import Simulator

_ALGORITHM_VERSION = 1
"""Raised whenever the code gives other spectra for the same model and structure."""

_CHI: frozenset[Part] = frozenset({"chi(k)"})

T = TypeVar("T")


def _path(given: Any, check: Callable[[Any], str | None], info: ValidationInfo) -> str | None:
    path = check(given)
    return None if path is None else from_folder(path, given, info)


class Surrogate(SpectraModel):
    """Spectra by a model that has learned them; a program computes those that it doubts.

    All are on the axis of the model, as the features are that it has learned: energies of XANES
    are relative to the edge that each spectrum shows, whoever has computed it.
    """

    seconds = 0.02

    kind: Literal["surrogate"]
    name: SpectrumName = Field(default="xanes", description="What feature sets call it.")
    model: Annotated[str | None, WrapValidator(_path)] = Field(
        default=None,
        description="File of the model, as `exafscn models export` writes it; None: the one of "
        "K-edge XANES that exafscn brings along.",
    )
    max_error: float = Field(
        default=0.06,
        gt=0,
        description="Expected error of a curve, as a root mean square over its points, above which "
        "it is doubted.",
    )
    program: Annotated[FeffSettings | Feff10Settings, Field(discriminator="kind")] | None = Field(
        default=None,
        description="What computes the spectra that are doubted, written as in spectra; None: "
        "nothing does, and these sites fail.",
    )

    @property
    def brings(self) -> frozenset[Part]:
        """What its spectra hold: that from which the curve of the model is made."""
        return NEAR_EDGE if self.card().learned.has_edge else _CHI

    def check(self) -> None:
        """Raise UsageError if its model, or the program, is not on this machine."""
        self.card()
        if self.program is not None:
            self.program.check()

    def parameters(self) -> dict[str, Any]:
        """Return all that decides a spectrum, except the structure; JSON-serialisable."""
        return {
            "kind": self.kind,
            "model": self.card().version,
            "max_error": self.max_error,
            "program": self.program and self.program.parameters(),
            "version": _ALGORITHM_VERSION,
        }

    @property
    def found_by_content(self) -> bool:
        return self.program is None or self.program.found_by_content

    def feff_cards(self) -> dict[str, str]:
        return {} if self.program is None else self.program.feff_cards()

    def card(self) -> "SimulatorCard":
        """Return what its model is.

        Raises
        ------
        UsageError
            If there is no such file, or it holds none.
        """
        from exafscn_flows.simulation.shipped import shipped_card

        return shipped_card() if self.model is None else self._of_file(_card)

    def simulator(self) -> "Simulator":
        """Return its model; errors are those of `card`."""
        from exafscn_flows.simulation.shipped import load_shipped

        return load_shipped() if self.model is None else self._of_file(_simulator)

    def _of_file(self, read: Callable[[str, int], T]) -> T:
        assert self.model is not None
        try:
            return read(self.model, os.stat(self.model).st_mtime_ns)
        except OSError as error:
            reason = f"{self.model}: {(error.strerror or str(error)).lower()}"
        except CampaignError as error:
            reason = str(error)
        raise UsageError(f"spectra {self.name}: {reason}")

    def compute(self, structure: "Structure", site_index: int, scratch: Path) -> Spectrum:
        simulator = self.simulator()
        absorber = structure[site_index].specie.symbol
        doubt = _doubt(simulator, structure, absorber)
        if not doubt:
            (found,) = simulator.curves(structure, [site_index], absorber)
            if isinstance(found, ItemFailure):
                doubt = found.message
            elif found.expected_error > self.max_error:
                doubt = f"the expected error of its curve is {found.expected_error:.3f}"
            else:
                made = _spectrum(simulator, found.values, absorber)
                return replace(made, expected_error=found.expected_error)
        if self.program is None:
            raise ItemFailure(
                "doubted",
                f"model {simulator.card.name} is not sure of this site: {doubt}",
                "set program, which then computes it, or raise max_error",
            )
        computed = self.program.compute(structure, site_index, scratch)
        made = _spectrum(simulator, simulator.curve_of(computed), absorber)
        names = ("program", "version", "cards", "seconds")
        return replace(made, **{name: getattr(computed, name) for name in names})


def _doubt(simulator: "Simulator", structure: "Structure", absorber: str) -> str:
    """Say why a model has nothing to say of a site; empty if it has."""
    if absorber not in simulator.card.absorbers:
        return f"it does not know {absorber} as absorber"
    strange = simulator.strange_elements(structure)
    return f"it has learned from no structure with {' or '.join(strange)}" if strange else ""


def _spectrum(simulator: "Simulator", values: np.ndarray, absorber: str) -> Spectrum:
    """Return a curve as a spectrum, of which the features of the model are this curve again.

    Where k, or the energy of the axis, is 0 is said to be at the tabulated edge: nobody knows
    better.
    """
    e0 = edge_energy(absorber, "K") or 0.0
    card, axis, none = simulator.card, np.asarray(simulator.axis, dtype=float), np.empty(0)
    values = np.asarray(values, dtype=float)
    head = (f"exafscn {card.name}", card.version)
    if card.learned.has_edge:
        return Spectrum("K", "XANES", e0, none, none, axis, values, none, *head)
    chi = values / axis**simulator.kweight
    return Spectrum("K", "EXAFS", e0, axis, chi, none, none, none, *head)


@lru_cache(maxsize=4)
def _card(path: str, changed: int) -> "SimulatorCard":
    from exafscn_flows.simulation.file import load_card

    return load_card(Path(path).read_bytes(), path)


@lru_cache(maxsize=2)
def _simulator(path: str, changed: int) -> "Simulator":
    from exafscn_flows.simulation.file import load_simulator

    return load_simulator(Path(path).read_bytes(), path)
