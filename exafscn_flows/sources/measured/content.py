"""The bytes of a measured file, and its text: never more than MAX_BYTES of either."""

import re
import stat
import zlib
from pathlib import Path

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.measured.spectrum import failure

MAX_BYTES = 100_000_000
"""Largest file, also unpacked; a project of a hundred scans has some MB."""

_MOST_LINES = 2_000_000
_MOST_PARTS = 100

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")

_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f\x7f]")
"""Bytes that no text has; a DOS end of file (1A) and an escape (1B) may be there."""

_LOOKED_AT = 65_536
"""Bytes by which text is told from what is none."""

_SHARE = 0.01
"""Text may have so large a share of such bytes: a transfer may have damaged it."""

_SMALLER = "take the columns or groups that are needed into a file of their own"


def read_bytes(path: Path) -> bytes:
    """Read a file.

    Raises
    ------
    ItemFailure
        ``missing``, ``unreadable`` or ``too_large``; the last before anything is read.
    """
    name = path.name or str(path)
    try:
        info = path.stat()
        if stat.S_ISDIR(info.st_mode):
            raise failure("unreadable", name, "a folder, not a file", "name the files in it")
        if not stat.S_ISREG(info.st_mode):  # opening a pipe would wait for ever
            raise failure("unreadable", name, "not a regular file", "copy it to a file")
        if info.st_size > MAX_BYTES:
            raise _too_large(name)
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise failure("missing", name, "there is no such file", "look at the path") from None
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise failure("unreadable", name, str(cause), "look at the path") from error
    if len(content) > MAX_BYTES:
        raise _too_large(name)
    return content


def unpack(content: bytes, name: str) -> tuple[bytes, bool]:
    """Return what a gzip file holds, or the content itself if it is none.

    Parameters
    ----------
    content
        Bytes of the file.
    name
        What to call it in errors.

    Returns
    -------
    tuple of bytes and bool
        The content, and whether the end of it is missing.

    Raises
    ------
    ItemFailure
        ``empty``, ``too_large`` or ``unreadable``.
    """
    if not content.strip():
        raise failure("empty", name, "the file is empty", "copy or export it again")
    if not content.startswith(_GZIP):
        return content, False
    parts: list[bytes] = []
    room, rest, is_cut = MAX_BYTES, content, False
    while rest.startswith(_GZIP):  # several packed files may follow on each other
        if len(parts) == _MOST_PARTS:
            cause = f"more than {_MOST_PARTS} packed files follow on each other"
            raise failure("too_large", name, cause, _SMALLER)
        unpacker = zlib.decompressobj(wbits=31)
        try:
            parts.append(unpacker.decompress(rest, room + 1))
        except zlib.error as error:
            cause = f"the packed file is damaged ({error})"
            raise failure("unreadable", name, cause, "copy or export it again") from error
        room -= len(parts[-1])
        if room < 0:
            raise _too_large(name)
        is_cut = not unpacker.eof
        rest = unpacker.unused_data
    unpacked = b"".join(parts)
    if not unpacked.strip():
        cause = "the packed file is empty, or its end is missing"
        raise failure("empty", name, cause, "copy or export it again")
    return unpacked, is_cut


def text_of(content: bytes, name: str) -> str:
    """Decode text, with line ends of Unix; what is not UTF-8 is taken for Latin-1.

    Raises
    ------
    ItemFailure
        ``binary`` or ``too_large``.
    """
    if content.startswith(_ZIP):
        raise failure("binary", name, "a zip archive, not a spectrum", "unpack it first")
    if content.startswith(_UTF16):
        text = content.decode("utf-16", errors="replace")
    else:
        head = content[:_LOOKED_AT]
        if b"\0" in head or len(_CONTROL.findall(head)) > _SHARE * len(head):
            raise failure(
                "binary",
                name,
                "neither text nor a NeXus file (HDF5)",
                "export the spectrum as columns of text, XDI, or an Athena project",
            )
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > _MOST_LINES:
        raise failure("too_large", name, f"more than {_MOST_LINES} lines", _SMALLER)
    return text


def _too_large(name: str) -> ItemFailure:
    return failure("too_large", name, f"larger than {MAX_BYTES // 1_000_000} MB", _SMALLER)
