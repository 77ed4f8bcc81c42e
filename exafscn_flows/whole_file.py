"""Files that appear when they are complete."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from exafscn_flows.errors import CampaignError, UsageError


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write to beside its place; it is moved there when the context ends well.

    Raises
    ------
    UsageError
        If there can be no such file.
    CampaignError
        If it could not be written, for example because the disk is full.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise UsageError(
            f"{path} cannot be made: {error.strerror}; name a file in a folder that is there"
        ) from error
    except OSError as error:
        raise CampaignError(f"{path} could not be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            partial.unlink()
