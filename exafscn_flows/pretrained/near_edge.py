"""The near-edge model that comes with the package: from mu(E) at the edge to its neighbours."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Self

import numpy as np

from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.features.xanes import Xanes
from exafscn_flows.pretrained.network import NetworkSet
from exafscn_flows.pretrained.network_file import load_network_set
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.tasks.calibration import tempered
from exafscn_flows.tasks.softmax import softmax

_NAME = "near_edge"


def with_slopes(curves: np.ndarray, step: float) -> np.ndarray:
    """Return curves and their slopes, float32, shape (n, 2 * n_e).

    Parameters
    ----------
    curves
        Normalised mu(E), shape (n, n_e).
    step
        Between its points, eV.
    """
    return np.hstack([curves, np.gradient(curves, step, axis=1)]).astype(np.float32)


@dataclass(frozen=True)
class NearEdgeModel:
    """Networks with their calibration.

    Attributes
    ----------
    classes
        Coordination numbers that it knows, ascending.
    absorbers
        Symbols.
    card
        What it is made from, how good it is, and what it must not be used for.
    features
        What it looks at.
    networks
        Networks whose outputs are classes.
    """

    classes: tuple[int, ...]
    absorbers: tuple[str, ...]
    card: Mapping[str, Any]
    features: Xanes
    networks: NetworkSet

    @classmethod
    def of(cls, card: Mapping[str, Any], weights: bytes) -> Self:
        """Return the model of a card and of the file of its networks.

        Raises
        ------
        CampaignError
            If the file is not the one whose checksum the card has, or they do not fit together.
        """
        if hashlib.sha256(weights).hexdigest() != card["sha256"]:
            raise CampaignError(
                "the weights of the near-edge model are not those of its card: "
                "install exafscn again"
            )
        networks, _, _ = load_network_set(weights)
        features = Xanes(**card["features"])
        absorbers, classes = tuple(card["absorbers"]), tuple(card["classes"])
        n_inputs = 2 * len(features.grid()) + len(absorbers)
        if (networks.n_inputs, networks.n_outputs) != (n_inputs, len(classes)):
            raise CampaignError(
                "weights and card of the near-edge model do not fit: install exafscn again"
            )
        return cls(classes, absorbers, card, features, networks)

    def probabilities(self, energy_rel: np.ndarray, norm: np.ndarray, absorber: str) -> np.ndarray:
        """Return the probability of each coordination number.

        Parameters
        ----------
        energy_rel
            Energy relative to some energy at the edge, eV, ascending, shape (n_e,). The edge is
            found again.
        norm
            Normalised, best flattened, mu; shape (n_e,).
        absorber
            Symbol, one of `absorbers`.

        Returns
        -------
        numpy.ndarray
            In the order of `classes`, 1 in sum, shape (n_classes,).

        Raises
        ------
        ItemFailure
            ``bad_spectrum`` if mu does not show the near edge.
        """
        if absorber not in self.absorbers:
            raise ItemFailure("unknown_absorber", f"the near-edge model does not know {absorber}")
        none = np.empty(0)
        spectrum = Spectrum(
            edge="K",
            spectrum_type="XANES",
            e0=0.0,
            k=none,
            chi=none,
            energy_rel=energy_rel,
            mu=norm,
            mu0=none,
            program="",
            version="",
        )
        curve = self.features.normalised(spectrum).astype(np.float32)[None]
        others = np.array([[float(absorber == one) for one in self.absorbers]], dtype=np.float32)
        inputs = np.hstack([with_slopes(curve, self.features.estep), others])
        found = softmax(self.networks(inputs)).mean(axis=0)
        calibrated: np.ndarray = tempered(found, self.card["temperature"])[0]
        return calibrated


@lru_cache(maxsize=1)
def load_near_edge() -> NearEdgeModel:
    """Return the near-edge model: 4, 5 or 6 neighbours of 3d metals in oxides, Ti to Cu.

    Raises
    ------
    CampaignError
        If its files are missing or damaged.
    """
    folder = files("exafscn_flows.pretrained")
    try:
        card = json.loads((folder / f"{_NAME}.json").read_text())
        weights = (folder / card["file"]).read_bytes()
    except (OSError, ValueError) as error:
        raise CampaignError("the near-edge model cannot be read: install exafscn again") from error
    return NearEdgeModel.of(card, weights)
