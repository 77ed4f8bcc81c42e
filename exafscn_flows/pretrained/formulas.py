"""Which formulas a model was trained on: hashes of eight bytes each, since texts would be larger.

Two of some thousand formulas have the same hash once in 10^11 models.
"""

import hashlib
from collections.abc import Iterable

import numpy as np

_DTYPE = np.dtype(">u8")
_SIZE = _DTYPE.itemsize


def dump_formulas(formulas: Iterable[str]) -> bytes:
    """Return the hashes of formulas as the bytes of a file, ascending.

    Parameters
    ----------
    formulas
        Reduced formulas, as structures are stored with them.
    """
    return np.unique(_hashes(formulas)).tobytes()


def load_formulas(data: bytes) -> np.ndarray:
    """Return the hashes of a file, shape (n,).

    Raises
    ------
    ValueError
        If the file is no such file.
    """
    found = np.frombuffer(data, dtype=_DTYPE) if len(data) % _SIZE == 0 else np.empty(0)
    if not len(found) or not (found[1:] > found[:-1]).all():
        raise ValueError("this is no list of formulas")
    return found


def are_among(formulas: Iterable[str], known: np.ndarray) -> np.ndarray:
    """Tell which formulas are among the known, as of `load_formulas`, shape (n,)."""
    found: np.ndarray = np.isin(_hashes(formulas), known)
    return found


def _hashes(formulas: Iterable[str]) -> np.ndarray:
    joined = (hashlib.blake2b(one.encode(), digest_size=_SIZE).digest() for one in formulas)
    return np.frombuffer(b"".join(joined), dtype=_DTYPE)
