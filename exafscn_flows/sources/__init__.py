"""Where structures come from. A new source is one file and one line in the union below."""

from typing import Annotated

from pydantic import Field

from exafscn_flows.sources.amcsd import AmcsdSource
from exafscn_flows.sources.files import FilesSource

__all__ = ["AmcsdSource", "FilesSource", "Source"]

Source = Annotated[AmcsdSource | FilesSource, Field(discriminator="kind")]
