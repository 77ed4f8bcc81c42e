"""What the header of a text file says about its spectrum."""

import re
from collections.abc import Iterable, Mapping

from exafscn_flows.elements import check_element
from exafscn_flows.sources.measured.spectrum import Mode, Stated

_PAIR = re.compile(r"\s*([A-Za-z][\w. -]{0,60}?)\s*[:=]\s*(.*)")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_D_SPACING = re.compile(r"\bD\s*=\s*(\d+\.\d+)\s*(?:A\b|Å)")
_EDGE = re.compile(r"([KLM])[\s_-]*([1-5]|I{1,3}|IV|V)?(?:[\s_-]*edge)?", re.IGNORECASE)
_ROMAN = {"I": "1", "II": "2", "III": "3", "IV": "4", "V": "5"}

_SYMBOL_KEYS = ("element.symbol", "element", "absorber", "absorbing_element", "absorbing_atom")
_EDGE_KEYS = ("element.edge", "edge", "absorption_edge")
_E0_KEYS = ("athena.e0", "scan.edge_energy", "scanparameters.e0", "edge_energy", "e0")
_MODE_KEYS = re.compile(
    r"(?:(?:scan|detector|beamline|measurement|sample)\.)?"
    r"(?:mode|type|measurement|measurement_mode|detection|detection_mode|detector_mode|geometry)"
)
_FORMULA_KEYS = ("sample.formula", "sample.stoichiometry")
_FLUORESCENCE = ("detector.if", "detector.ifluor", "detector.fluorescence")
_TRANSMISSION = ("detector.it", "detector.i1", "detector.itrans", "detector.transmission")


def pairs(lines: Iterable[str]) -> dict[str, str]:
    """Return what is written as ``key: value`` or ``key = value``, the keys in lower case.

    Parameters
    ----------
    lines
        Of the header, without comment signs. Of a repeated key, the first counts. What follows on
        ``||`` names a channel of the control system, and is left out.
    """
    found: dict[str, str] = {}
    for line in lines:
        if match := _PAIR.fullmatch(line):
            key = re.sub(r"[\s-]+", "_", match[1].lower())
            found.setdefault(key, match[2].partition("||")[0].strip())
    return found


def stated(header: Mapping[str, str], lines: Iterable[str] = ()) -> Stated:
    """Return what a header says.

    Parameters
    ----------
    header
        As `pairs` gives it.
    lines
        Where the spacing of the monochromator may be named otherwise (``D= 3.1355 A``).
    """
    d_spacing = number(header.get("mono.d_spacing", ""))
    if d_spacing is None:
        match = next(filter(None, map(_D_SPACING.search, lines)), None)
        d_spacing = float(match[1]) if match else None
    return Stated(
        absorber=symbol(_first(header, _SYMBOL_KEYS)),
        edge=edge_name(_first(header, _EDGE_KEYS)),
        e0=_energy(_first(header, _E0_KEYS)),
        d_spacing=d_spacing if d_spacing and d_spacing > 0 else None,
        mode=_mode(header),
        formula=_first(header, _FORMULA_KEYS) or None,
    )


def symbol(text: str) -> str | None:
    """Return the symbol of an element that a text is or begins with, None if it is none."""
    words = text.strip().split()
    try:
        return check_element(words[0].capitalize()) if words else None
    except ValueError:
        return None


def edge_name(text: str) -> str | None:
    """Return the name of an edge, such as "K" or "L3", also of "LIII" or "k"; None of others."""
    match = _EDGE.fullmatch(text.strip())
    if not match:
        return None
    shell = (match[2] or "").upper()
    return match[1].upper() + _ROMAN.get(shell, shell)


def number(text: str) -> float | None:
    """Return the number that a text begins with, None if it begins with none."""
    match = _NUMBER.match(text.strip())
    return float(match[0]) if match else None


def _energy(text: str) -> float | None:
    value = number(text)
    if value is None or value <= 0:
        return None
    return value * 1000 if "kev" in text.lower() else value


def _first(header: Mapping[str, str], keys: Iterable[str]) -> str:
    return next((header[key] for key in keys if header.get(key)), "")


def _mode(header: Mapping[str, str]) -> Mode | None:
    for key, value in header.items():
        if _MODE_KEYS.fullmatch(key):
            found = mode_word(value)
            if found:
                return found
    by_detector: dict[Mode, bool] = {
        "fluorescence": any(header.get(key) for key in _FLUORESCENCE),
        "transmission": any(header.get(key) for key in _TRANSMISSION),
    }
    named = [mode for mode, is_named in by_detector.items() if is_named]
    return named[0] if len(named) == 1 else None


def mode_word(text: str) -> Mode | None:
    """Return the mode that a text names, None if it names none or both."""
    words: dict[Mode, bool] = {
        "fluorescence": bool(re.search(r"fluo|\btfy\b|\bpfy\b", text.lower())),
        "transmission": "trans" in text.lower(),
    }
    named = [mode for mode, is_named in words.items() if is_named]
    return named[0] if len(named) == 1 else None
