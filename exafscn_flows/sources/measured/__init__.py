"""Measured spectra: XDI, columns of text, Athena, NXxas, Larix, FEFF."""

from exafscn_flows.sources.measured.columns import parse_columns
from exafscn_flows.sources.measured.reading import read_content, read_measured
from exafscn_flows.sources.measured.spectrum import MeasuredSpectrum, Mode, Unreadable

__all__ = [
    "MeasuredSpectrum",
    "Mode",
    "Unreadable",
    "parse_columns",
    "read_content",
    "read_measured",
]
