"""Feature vectors of spectra. Importing this package does not import larch."""

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from exafscn_flows.features.base import FeatureSetModel
from exafscn_flows.features.composition import Composition
from exafscn_flows.features.concatenation import Concatenation
from exafscn_flows.features.inputs import Inputs
from exafscn_flows.features.k_space import KSpace
from exafscn_flows.features.pdf import Pdf
from exafscn_flows.features.peaks import Peaks
from exafscn_flows.features.power_spectrum import PowerSpectrum
from exafscn_flows.features.q_space import QSpace
from exafscn_flows.features.r_space import RSpace
from exafscn_flows.features.r_space_complex import RSpaceComplex
from exafscn_flows.features.registry import SETS
from exafscn_flows.features.running_coordination import RunningCoordination
from exafscn_flows.features.settings import AutobkSettings, LarchSettings, XftfSettings
from exafscn_flows.features.site_descriptor import SiteDescriptor
from exafscn_flows.features.site_graph import SiteGraph
from exafscn_flows.features.wavelet import Wavelet
from exafscn_flows.features.xanes import Xanes
from exafscn_flows.features.xanes_cumulative import XanesCumulative
from exafscn_flows.features.xanes_derivative import XanesDerivative
from exafscn_flows.features.xanes_polynomials import XanesPolynomials
from exafscn_flows.registry import one_of
from exafscn_flows.strict import LocatedError, Location

__all__ = [
    "SETS",
    "AutobkSettings",
    "Composition",
    "Concatenation",
    "FeatureSet",
    "FeatureSetModel",
    "FeatureSettings",
    "Inputs",
    "KSpace",
    "LarchSettings",
    "Pdf",
    "Peaks",
    "PowerSpectrum",
    "QSpace",
    "RSpace",
    "RSpaceComplex",
    "RunningCoordination",
    "SiteDescriptor",
    "SiteGraph",
    "Wavelet",
    "Xanes",
    "XanesCumulative",
    "XanesDerivative",
    "XanesPolynomials",
    "XftfSettings",
]

if TYPE_CHECKING:
    FeatureSet = FeatureSetModel
else:
    FeatureSet = one_of((*SETS, Concatenation))


class FeatureSettings(LarchSettings):
    """Feature sets of a campaign, and the larch settings that they share."""

    sets: list[FeatureSet] = Field(
        default=[RSpace(input="mu"), RSpace(input="chi")],
        min_length=1,
        description="Feature sets; models are fitted on each.",
    )

    @model_validator(mode="after")
    def _check_sets(self) -> Self:
        names = [feature_set.name for feature_set in self.sets]
        for index, feature_set in enumerate(self.sets):
            name = names[index]
            at: Location = ("sets", index)
            if name in names[:index]:
                raise LocatedError(at, f"two feature sets are named {name!r}: give one a `name`")
            try:
                feature_set.check(self)
            except LocatedError as error:
                raise LocatedError((*at, *error.at), f"feature set {name}: {error}") from None
            except ValueError as error:
                raise LocatedError(at, f"feature set {name}: {error}") from None
        return self
