"""All ways to spectra: by programs, by the sources, and by a model."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from exafscn_flows.registry import one_of, registered
from exafscn_flows.simulation.surrogate import Surrogate
from exafscn_flows.spectra import FeffSettings, PdfSettings, StoredSettings
from exafscn_flows.spectra.feff10_settings import Feff10Settings
from exafscn_flows.spectra.way import SpectraModel

__all__ = ["WAYS", "SpectraSettings"]

WAYS: tuple[type[SpectraModel], ...] = registered(
    "spectra", [FeffSettings, Feff10Settings, PdfSettings, StoredSettings, Surrogate]
)


def _with_kind(settings: Any) -> Any:
    return {"kind": "feff", **settings} if isinstance(settings, dict) else settings


if TYPE_CHECKING:
    SpectraSettings = SpectraModel
else:
    SpectraSettings = Annotated[one_of(WAYS), BeforeValidator(_with_kind)]
