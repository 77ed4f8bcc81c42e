"""Curves as targets: which feature sets can be learned, and which of the others hold the answer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from exafscn_flows.features import Concatenation, FeatureSetModel
from exafscn_flows.features.axes import is_curve
from exafscn_flows.features.base import OneSpectrum
from exafscn_flows.spectra.parts import Part
from exafscn_flows.strict import LocatedError

if TYPE_CHECKING:
    import numpy as np

    from exafscn_flows.config.campaign import CampaignConfig

_SAME: Mapping[Part, str] = {"chi(k)": "EXAFS", "EXAFS in mu(E)": "EXAFS"}
"""Parts of a spectrum that tell the same in two ways; each other one tells its own."""


def check_curves(config: "CampaignConfig") -> None:
    """Check that spectra to learn are curves, and that no model is given the answer.

    Raises
    ------
    LocatedError
        If not.
    """
    sets = {fset.name: fset for fset in config.features.sets}
    for index, target in enumerate(config.targets):
        of = target.vectors_of
        if of is None:
            continue
        at = ("targets", index, "of")
        if of not in sets:
            message = f"feature set {of!r} is not in this file, which has {', '.join(sets)}"
            raise LocatedError(at, message)
        if fault := _fault(config, sets[of]):
            raise LocatedError(at, f"feature set {of} {fault}: name a curve, such as xanes")
        for model in config.models_for(target.name):
            try:
                model.check_curve(sets[of], config.features)
            except ValueError as error:
                raise LocatedError(("models", config.models.index(model)), str(error)) from None
        told = [name for name in sets if holds_answer(config, name, target.name)]
        for model in config.models_for(target.name):
            number = config.models.index(model)
            if model.targets is None and len(config.targets) > 1:
                continue  # sets that it names may be meant for other targets
            for place, name in enumerate(model.feature_sets or []):
                if name in told:
                    message = (
                        f"feature set {name} holds what target {target.name} is, {of}: name "
                        "others, such as a site_descriptor"
                    )
                    raise LocatedError(("models", number, "feature_sets", place), message)
            if len(told) == len(sets):
                message = (
                    f"every feature set holds what target {target.name} is, {of}: add another, "
                    "such as a site_descriptor"
                )
                raise LocatedError(("models", number), message)
        if config.models and not any(config.models_on(name, target.name) for name in sets):
            message = f"no model learns {target.name} from a set that does not hold {of}: add one"
            raise LocatedError(("targets", index), message)


def curve_axis(config: "CampaignConfig", target: str) -> "np.ndarray | None":
    """Return the coordinate of each point of the curves of a target; None of another target."""
    (of,) = (one.vectors_of for one in config.targets if one.name == target)
    sets = {fset.name: fset for fset in config.features.sets}
    return None if of is None else sets[of].axis(config.features)[0]


def holds_answer(config: "CampaignConfig", feature_set: str, target: str) -> bool:
    """Tell whether a feature set, or a part of it, is made of what a target is made of.

    That is the same part of the same spectrum: chi(R) tells chi(k), and a derivative its integral.
    The near edge and the EXAFS of one spectrum are not the same, nor are spectra that are computed
    in different ways. Of targets that are no curves it is never so.

    Parameters
    ----------
    feature_set
        Name of what a model would learn from.
    target
        Name of what it would learn.
    """
    (of,) = (one.vectors_of for one in config.targets if one.name == target)
    sets = {fset.name: fset for fset in config.features.sets}
    if of is None or feature_set not in sets:
        return False
    content = {way.name: (way.kind, way.parameters()) for way in config.spectra}
    fset = sets[feature_set]
    parts = fset.parts if isinstance(fset, Concatenation) else [fset]
    return any(_tells(part, sets[of], content) for part in parts)


def _fault(config: "CampaignConfig", fset: FeatureSetModel) -> str:
    """Say why a feature set is no curve that can be learned; empty if it is one."""
    axis, label = fset.axis(config.features)
    if not fset.spectra:
        return "is made of no spectrum"
    return "" if is_curve(axis, label) else f"is no curve, since its axis is {label}"


def _tells(part: FeatureSetModel, learned: FeatureSetModel, content: Mapping[str, Any]) -> bool:
    known = [content.get(name or "") for name in learned.spectra]
    if not any(content.get(name or "") in known for name in part.spectra):
        return False
    if isinstance(part, OneSpectrum) and isinstance(learned, OneSpectrum):
        return not _told(part).isdisjoint(_told(learned))
    # Of what is made from several spectra, nobody knows which of them tells what.
    return True


def _told(fset: OneSpectrum) -> set[str]:
    return {_SAME.get(part, part) for part in fset.needs}
