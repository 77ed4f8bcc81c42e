"""The general model as a classifier of the sites of a campaign; no torch is needed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from exafscn_flows.errors import CampaignError
from exafscn_flows.models.correction import corrected, correction
from exafscn_flows.models.measured_fitted import MeasuredClassifier
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.pretrained import Pretrained, card_sha256, load_general

_VERSION = 1
"""Grows whenever the file or what is done with it changes."""


@dataclass(frozen=True)
class PretrainedClassifier:
    """The general model, with what it needs to know of a campaign.

    Attributes
    ----------
    general
        The model.
    axis, kweight
        k of the first features, 1/Å, shape (n_axis,), and the power of k that weights them.
    n_features_in_
        Number of features; what is neither chi(k) nor the absorber is not looked at.
    absorbers
        Symbols: of one absorber, its own; else of each of the last features.
    numbers, values
        Numbers of the classes, ascending, and the coordination number that each of them is.
    correction
        What makes of their log-probabilities others, as of `corrected`; None: nothing.

    Raises
    ------
    ValueError
        If these do not fit together.
    ItemFailure
        ``unknown_absorber`` if the model does not know one.
    """

    general: Pretrained
    axis: np.ndarray
    kweight: int
    n_features_in_: int
    absorbers: tuple[str, ...]
    numbers: tuple[int, ...]
    values: tuple[int, ...]
    correction: np.ndarray | None = None

    def __post_init__(self) -> None:
        n = len(self.numbers)
        for symbol in self.absorbers:
            self.general.check(symbol)
        if not self.absorbers or len(self.axis) + self._n_columns > self.n_features_in_:
            raise ValueError("absorbers and features do not fit together")
        known = len(self.values) == n > 0 and set(self.values) <= {*self.general.classes}
        if not known or list(self.numbers) != sorted({*self.numbers}) or self.numbers[0] < 0:
            raise ValueError("classes and coordination numbers do not fit together")
        wanted = self.correction is None or self.correction.shape == (n + 1,)
        if not wanted or not np.isfinite([] if self.correction is None else self.correction).all():
            raise ValueError("a correction is not one of these classes")
        self._networks  # noqa: B018  (the axis is checked)

    @cached_property
    def _networks(self) -> MeasuredClassifier:
        places = np.arange(len(self.general.classes))
        ends = self.general.computed_range
        return MeasuredClassifier(self.general.cn, self.axis, self.kweight, *ends, places)

    @property
    def _n_columns(self) -> int:
        """Number of the last features that say which absorber a row is of."""
        return len(self.absorbers) if len(self.absorbers) > 1 else 0

    @property
    def classes_(self) -> np.ndarray:
        """Numbers of the classes, ascending, shape (n_classes,), int64."""
        return np.array(self.numbers, dtype=np.int64)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class of each row, shape (n,)."""
        predicted: np.ndarray = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return predicted

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities, shape (n, n_classes), columns in the order of ``classes_``.

        They are those of spectra as they are computed, on condition that it is one of the classes.

        Raises
        ------
        ValueError
            If ``X`` has not these features, or holds values that are not finite.
        """
        X = np.asarray(X, dtype=np.float32)
        if X.ndim != 2 or X.shape[1] != self.n_features_in_:
            raise ValueError(f"features have shape {X.shape}, not (n, {self.n_features_in_})")
        inputs = np.hstack([X[:, : len(self.axis)], self._which(X)])
        places = [self.general.classes.index(value) for value in self.values]
        proba = self._networks.predict_proba(inputs)[:, places]
        proba /= proba.sum(axis=1, keepdims=True)
        return proba if self.correction is None else corrected(proba, self.correction)

    def has_seen(self, formulas: Sequence[str]) -> np.ndarray:
        """Tell which reduced formulas the model was trained on, shape (n,)."""
        return self.general.has_seen(formulas)

    def _which(self, X: np.ndarray) -> np.ndarray:
        """Say of each row which absorber of the model it is of, shape (n, n_known)."""
        known = self.general.absorbers
        own = np.array([[a == b for b in known] for a in self.absorbers], dtype=np.float32)
        if not self._n_columns:
            return np.repeat(own, len(X), axis=0)
        found: np.ndarray = X[:, -self._n_columns :] @ own
        return found


def adapted(data: TrainingSet, kweight: int, refine: bool) -> PretrainedClassifier:
    """Return the general model for the sites of a campaign.

    Parameters
    ----------
    data
        Sites whose first features are chi(k), weighted; their classes and absorbers are known.
    kweight
        Power of k that weights them.
    refine
        Whether sites of formulas that the model has not seen correct it.

    Raises
    ------
    ItemFailure
        ``unknown_absorber`` if the model does not know one of the absorbers.
    ValueError
        If it cannot take such features, or knows none of the classes.
    """
    general = load_general()
    known = [(n, one) for n, one in enumerate(data.classes) if one in general.classes]
    made = PretrainedClassifier(
        general,
        data.columns.axis,
        kweight,
        data.X.shape[1],
        data.absorbers,
        tuple(number for number, _ in known),
        tuple(int(one) for _, one in known),
    )
    if not refine:
        return made
    names = [str(one) for one in data.groups]
    rows = ~general.has_seen(names) & np.isin(data.y, made.classes_)
    y = np.searchsorted(made.classes_, data.y[rows])
    return replace(made, correction=correction(made.predict_proba(data.X)[rows], y))


def dump_pretrained(fitted: Any) -> bytes:
    """Return what makes the general model one of a campaign, as JSON; the model itself is named.

    Raises
    ------
    TypeError
        If it is no such model.
    """
    if not isinstance(fitted, PretrainedClassifier):
        raise TypeError(f"{type(fitted).__name__} is no model that comes with the package")
    content = {
        "version": _VERSION,
        "model": fitted.general.name,
        "sha256": card_sha256(fitted.general.card),
        "axis": fitted.axis.tolist(),
        "kweight": fitted.kweight,
        "n_features": fitted.n_features_in_,
        "absorbers": fitted.absorbers,
        "numbers": fitted.numbers,
        "values": fitted.values,
        "correction": None if fitted.correction is None else fitted.correction.tolist(),
    }
    return json.dumps(content, separators=(",", ":")).encode()


def load_pretrained(data: bytes) -> PretrainedClassifier:
    """Return the model of a file.

    Raises
    ------
    CampaignError
        If it is about another model than that of the package.
    Exception
        If the file is no such file.
    """
    content = json.loads(data)
    if content["version"] != _VERSION:
        raise ValueError(f"version {content['version']} of the file is not known")
    general = load_general()
    named, own = (content["model"], content["sha256"]), (general.name, card_sha256(general.card))
    if named != own:
        then, now = (f"{name} with card {sha[:12]}" for name, sha in (named, own))
        raise CampaignError(
            f"a stored model is model {then} of the package, which has {now}: run the campaign "
            "again, or install the version of exafscn that it was made with"
        )
    parts = content["correction"]
    return PretrainedClassifier(
        general,
        np.array(content["axis"], dtype=np.float64),
        content["kweight"],
        content["n_features"],
        tuple(content["absorbers"]),
        tuple(content["numbers"]),
        tuple(content["values"]),
        None if parts is None else np.array(parts, dtype=np.float64),
    )
