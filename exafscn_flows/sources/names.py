"""Names of materials that are safe in keys, paths and on the command line."""

import re

_PLAIN = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")
"""A name that is good as it is."""


def safe_name(name: str) -> str:
    """Replace by ``_`` what is not a letter, digit or one of ``._/-``, and drop empty parts."""
    if _PLAIN.fullmatch(name):
        return name
    parts = [re.sub(r"[^A-Za-z0-9._-]+", "_", part) for part in re.split(r"[/\\]", name)]
    return "/".join(part for part in parts if part not in ("", ".", ".."))
