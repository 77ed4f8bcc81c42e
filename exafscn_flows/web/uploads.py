"""Files that are dropped on the page: how many, how large, and their bytes."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from exafscn_flows.errors import UsageError

MOST_FILES = 20
"""Files that are taken at once."""

MOST_BYTES = 10_000_000
"""Size of a file."""

MOST_TOGETHER = 30_000_000
"""Size of all of them."""

MOST_REQUEST = 4 * MOST_TOGETHER // 3 + 100_000
"""Size of a request, in which they are in base 64; no larger one is read."""

TOO_MUCH = (
    f"That is too much at once: drop at most {MOST_FILES} files of at most "
    f"{MOST_BYTES // 10**6} MB, {MOST_TOGETHER // 10**6} MB together; `exafscn predict` takes any "
    "number of any size"
)


@dataclass(frozen=True)
class Upload:
    """One file.

    Attributes
    ----------
    name
        Its name, without folders.
    content
        Its bytes.
    """

    name: str
    content: bytes


def uploads(contents: Sequence[str], names: Sequence[str]) -> tuple[list[Upload], list[str]]:
    """Return the files of a drop, and a sentence for each that is not taken.

    Parameters
    ----------
    contents
        ``data:TYPE;base64,...`` of each, as browsers give it.
    names
        Of the files.

    Raises
    ------
    UsageError
        If there are too many.
    """
    if len(contents) > MOST_FILES:
        raise UsageError(
            f"{len(contents)} files at once: drop at most {MOST_FILES}, or use "
            "`exafscn predict`, which takes any number"
        )
    taken, refused = [], []
    for content, name in zip(contents, names, strict=True):
        name = name.replace("\\", "/").rpartition("/")[2][:200] or "file"
        encoded = content.rpartition(",")[2]
        if len(encoded) * 3 // 4 - encoded[-2:].count("=") > MOST_BYTES:
            refused.append(
                f"{name}: larger than {MOST_BYTES // 10**6} MB: `exafscn predict` takes "
                "it, or take the columns that are needed into a file of their own"
            )
            continue
        try:
            taken.append(Upload(name, base64.b64decode(encoded, validate=True)))
        except (binascii.Error, ValueError):
            refused.append(f"{name}: it came damaged: drop it again")
    return taken, refused
