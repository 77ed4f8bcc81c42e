"""The FEFF cards that a campaign file may set, and how their values are written.

Values are numbers, or words from a list, and each is written anew from what was understood, so
nothing else can reach ``feff.inp``. Names and arguments are those of FEFF 8.5L's own reader
(``rdinp``), and for the cards that only an external FEFF takes, of FEFF 9's.
"""

import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import NamedTuple

_INTEGER = re.compile(r"[+-]?\d{1,9}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")


class _Card(NamedTuple):
    """Arguments of one card: a letter each, i for an integer, f for a real number."""

    required: str
    optional: str = ""
    minimum: float = -math.inf
    """Least value of the first argument."""


_CARDS = {
    "AFOLP": _Card("f", minimum=0.5),
    "CORRECTIONS": _Card("ff"),
    "CRITERIA": _Card("ff", minimum=0),
    "DEBYE": _Card("ff", minimum=0),
    "EXAFS": _Card("f", minimum=1),
    "EXCHANGE": _Card("iff", "i", minimum=0),
    "INTERSTITIAL": _Card("i", "f"),
    "IORDER": _Card("i"),
    "NLEG": _Card("i", minimum=2),
    "NOHOLE": _Card("i", minimum=0),
    "PCRITERIA": _Card("ff", minimum=0),
    "RGRID": _Card("f", minimum=0.01),
    "RPATH": _Card("f", minimum=1),
    "S02": _Card("f", minimum=0),
    "SCF": _Card("f", "iififi", minimum=1),
    "SIG2": _Card("f", minimum=0),
}

_EXTERNAL_CARDS = {
    "COREHOLE": _Card(""),
    "FMS": _Card("f", "iifff", minimum=1),
    "XANES": _Card("f", "ff", minimum=1),
}
"""Cards for FEFF 9 and 10, which exafscn does not bring along."""

_WORDS = {"COREHOLE": ("FSR", "RPA", "NONE")}

_REFUSED = {
    name: reason
    for reason, names in {
        "exafscn writes it itself": "ATOMS POTENTIALS CONTROL PRINT TITLE END",
        "exafscn computes K edges": "EDGE HOLE",
        "the FEFF that exafscn brings along (8.5L) computes EXAFS only; give the command of "
        "another": "XANES FMS",
        "FEFF 8.5L has no such card, a core hole is its default (see NOHOLE); give the command of "
        "another FEFF": "COREHOLE",
        "exafscn computes EXAFS and XANES only": "LDOS XES DANES FPRIME XMCD XNCD TDLDA PMBSE "
        "ELNES EXELFS MAGIC",
        "exafscn needs FEFF's own normalisation": "ABSOLUTE",
        "it takes several lines": "EGRID",
        "its meaning differs from structure to structure": "OVERLAP CFAVERAGE NOGEOM SS FOLP ION "
        "SPIN POLARIZATION ELLIPTICITY RMULTIPLIER",
        "write RPATH": "RMAX",
    }.items()
    for name in names.split()
}


def card_text(name: str, value: object, *, external: bool = False) -> str:
    """Check one card and return its arguments as they are written into ``feff.inp``.

    Parameters
    ----------
    name
        Name of the card, in full and in capitals.
    value
        A number, or a string of numbers separated by blanks.
    external
        Whether it is meant for another FEFF than 8.5L.

    Returns
    -------
    str
        The same numbers in one form, so that 8, 8.0 and "8" are one value.

    Raises
    ------
    ValueError
        With one line: unknown card, refused card, or arguments that the card does not take.
    """
    card = _known(name, _CARDS | _EXTERNAL_CARDS if external else _CARDS)
    if name in _WORDS:
        return _word(name, value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"FEFF card {name}: {value!r} is neither a number nor a text of numbers")
    words = str(value).split()
    letters = card.required + card.optional
    if not len(card.required) <= len(words) <= len(letters) or "\n" in str(value):
        count = str(len(card.required)) + (f" to {len(letters)}" if card.optional else "")
        raise ValueError(f"FEFF card {name} takes {count} number(s) on one line, got {value!r}")
    numbers = [_number(name, word, letter) for word, letter in zip(words, letters, strict=False)]
    if float(numbers[0]) < card.minimum:
        raise ValueError(f"FEFF card {name}: {words[0]} is below {card.minimum:g}")
    return " ".join(numbers)


def _known(name: str, cards: Mapping[str, _Card]) -> _Card:
    if name in cards:
        return cards[name]
    if name in _REFUSED:
        raise ValueError(f"FEFF card {name} cannot be set: {_REFUSED[name]}")
    nearest = get_close_matches(name.upper(), cards, n=1)
    advice = f"did you mean {nearest[0]}?" if nearest else f"possible are {', '.join(cards)}"
    raise ValueError(f"{name!r} is not a FEFF card: {advice}")


def _word(name: str, value: object) -> str:
    if value not in _WORDS[name]:
        raise ValueError(f"FEFF card {name} takes {' or '.join(_WORDS[name])}, not {value!r}")
    return str(value)


def _number(name: str, word: str, letter: str) -> str:
    if letter == "i":
        if not _INTEGER.fullmatch(word):
            raise ValueError(f"FEFF card {name}: {word!r} is not a whole number")
        return str(int(word))
    if not _NUMBER.fullmatch(word) or not math.isfinite(float(word)):
        raise ValueError(f"FEFF card {name}: {word!r} is not a number")
    # FEFF reads 15 characters of each word: eight digits and an exponent always fit.
    return format(float(word), ".8g")
