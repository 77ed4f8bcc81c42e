"""Spectra of sites, computed from their structure or brought by the sources.

A further way to spectra is one more file, with settings of its own ``kind``, and one line in the
list of `exafscn_flows.config.ways`.
"""

from exafscn_flows.spectra.feff10_settings import Feff10Settings
from exafscn_flows.spectra.pdf_settings import PdfSettings
from exafscn_flows.spectra.settings import FeffSettings, StoredSettings
from exafscn_flows.spectra.way import SpectraModel

__all__ = [
    "Feff10Settings",
    "FeffSettings",
    "PdfSettings",
    "SpectraModel",
    "StoredSettings",
]
