"""Spectra of sites, computed from their structure or brought by the sources.

A further way to spectra is one more file, with settings of its own ``kind``, and one line in the
list below.
"""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from exafscn_flows.registry import one_of, registered
from exafscn_flows.spectra.feff10_settings import Feff10Settings
from exafscn_flows.spectra.pdf_settings import PdfSettings
from exafscn_flows.spectra.settings import FeffSettings, StoredSettings
from exafscn_flows.spectra.way import SpectraModel

__all__ = [
    "WAYS",
    "FeffSettings",
    "PdfSettings",
    "SpectraModel",
    "SpectraSettings",
    "StoredSettings",
]

WAYS: tuple[type[SpectraModel], ...] = registered(
    "spectra", [FeffSettings, Feff10Settings, PdfSettings, StoredSettings]
)


def _with_kind(settings: Any) -> Any:
    return {"kind": "feff", **settings} if isinstance(settings, dict) else settings


if TYPE_CHECKING:
    SpectraSettings = SpectraModel
else:
    SpectraSettings = Annotated[one_of(WAYS), BeforeValidator(_with_kind)]
