"""Where structures come from. A new source is one file and one line in the list below."""

from typing import TYPE_CHECKING

from exafscn_flows.registry import one_of, registered
from exafscn_flows.sources.amcsd import AmcsdSource
from exafscn_flows.sources.base import SourceModel
from exafscn_flows.sources.feff_runs import FeffRunsSource
from exafscn_flows.sources.files import FilesSource
from exafscn_flows.sources.materials_project import MaterialsProjectSource
from exafscn_flows.sources.measured_files import MeasuredSource
from exafscn_flows.sources.table import TableSource

__all__ = [
    "SOURCES",
    "AmcsdSource",
    "FeffRunsSource",
    "FilesSource",
    "MaterialsProjectSource",
    "MeasuredSource",
    "Source",
    "TableSource",
]

SOURCES: tuple[type[SourceModel], ...] = registered(
    "sources",
    [
        AmcsdSource,
        FeffRunsSource,
        FilesSource,
        MaterialsProjectSource,
        MeasuredSource,
        TableSource,
    ],
)

if TYPE_CHECKING:
    Source = SourceModel
else:
    Source = one_of(SOURCES)
