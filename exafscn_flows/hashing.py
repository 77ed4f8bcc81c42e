"""Content hashes that decide what has to be computed again."""

import hashlib
import json
from typing import Any


def content_hash(*parts: Any) -> str:
    """Hash JSON-serialisable parts to 16 hexadecimal digits, independent of key order.

    Parameters
    ----------
    *parts
        Anything ``json.dumps`` takes; dictionaries are sorted by key.

    Returns
    -------
    str
        First 64 bits of the SHA-256 digest, in hexadecimal.
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def short_hash(text: str) -> int:
    """Hash a text to 64 bits, to remember many names in little memory."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
