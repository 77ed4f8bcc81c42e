"""Oxidation states that a formula alone tells."""

import math
from functools import lru_cache

from pymatgen.core import Composition, Structure

_MOST_ELEMENTS, _MOST_ATOMS = 4, 24
"""Of a reduced formula whose states are guessed in 2 s at most; larger ones take minutes."""


def guessed_state(structure: Structure, symbol: str) -> int | None:
    """Guess the state of an element from the formula alone.

    Returns
    -------
    int or None
        None if there are several possible states, a fractional mean, or none; or if the formula is
        too large for pymatgen, which tries all combinations.
    """
    formula = structure.composition.reduced_composition
    if len(formula) > _MOST_ELEMENTS or formula.num_atoms > _MOST_ATOMS:
        return None
    return _states_of_formula(formula.formula)[symbol]


@lru_cache(maxsize=100)
def _states_of_formula(formula: str) -> dict[str, int | None]:
    composition = Composition(formula)
    guesses = composition.oxi_state_guesses()
    found: dict[str, int | None] = {}
    for element in composition.as_dict():
        states = {float(guess[element]) for guess in guesses}
        state = states.pop() if len(states) == 1 else math.nan
        found[element] = int(state) if state.is_integer() else None
    return found
