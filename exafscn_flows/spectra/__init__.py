"""Spectra of sites, computed from their structure or brought by the sources.

``SpectraSettings`` is what a campaign file may say about them. A further way to spectra is one
more file, and settings of its own ``kind`` in the union below.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from exafscn_flows.spectra.settings import FeffSettings, StoredSettings

__all__ = ["FeffSettings", "SpectraSettings", "StoredSettings"]


def _with_kind(settings: Any) -> Any:
    return {"kind": "feff", **settings} if isinstance(settings, dict) else settings


SpectraSettings = Annotated[
    FeffSettings | StoredSettings, Field(discriminator="kind"), BeforeValidator(_with_kind)
]
