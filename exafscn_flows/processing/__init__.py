"""Measured spectra: mu(E) to E0, normalised mu and chi(k). Importing it imports no scipy."""

from exafscn_flows.processing.background import remove_background
from exafscn_flows.processing.chi import ProcessedChi, process_chi
from exafscn_flows.processing.edge import find_edge
from exafscn_flows.processing.normalization import Normalization, normalize
from exafscn_flows.processing.process import ProcessedSpectrum, process
from exafscn_flows.processing.settings import ProcessingSettings

__all__ = [
    "Normalization",
    "ProcessedChi",
    "ProcessedSpectrum",
    "ProcessingSettings",
    "find_edge",
    "normalize",
    "process",
    "process_chi",
    "remove_background",
]
