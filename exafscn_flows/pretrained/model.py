"""A trained model that comes with the package: from chi(k) of a measurement to its neighbours."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Self

import numpy as np

from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.pretrained.network import Networks
from exafscn_flows.pretrained.network_file import load_networks
from exafscn_flows.processing.settings import KSTEP
from exafscn_flows.tasks.calibration import tempered
from exafscn_flows.tasks.prediction_sets import prediction_sets
from exafscn_flows.tasks.softmax import softmax

E0_SHIFTS = (-3.0, 0.0, 3.0)
"""By how much E0 is raised, eV; answers are means over them, since nobody knows it better."""

_MARGIN = 1.0
"""1/Å beyond kmax that the window of the transform, and a moved E0, still look at."""
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
    """

    name: str
    classes: tuple[int, ...]
    absorbers: tuple[str, ...]
    card: Mapping[str, Any]
    cn: Networks
    bond: Networks

    @classmethod
    def of(cls, card: Mapping[str, Any], weights: Mapping[str, bytes]) -> Self:
        """Return the model of a card and of the files of its networks, which it names.

        Raises
        ------
        CampaignError
            If a file is not the one whose checksum the card has.
        """
        networks = {}
        for part, data in weights.items():
            if hashlib.sha256(data).hexdigest() != card["sha256"][part]:
                raise CampaignError(
                    f"the {part} weights of model {card['name']} are not those of its card: "
                    "install exafscn again"
                )
            networks[part] = load_networks(data)[0]
        absorbers, classes = tuple(card["absorbers"]), tuple(card["classes"])
        for network, n_outputs in ((networks["cn"], len(classes)), (networks["bond"], 1)):
            if network.n_others != len(absorbers) or network.n_outputs != n_outputs:
                raise CampaignError(
                    f"weights and card of model {card['name']} do not fit: install exafscn again"
                )
        return cls(card["name"], classes, absorbers, card, networks["cn"], networks["bond"])

    @property
    def k_range(self) -> tuple[float, float]:
        """Least and largest k that it has learned to look at, 1/Å."""
        return self.card["kmin"][0], self.card["kmax"][1]

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
        self._check(absorber)
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
        self._check(absorber)
        k, chi = np.asarray(k, dtype=float), np.asarray(chi, dtype=float)
        if k.ndim != 1 or k.shape != chi.shape or len(k) < 2 or not np.isfinite(chi).all():
            raise _bad("chi(k) has values that are not finite, or not as many as k")
        if not np.allclose(k, KSTEP * np.arange(len(k)), atol=1e-6):
            raise _bad("k does not go from 0 in steps of 0.05 1/Å")
        least, most = self.k_range
        low, high = max(kmin, least), min(kmax, most, float(k[-1]))
        if not low + 1 <= high:
            raise _bad(f"the range of k, from {low:g} to {high:g} 1/Å, is too short")
        used = chi[None, : int((high + _MARGIN) / KSTEP) + 1].astype(np.float32)
        others = np.array([[float(absorber == one) for one in self.absorbers]])
        return networks.outputs(used, np.array([low]), np.array([high]), others, E0_SHIFTS)

    def _check(self, absorber: str) -> None:
        if absorber not in self.absorbers:
            known = ", ".join(self.absorbers)
            raise ItemFailure(
                "unknown_absorber",
                f"model {self.name} does not know {absorber}: it knows {known}",
                "train a model on computed spectra of this element",
            )


def _bad(message: str) -> ItemFailure:
    return ItemFailure("bad_spectrum", message, "give chi(k) as processing makes it")


def load_shipped(name: str) -> Pretrained:
    """Read a model of the package.

    Raises
    ------
    CampaignError
        If its files are missing, or not those of its card.
    """
    folder = files("exafscn_flows.pretrained")
    try:
        card = json.loads((folder / f"{name}.json").read_text())
        weights = {part: (folder / file).read_bytes() for part, file in card["files"].items()}
    except (OSError, ValueError) as error:
        raise CampaignError(
            f"model {name} of the package cannot be read: install exafscn again"
        ) from error
    return Pretrained.of(card, weights)
