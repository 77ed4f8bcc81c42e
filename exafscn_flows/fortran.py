"""Numbers as Fortran writes and reads them."""

import re

# An exponent of three digits leaves no room for its letter: 5.99522-105.
_NUMBER = re.compile(
    r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:[eEdD]([+-]?[0-9]{1,3})|([+-][0-9]{3}))?"
)


def is_number(word: str) -> bool:
    """Whether a word is one number, which may be too large for a float."""
    return _NUMBER.fullmatch(word) is not None


def fortran_float(word: str) -> float:
    """Read a number, whose exponent may begin with d, or with its sign.

    Parameters
    ----------
    word
        For example ``1.5``, ``1.5d0`` or ``5.99522-105``. NaN and infinity are no numbers.

    Returns
    -------
    float
        Infinite, if the number is too large.

    Raises
    ------
    ValueError
        If it is no number.
    """
    match = _NUMBER.fullmatch(word)
    if match is None:
        raise ValueError(f"{word[:20]!r} is not a number")
    digits, *exponents = match.groups()
    return float(f"{digits}e{next(filter(None, exponents), '0')}")
