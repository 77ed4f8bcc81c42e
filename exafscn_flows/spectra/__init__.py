"""Spectra of sites, computed from their structure.

``SpectraSettings`` is what a campaign file may say about them. A further source of spectra is one
more file with settings of its own ``kind``, and this name then a union discriminated by it.
"""

from exafscn_flows.spectra.settings import FeffSettings

__all__ = ["SpectraSettings"]

SpectraSettings = FeffSettings
