"""Models of campaigns, which answer for measured spectra if their features can be made of these."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.features import (
    Composition,
    Concatenation,
    FeatureSetModel,
    Inputs,
    LarchSettings,
)
from exafscn_flows.features.base import OneSpectrum, SpectrumSet
from exafscn_flows.features.near_edge import NearEdge
from exafscn_flows.features.q_space import QSpace
from exafscn_flows.features.ranges import KRange, RRange
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.parts import PAIRS
from exafscn_flows.targets.base import TaskName

_HALF_STEP = 0.025
"""Half a step of k, 1/Å, for rounding."""

_OOD = "ood_score"

_NO_RELATION = (
    "Energies are relative to E0, which a measurement and a program that computes spectra do not "
    "choose alike: the model may see the edge some eV beside where it has learned it."
)


@dataclass(frozen=True)
class CampaignModel:
    """One version of a model of a campaign, at one absorber.

    Attributes
    ----------
    name
        campaign/target/absorber/features/model.
    version
        Hash that names the version.
    target, title, short, unit
        Name of what it predicts, what that is called in sentences and in the head of a table, and
        the unit of its numbers.
    task, classes
        Kind of the target, and what it can be; empty for numbers.
    fset, settings
        Its features.
    absorber, absorbers
        Symbol; and those that it was fitted on together, empty for one.
    fitted
        As its kind has fitted it.
    doubt
        What turns its outputs into what is said of new sites.

    Raises
    ------
    UsageError
        If its features cannot be made of a measured spectrum, or it predicts curves.
    """

    name: str
    version: str
    target: str
    title: str
    short: str
    unit: str
    task: TaskName
    classes: tuple[int | str, ...]
    fset: FeatureSetModel
    settings: LarchSettings
    absorber: str
    absorbers: tuple[str, ...]
    fitted: Any
    doubt: Mapping[str, float]

    def __post_init__(self) -> None:
        if self.task == "curves":
            raise UsageError(
                f"model {self.name} predicts {self.target}, a curve, and none is shown of a "
                "measured spectrum: name another model"
            )
        for part in self._parts:
            why = ""
            if isinstance(part, OneSpectrum) and part.needs & PAIRS:
                why = "G(r), the pair distribution function"
            elif part.takes_structure and not isinstance(part, Composition):
                why = "the structure"
            if why:
                raise UsageError(
                    f"model {self.name} is fitted on {part.name}, which is made from {why}, and "
                    "not from a measured spectrum: name another model"
                )

    @property
    def takes_composition(self) -> bool:
        """Whether the formula of the sample is among what it takes."""
        return any(isinstance(part, Composition) for part in self._parts)

    @property
    def k_range(self) -> tuple[float, float] | None:
        """The range of k that its features look at, 1/Å; None if they look at mu(E) alone."""
        ends = [end for part in self._parts for end in _ends(part, self.settings)]
        return (min(ends), max(ends)) if ends else None

    @property
    def _parts(self) -> list[FeatureSetModel]:
        return list(self.fset.parts) if isinstance(self.fset, Concatenation) else [self.fset]

    def predicted(
        self, spectrum: Spectrum, composition: Mapping[str, float] | None
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return what is predicted of a measured spectrum, as a task says it, with warnings.

        Parameters
        ----------
        spectrum
            With its usable range.
        composition
            Atoms of each element of the sample, in any unit; None if it is not known.

        Raises
        ------
        ItemFailure
            ``too_short`` if chi(k) is not usable as far as the features look at it; as features.
        """
        from exafscn_flows.tasks import task_named
        from exafscn_flows.tasks.fitted import ood_score

        warnings = self._check_range(spectrum)
        used = spectrum.usable()
        inputs = Inputs({name: used for name in self.fset.spectra if name}, None, None, composition)
        vector = self.fset.vector(inputs, self.settings)
        which = [one == self.absorber for one in self.absorbers]
        X = np.concatenate([vector, np.array(which, dtype=np.float32)])[None]
        task, classes = task_named(self.task), list(self.classes)
        output = task.output(self.fitted, X, classes)
        # The truth is not known: what is said about it is left out.
        unknown = np.zeros(1, dtype=int if classes else float)
        (found,) = task.predictions(output, classes, unknown, None, self.doubt)
        for name in ("label", "disagrees"):
            del found[name]
        (score,) = ood_score(self.fitted, X)
        if _OOD in self.doubt and score > self.doubt[_OOD]:
            warnings += (
                f"Out of distribution: the score is {score:.2f}, and that of 99 in 100 spectra "
                f"that the model has learned from is at most {self.doubt[_OOD]:.2f}.",
            )
        return found, warnings

    def _check_range(self, spectrum: Spectrum) -> tuple[str, ...]:
        warnings: tuple[str, ...] = ()
        if any(isinstance(one, NearEdge) and one.reference == "e0" for one in self._parts):
            warnings += (_NO_RELATION,)
        if self.k_range is None or spectrum.kmin is None or spectrum.kmax is None:
            return warnings
        first, last = self.k_range
        if last > spectrum.kmax + _HALF_STEP:
            raise ItemFailure(
                "too_short",
                f"model {self.name} looks at k up to {last:g} 1/Å, and chi(k) can be used up to "
                f"{spectrum.kmax:g} 1/Å",
                "name a model that needs less, or see the noise and set --kmax",
            )
        if first < spectrum.kmin - _HALF_STEP:
            warnings += (
                f"The model looks at k from {first:g} 1/Å on, and below {spectrum.kmin:g} 1/Å "
                "chi(k) depends on the background.",
            )
        return warnings


@dataclass(frozen=True)
class CampaignModels:
    """Models of one target, which answer for measured spectra, by absorber.

    Attributes
    ----------
    models
        One at least.
    composition
        Atoms of each element of the sample, in any unit; None if nobody says so.

    Raises
    ------
    UsageError
        If the composition is given and no model takes it, or the other way round.
    """

    models: Mapping[str, CampaignModel]
    composition: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        for model in self.models.values():
            if model.takes_composition and self.composition is None:
                raise UsageError(
                    f"model {model.name} takes the composition: give --formula, such as Fe2O3"
                )
            if self.composition is not None and not model.takes_composition:
                raise UsageError(f"formula: model {model.name} takes no composition: leave it out")

    @property
    def absorbers(self) -> tuple[str, ...]:
        """Symbols of those that are known."""
        return tuple(self.models)


def _ends(part: FeatureSetModel, settings: LarchSettings) -> list[float]:
    """Limits of k that a feature set looks at, 1/Å."""
    ends: list[float] = []
    if isinstance(part, KRange):
        ends += part.limits(settings)
    if isinstance(part, RRange):
        settings = part.own(settings)
    if isinstance(part, SpectrumSet) and (isinstance(part, QSpace) or not ends):
        ends += [settings.xftf.kmin, settings.xftf.kmax]
    return ends
