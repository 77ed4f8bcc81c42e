"""Which elements there are, and which of them can be absorbers."""

from collections.abc import Sequence
from difflib import get_close_matches

_TABLE = """
H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm
Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No
Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
"""
SYMBOLS = tuple(_TABLE.split())
"""Of all elements, in the order of the periodic table."""

_NAMES = """
Hydrogen Helium Lithium Beryllium Boron Carbon Nitrogen Oxygen Fluorine Neon Sodium Magnesium
Aluminium Silicon Phosphorus Sulfur Chlorine Argon Potassium Calcium Scandium Titanium Vanadium
Chromium Manganese Iron Cobalt Nickel Copper Zinc Gallium Germanium Arsenic Selenium Bromine
Krypton Rubidium Strontium Yttrium Zirconium Niobium Molybdenum Technetium Ruthenium Rhodium
Palladium Silver Cadmium Indium Tin Antimony Tellurium Iodine Xenon Caesium Barium Lanthanum
Cerium Praseodymium Neodymium Promethium Samarium Europium Gadolinium Terbium Dysprosium Holmium
Erbium Thulium Ytterbium Lutetium Hafnium Tantalum Tungsten Rhenium Osmium Iridium Platinum Gold
Mercury Thallium Lead Bismuth Polonium Astatine Radon Francium Radium Actinium Thorium Protactinium
Uranium Neptunium Plutonium Americium Curium Berkelium Californium Einsteinium
"""
# What people write in place of symbols; names that differ by a letter (Aluminum) are near ones.
_BY_NAME = dict(zip(_NAMES.split(), SYMBOLS, strict=False))

# FEFF 8.5L has no atoms beyond Es. The edge of H is no X-ray edge, and FEFF may never end there.
_FIRST, _LAST = "He", "Es"
ABSORBERS = tuple(SYMBOLS[SYMBOLS.index(_FIRST) : SYMBOLS.index(_LAST) + 1])


def check_absorber(symbol: str) -> None:
    """Check that a symbol is an element whose K edge FEFF can compute.

    Parameters
    ----------
    symbol
        Element symbol as a user wrote it.

    Raises
    ------
    ValueError
        With one line that names the symbol, what is wrong, and what is possible.
    """
    if symbol in ABSORBERS:
        return
    possible = f"FEFF can do the K edges of {_FIRST} (Z = 2) to {_LAST} (Z = 99)"
    if symbol in SYMBOLS:
        atomic_number = SYMBOLS.index(symbol) + 1
        raise ValueError(f"absorber {symbol!r} (Z = {atomic_number}): {possible}")
    nearest = _nearest(symbol, ABSORBERS)
    advice = f"did you mean {nearest!r}? " if nearest else ""
    raise ValueError(f"absorber {symbol!r} is not an element symbol: {advice}{possible}")


def check_element(symbol: str) -> str:
    """Return the symbol of an element, or raise ValueError with one line that tells the nearest."""
    if symbol in SYMBOLS:
        return symbol
    nearest = _nearest(symbol, SYMBOLS)
    advice = f"did you mean {nearest!r}?" if nearest else "write one such as Fe"
    raise ValueError(f"{symbol!r} is not an element symbol: {advice}")


def _nearest(written: str, symbols: Sequence[str]) -> str | None:
    """Return the symbol that somebody may have meant, of whom it may be the element's name."""
    word = written.strip().capitalize()
    # Names, which have three letters or more, first: Iron is nearer to Ir than to Fe.
    if len(word) > 2 and (names := get_close_matches(word, _BY_NAME, n=1, cutoff=0.75)):
        return symbol if (symbol := _BY_NAME[names[0]]) in symbols else None
    return next(iter(get_close_matches(word, symbols, n=1)), None)


def parse_elements(text: str) -> frozenset[str]:
    """Return the elements of a text such as ``"Fe,O"``, or raise ValueError with one line."""
    return frozenset(check_element(part.strip()) for part in text.split(","))


def atomic_number(symbol: str) -> int:
    """Return the atomic number of an element."""
    return SYMBOLS.index(symbol) + 1


def element_symbol(atomic_number: int) -> str | None:
    """Return the symbol of an element, None if there is none of this number."""
    return SYMBOLS[atomic_number - 1] if 1 <= atomic_number <= len(SYMBOLS) else None
