"""Which feature sets a model of a campaign file may be fitted on."""

from typing import Any

from exafscn_flows.features import Concatenation, LarchSettings
from exafscn_flows.models.base import ModelBase
from exafscn_flows.strict import LocatedError, Location


def check_set(
    model: ModelBase, fset: Any, settings: LarchSettings, at: Location, where: Location
) -> None:
    """Check that a model that needs parts, or sets of a kind, finds them in a feature set.

    Parameters
    ----------
    model
        The model.
    fset
        A feature set that it is fitted on.
    settings
        What all feature sets have in common.
    at
        Where the model stands in the file.
    where
        Where it names the set, or as `at`.

    Raises
    ------
    LocatedError
        If it does not.
    """
    parts = fset.parts if isinstance(fset, Concatenation) else []
    known = [part.name for part in parts]
    for name in model.part_names:
        if known.count(name) != 1:
            many = "several parts" if name in known else "no part"
            listed = f": it has {', '.join(known)}" if known else ""
            message = f"feature set {fset.name} has {many} {name}{listed}"
            raise LocatedError((*at, "parts"), message)
    if model.takes_parts and not known:
        message = (
            f"{model.kind} takes concatenations, and feature set {fset.name} is none: list those "
            "that are in feature_sets"
        )
        raise LocatedError(where, message)
    for part, taker in model.taken(known):
        whole = parts[0] if parts else fset
        taken = whole if part is None else parts[known.index(part)]
        if taken.kind != taker.takes:
            message = (
                f"{model.name} takes features of kind {taker.takes}, and {taken.name} is of kind "
                f"{taken.kind}: {taker.advice}"
            )
            raise LocatedError(where, message)
        try:
            taker.check_features(taken, settings)
        except ValueError as error:
            raise LocatedError(where, f"feature set {taken.name}: {error}") from None
