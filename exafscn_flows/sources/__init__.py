"""Where structures come from. A new source is one file and one line in the union below."""

from typing import Annotated

from pydantic import Field

from exafscn_flows.sources.amcsd import AmcsdSource
from exafscn_flows.sources.feff_runs import FeffRunsSource
from exafscn_flows.sources.files import FilesSource
from exafscn_flows.sources.materials_project import MaterialsProjectSource
from exafscn_flows.sources.table import TableSource

__all__ = [
    "AmcsdSource",
    "FeffRunsSource",
    "FilesSource",
    "MaterialsProjectSource",
    "Source",
    "TableSource",
]

Source = Annotated[
    AmcsdSource | FeffRunsSource | FilesSource | MaterialsProjectSource | TableSource,
    Field(discriminator="kind"),
]
