"""A trained model that comes with the package: from chi(k) of a measurement to its neighbours."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Self

import numpy as np

from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.pretrained.formulas import are_among, load_formulas
from exafscn_flows.pretrained.network import Networks
from exafscn_flows.pretrained.network_file import load_networks
from exafscn_flows.processing.settings import KSTEP
from exafscn_flows.tasks.calibration import tempered
from exafscn_flows.tasks.prediction_sets import prediction_sets
from exafscn_flows.tasks.softmax import softmax

E0_SHIFTS = (-3.0, 0.0, 3.0)
"""By how much E0 is raised, eV; answers are means over them, since nobody knows it better."""

_FOLDER = "exafscn_flows.pretrained"
_MARGIN = 1.0
"""1/Å beyond kmax that the window of the transform, and a moved E0, still look at."""
_ROUNDING = 1e-4
"""So far from its place, 1/Å, a k may be."""
_GAUSSIAN = float(np.sqrt(np.pi / 2))
"""Standard deviation over mean absolute value."""


@dataclass(frozen=True)
class Pretrained:
    """Networks with their calibration.

    Attributes
    ----------
    name
        Name of the model.
    classes
        Coordination numbers that it knows, ascending.
    absorbers
        Symbols.
    card
        What it is made from, how good it is, and what it must not be used for.
    cn, bond
        Networks whose outputs are classes, and the mean bond length.
    formulas
        Those that it was trained on, as `are_among` takes them.
    """

    name: str
    classes: tuple[int, ...]
    absorbers: tuple[str, ...]
    card: Mapping[str, Any]
    cn: Networks
    bond: Networks
    formulas: np.ndarray

    @classmethod
    def of(cls, card: Mapping[str, Any], parts: Mapping[str, bytes]) -> Self:
        """Return the model of a card and of the files that it names.

        Raises
        ------
        CampaignError
            If a file is not the one whose checksum the card has.
        """
        for part, data in parts.items():
            if hashlib.sha256(data).hexdigest() != card["sha256"][part]:
                raise CampaignError(
                    f"the file {part} of model {card['name']} is not that of its card: "
                    "install exafscn again"
                )
        networks = {part: load_networks(parts[part])[0] for part in ("cn", "bond")}
        formulas = load_formulas(parts["formulas"])
        absorbers, classes = tuple(card["absorbers"]), tuple(card["classes"])
        for network, n_outputs in ((networks["cn"], len(classes)), (networks["bond"], 1)):
            if network.n_others != len(absorbers) or network.n_outputs != n_outputs:
                raise CampaignError(
                    f"weights and card of model {card['name']} do not fit: install exafscn again"
                )
        return cls(card["name"], classes, absorbers, card, **networks, formulas=formulas)

    @property
    def k_range(self) -> tuple[float, float]:
        """Least and largest k that it has learned to look at, 1/Å."""
        return self.card["kmin"][0], self.card["kmax"][1]

    @property
    def computed_range(self) -> tuple[float, float]:
        """Range of k in which it is shown computed spectra, 1/Å."""
        settings = self.card["settings"]["coordination_number"]
        return settings["kmin"], settings["kmax"]

    def has_seen(self, formulas: Iterable[str]) -> np.ndarray:
        """Tell which reduced formulas are among those that it was trained on, shape (n,)."""
        return are_among(formulas, self.formulas)

    def probabilities(
        self, k: np.ndarray, chi: np.ndarray, kmin: float, kmax: float, absorber: str
    ) -> np.ndarray:
        """Return the probability of each coordination number.

        It is the mean over three choices of E0 and over the networks, calibrated by computed
        spectra that were changed as measurements are, and that the networks had not learned.

        Parameters
        ----------
        k, chi
            Wave number from 0 in steps of 0.05 1/Å, and chi(k) without weight, as of
            `ProcessedSpectrum`; shape (n_k,).
        kmin, kmax
            Usable range, 1/Å.
        absorber
            Symbol.

        Returns
        -------
        numpy.ndarray
            In the order of `classes`, 1 in sum, shape (n_classes,).

        Raises
        ------
        ItemFailure
            ``unknown_absorber``, or ``bad_spectrum`` if chi(k) is not finite or has another k.
        """
        found = softmax(self._outputs(self.cn, k, chi, kmin, kmax, absorber)).mean(axis=0)
        calibrated: np.ndarray = tempered(found, self.card["temperature"])[0]
        return calibrated

    def prediction_set(self, probabilities: np.ndarray, absorber: str) -> tuple[int, ...]:
        """Return the coordination numbers that cannot be ruled out.

        The right one is among them for nine in ten computed spectra that were changed as
        measurements are.

        Parameters
        ----------
        probabilities
            From `probabilities`.
        absorber
            Symbol.

        Raises
        ------
        ItemFailure
            ``unknown_absorber``.
        """
        self.check(absorber)
        proba = np.asarray(probabilities)[None]
        least = np.full(proba.shape[1], self.card["thresholds"][absorber])
        (within,) = prediction_sets(proba, least, proba.argmax(axis=1))
        return tuple(one for one, inside in zip(self.classes, within, strict=True) if inside)

    def bond_length(
        self, k: np.ndarray, chi: np.ndarray, kmin: float, kmax: float, absorber: str
    ) -> tuple[float, float] | None:
        """Return the mean bond length and its standard deviation, Å.

        Parameters and errors are those of `probabilities`.
        """
        center, width = self.card["bond_length"]["numbers"]
        doubt = self.card["bond_length"]["doubt"]
        outputs = center + width * self._outputs(self.bond, k, chi, kmin, kmax, absorber)
        error = doubt["constant"] + doubt["slope"] * float(outputs.std())
        return float(outputs.mean()), _GAUSSIAN * error

    def _outputs(
        self,
        networks: Networks,
        k: np.ndarray,
        chi: np.ndarray,
        kmin: float,
        kmax: float,
        absorber: str,
    ) -> np.ndarray:
        self.check(absorber)
        k, chi = np.asarray(k, dtype=float), np.asarray(chi, dtype=float)
        if k.ndim != 1 or k.shape != chi.shape or len(k) < 2 or not np.isfinite(chi).all():
            raise _bad("chi(k) has values that are not finite, or not as many as k")
        if not (np.abs(k - KSTEP * np.arange(len(k))) < _ROUNDING).all():
            raise _bad("k does not go from 0 in steps of 0.05 1/Å")
        least, most = self.k_range
        low, high = max(kmin, least), min(kmax, most, float(k[-1]))
        if not low + 1 <= high:
            raise _bad(f"the range of k, from {low:g} to {high:g} 1/Å, is too short")
        used = chi[None, : int((high + _MARGIN) / KSTEP) + 1].astype(np.float32)
        others = np.array([[float(absorber == one) for one in self.absorbers]])
        return networks.outputs(used, np.array([low]), np.array([high]), others, E0_SHIFTS)

    def check(self, absorber: str) -> None:
        """Raise ItemFailure if it does not know an absorber."""
        if absorber not in self.absorbers:
            known = ", ".join(self.absorbers)
            raise ItemFailure(
                "unknown_absorber",
                f"model {self.name} does not know {absorber}: it knows {known}",
                "train a model on computed spectra of this element",
            )


def _bad(message: str) -> ItemFailure:
    return ItemFailure("bad_spectrum", message, "give chi(k) as processing makes it")


@lru_cache(maxsize=1)
def read_card(name: str) -> dict[str, Any]:
    """Read the card of a model of the package; not to be changed.

    Raises
    ------
    CampaignError
        If it is missing or damaged.
    """
    try:
        card: dict[str, Any] = json.loads((files(_FOLDER) / f"{name}.json").read_text())
    except (OSError, ValueError) as error:
        raise _unreadable(name) from error
    return card


def card_sha256(card: Mapping[str, Any]) -> str:
    """Return the checksum of what a card says, in hexadecimal; it has those of all files."""
    return hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()


def load_shipped(name: str) -> Pretrained:
    """Read a model of the package.

    Raises
    ------
    CampaignError
        If its files are missing, or not those of its card.
    """
    card = read_card(name)
    try:
        parts = {part: (files(_FOLDER) / file).read_bytes() for part, file in card["files"].items()}
    except OSError as error:
        raise _unreadable(name) from error
    return Pretrained.of(card, parts)


def _unreadable(name: str) -> CampaignError:
    return CampaignError(f"model {name} of the package cannot be read: install exafscn again")
