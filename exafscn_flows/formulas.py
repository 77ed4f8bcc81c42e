"""Formulas as users write them."""

import re
import unicodedata

from exafscn_flows.elements import check_element

_TOKEN = re.compile(r"([A-Z][a-z]?)|([1-9]\d{0,5})|[()\[\]{}·]|\s+")
_DOTS = str.maketrans(dict.fromkeys("*•∙⋅", "·"))
_DEUTERIUM = "D"
_LONGEST = 200


def reduced_formula(text: str) -> str:
    """Return the reduced formula of a composition, as structures are stored with it.

    Parameters
    ----------
    text
        Elements in any order, whole amounts, brackets, spaces, subscripts; parts, such as water,
        after ``·`` or ``*``: ``Fe2ZnO4``, ``Zn(FeO2)2``, ``CuSO4·5H2O``.

    Raises
    ------
    ValueError
        If that is no formula, in one line that says why.
    """
    # Subscripts are digits in another form.
    written = unicodedata.normalize("NFKC", text).translate(_DOTS)
    if len(written) > _LONGEST:
        raise _refusal(text, f"it has more than {_LONGEST} characters")
    parts = [_part(text, part) for part in written.split("·")]
    # pymatgen knows the elements for which the reduced formula is not that of one atom, and more
    # such cases: only what it makes is what is stored.
    from pymatgen.core import Composition

    try:
        return str(Composition("".join(parts)).reduced_formula)
    except ValueError:
        raise _refusal(text, "its brackets do not fit") from None


def amounts(text: str) -> dict[str, float]:
    """Return the atoms of each element in a formula, in lowest terms.

    Parameters and errors are those of `reduced_formula`.
    """
    from pymatgen.core import Composition

    return {str(one): number for one, number in Composition(reduced_formula(text)).items()}


def _part(text: str, written: str) -> str:
    """Check a part that stands between dots; returns it without spaces, its amount behind it."""
    tokens: list[str] = []
    place = 0
    while place < len(written):
        match = _TOKEN.match(written, place)
        if match is None:
            raise _refusal(text, f"{written[place]!r} has no meaning there")
        token, place = match[0].strip(), match.end()
        if match[1] and token != _DEUTERIUM:
            try:
                check_element(token)
            except ValueError as error:
                raise _refusal(text, str(error)) from None
        if match[2] and tokens and tokens[-1].isdigit():
            raise _refusal(text, "an amount is a whole number of at most six digits")
        tokens += [token] if token else []
    amount = tokens.pop(0) if tokens and tokens[0].isdigit() else ""
    if not any(token.isalpha() for token in tokens):
        raise _refusal(text, "an element is missing")
    return f"({''.join(tokens)}){amount}"


def _refusal(text: str, why: str) -> ValueError:
    shown = text if len(text) <= 40 else f"{text[:40]}..."
    return ValueError(f"{shown!r} is not a formula ({why}): write it as Fe2O3 or Zn(FeO2)2")
