"""The feature sets there are. A new one is one file and one line in the list below."""

from typing import TYPE_CHECKING

from exafscn_flows.features.base import FeatureSetModel
from exafscn_flows.features.composition import Composition
from exafscn_flows.features.k_space import KSpace
from exafscn_flows.features.pdf import Pdf
from exafscn_flows.features.peaks import Peaks
from exafscn_flows.features.power_spectrum import PowerSpectrum
from exafscn_flows.features.q_space import QSpace
from exafscn_flows.features.r_space import RSpace
from exafscn_flows.features.r_space_complex import RSpaceComplex
from exafscn_flows.features.running_coordination import RunningCoordination
from exafscn_flows.features.site_descriptor import SiteDescriptor
from exafscn_flows.features.site_graph import SiteGraph
from exafscn_flows.features.wavelet import Wavelet
from exafscn_flows.features.xanes import Xanes
from exafscn_flows.features.xanes_cumulative import XanesCumulative
from exafscn_flows.features.xanes_derivative import XanesDerivative
from exafscn_flows.features.xanes_polynomials import XanesPolynomials
from exafscn_flows.registry import one_of, registered

SETS: tuple[type[FeatureSetModel], ...] = registered(
    "features",
    [
        RSpace,
        RSpaceComplex,
        KSpace,
        QSpace,
        Wavelet,
        Peaks,
        Xanes,
        XanesDerivative,
        XanesCumulative,
        XanesPolynomials,
        Pdf,
        Composition,
        RunningCoordination,
        SiteDescriptor,
        PowerSpectrum,
        SiteGraph,
    ],
    reserved=["concatenation"],
)
"""All that a concatenation may be made of."""

if TYPE_CHECKING:
    Part = FeatureSetModel
else:
    Part = one_of(SETS)
