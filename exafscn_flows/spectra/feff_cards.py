"""The FEFF cards that a campaign file may set, and how their values are written.

Values are numbers, or words from a list, and each is written anew from what was understood, so
nothing else can reach ``feff.inp``. Names and arguments are those of FEFF 8.5L's own reader
(``rdinp``), and for the cards that only an external FEFF takes, of FEFF 9's.
"""

import math
import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from exafscn_flows.strict import LocatedError

_INTEGER = re.compile(r"[+-]?\d{1,9}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")


class _Card(NamedTuple):
    """Arguments of one card: a letter each, i for an integer, f for a real number."""

    required: str
    optional: str = ""
    minimum: float = -math.inf
    """Least value of the first argument."""
    limits: tuple[tuple[float, float], ...] = ()
    """Least and largest value of each argument, where a FEFF would take others for these."""


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

_ANY = (-math.inf, math.inf)

_FEFF10_CARDS = {
    "AFOLP": _Card("f", limits=((0.5, 2),)),
    "COREHOLE": _Card(""),
    "CORRECTIONS": _Card("ff"),
    "CORVAL": _Card("f", limits=((-200, -20),)),
    "EXCHANGE": _Card("iff", "i", limits=((0, 5), _ANY, (0, 100), (0, 5))),
    "FMS": _Card("f", "ii", limits=((1, 20), (0, 1), (0, 3))),
    "INTERSTITIAL": _Card("i", "f"),
    "RGRID": _Card("f", limits=((0.01, 0.1),)),
    "S02": _Card("f", limits=((0.1, 1.5),)),
    "SCF": _Card(
        "f", "iififi", limits=((1, 20), (0, 1), (1, 100), (0.001, 0.5), (1, 30), (-500, -0.1))
    ),
    "XANES": _Card("f", "ff", limits=((2, 20), (0.01, 0.5), (0, 10))),
}
"""Cards for FEFF 10. Beyond these limits its ``rdinp`` silently takes another value, as of SCF and
XANES, or what it computes is no XANES by full multiple scattering."""

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

_REFUSED_FEFF10 = {
    **_REFUSED,
    **dict.fromkeys(
        ["CRITERIA", "EXAFS", "IORDER", "NLEG", "PCRITERIA", "RPATH"],
        "it belongs to EXAFS, which kind feff computes",
    ),
    **dict.fromkeys(["DEBYE", "SIG2"], "kind feff10 computes XANES of atoms at rest"),
    "NOHOLE": "write COREHOLE: NONE",
    "RMAX": "write radius, a key beside cards",
}


class CardTable(NamedTuple):
    """What one FEFF takes."""

    cards: Mapping[str, _Card]
    refused: Mapping[str, str]
    """Why other cards that FEFF knows cannot be set."""


FEFF8L_CARDS = CardTable(_CARDS, _REFUSED)
EXTERNAL_CARDS = CardTable({**_CARDS, **_EXTERNAL_CARDS}, _REFUSED)
FEFF10_CARDS = CardTable(_FEFF10_CARDS, _REFUSED_FEFF10)


def merged_cards(
    given: Mapping[Any, Any],
    defaults: Mapping[str, str],
    table: CardTable,
    needed: Mapping[str, str],
    nullable: Collection[str],
) -> dict[str, str | None]:
    """Put the cards of a campaign file in the place of defaults, or beside them.

    Parameters
    ----------
    given
        Cards as they are written; null takes a default away.
    defaults
        Cards with their arguments as text.
    table
        What the FEFF at hand takes.
    needed
        Why cards cannot be taken away.
    nullable
        Cards of which null may be written.

    Returns
    -------
    dict
        Arguments as text by card, in alphabetical order; None of a default that was taken away.

    Raises
    ------
    LocatedError
        With one line, at the card that is wrong.
    """
    merged: dict[str, str | None] = dict(defaults)
    for name, value in given.items():
        if value is not None:
            try:
                merged[name] = card_text(str(name), value, table)
            except ValueError as error:
                raise LocatedError((name,), str(error)) from None
        elif name not in nullable:
            message = f"FEFF card {name} is no default, so null has nothing to take away"
            raise LocatedError((name,), message)
        elif name in defaults and name in needed:
            raise LocatedError((name,), f"FEFF card {name} is needed: {needed[name]}")
        elif name in defaults:
            merged[name] = None
    return dict(sorted(merged.items()))


def card_text(name: str, value: object, table: CardTable) -> str:
    """Check one card and return its arguments as they are written into ``feff.inp``.

    Parameters
    ----------
    name
        Name of the card, in full and in capitals.
    value
        A number, or a string of numbers separated by blanks.
    table
        What the FEFF at hand takes.

    Returns
    -------
    str
        The same numbers in one form, so that 8, 8.0 and "8" are one value.

    Raises
    ------
    ValueError
        With one line: unknown card, refused card, or arguments that the card does not take.
    """
    card = _known(name, table)
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
    for number, (low, high) in zip(numbers, card.limits, strict=False):
        if not low <= float(number) <= high:
            raise ValueError(f"FEFF card {name}: {number} is outside {low:g} to {high:g}")
    return " ".join(numbers)


def _known(name: str, table: CardTable) -> _Card:
    if name in table.cards:
        return table.cards[name]
    if name in table.refused:
        raise ValueError(f"FEFF card {name} cannot be set: {table.refused[name]}")
    nearest = get_close_matches(name.upper(), table.cards, n=1)
    possible = ", ".join(table.cards)
    advice = f"did you mean {nearest[0]}?" if nearest else f"possible are {possible}"
    raise ValueError(f"{name!r} is not a FEFF card: {advice}")


def _word(name: str, value: object) -> str:
    if value not in _WORDS[name]:
        raise ValueError(f"FEFF card {name} takes {' or '.join(_WORDS[name])}, not {value!r}")
    return str(value)


def _number(name: str, word: str, letter: str) -> str:
    if letter == "i":
        if not _INTEGER.fullmatch(word):
            raise ValueError(f"FEFF card {name}: {word!r} is not a whole number: give one")
        return str(int(word))
    if not _NUMBER.fullmatch(word) or not math.isfinite(float(word)):
        raise ValueError(f"FEFF card {name}: {word!r} is not a number: give one")
    # FEFF reads 15 characters of each word: eight digits and an exponent always fit.
    return format(float(word), ".8g")
