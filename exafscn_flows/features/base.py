"""What every feature set offers."""

from abc import abstractmethod
from typing import Annotated, Any

import numpy as np
from pydantic import StringConstraints

from exafscn_flows.config.base import StrictModel
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.spectra.base import Spectrum

FeatureName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_+]+$", max_length=40)]


class FeatureSetModel(StrictModel):
    """Base of feature sets: the fields are what can be written in a campaign file."""

    kind: str
    name: FeatureName

    @abstractmethod
    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        """Return everything that determines the vector of a given spectrum, JSON-serialisable.

        This includes a number that grows whenever the code gives other values than before.
        """

    @abstractmethod
    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return the coordinate of every feature, shape (n_features,), and its label with unit."""

    @abstractmethod
    def value_label(self, settings: LarchSettings) -> str:
        """Return what a feature value is, with its unit, for plots."""

    @abstractmethod
    def transform(self, spectrum: Spectrum, settings: LarchSettings) -> np.ndarray:
        """Return the features of a spectrum, float32, shape (n_features,).

        Raises
        ------
        ItemFailure
            If the spectrum gives no vector that can be trusted.
        """
