"""The oxidation state of a site, by its bonds and the neutrality of the cell."""

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from exafscn_flows.errors import ItemFailure
from exafscn_flows.targets.base import Label, TargetModel, TargetName
from exafscn_flows.targets.weights import DIGITS, rounded

if TYPE_CHECKING:
    from exafscn_flows.targets.surroundings import Surroundings

_ANIONS = frozenset(["N", "O", "F", "S", "Cl", "Se", "Br", "I"])
"""Elements that take electrons from metals. With the others, such as C, P, As or Te, metals share
them: phosphides and tellurides have no states that all agree on."""

_LEAST_WEIGHT = 0.7
"""Weight below which a state is a guess."""

_LEAST_ALONE = 0.95
"""The same where no neutral cell confirms the state, and the bonds of the site are all there is."""

_LEAST_OWN = 0.2
"""Probability by the bonds of the site alone below which a state of the formula is not believed."""


class OxidationState(TargetModel):
    """Whole charge of the ion that a site is, as chemists count it."""

    task = "classes"
    title = "oxidation state"
    short = "oxidation state"
    unit = "e"
    version = 1

    kind: Literal["oxidation_state"] = "oxidation_state"
    name: TargetName = "oxidation_state"

    def label_site(self, surroundings: "Surroundings", site_index: int) -> Label:
        """Label one site; `method` says whether its bonds or the formula gave the state.

        Crystals of one element are of state 0. Other sites have a state only if all neighbours by
        CrystalNN are N, O, F, S, Cl, Se, Br or I (H counts as no neighbour): sites of alloys,
        and such with bonds between metals, have none.

        Raises
        ------
        ItemFailure
            As of the coordination number; ``no_oxidation_state``.
        """
        from exafscn_flows.targets.formula_state import guessed_state

        structure = surroundings.structure
        if len(structure.composition) == 1:
            return Label(0, details={"method": "formula"})
        symbol = structure[site_index].specie.symbol
        bonded = set(surroundings.coordination(site_index).neighbours) - {"H"}
        if not bonded or not bonded <= _ANIONS:
            others = ", ".join(sorted(bonded - _ANIONS)) or "H alone"
            raise _failure(symbol, site_index, f"it is bonded to {others}")
        valences = surroundings.bond_valences()
        weights, own = valences.neutral(site_index), valences.own(site_index)
        if weights or max(own.values(), default=0.0) >= _LEAST_ALONE:
            return _by_bonds(weights or own, symbol, site_index)
        if valences.doubt:
            raise _failure(symbol, site_index, valences.doubt)
        guess = guessed_state(structure, symbol)
        if guess is None or guess <= 0:
            why = "its bonds fit no neutral cell, and its formula tells no single state"
            raise _failure(symbol, site_index, why)
        if own and own.get(guess, 0.0) < _LEAST_OWN:
            why = f"its bonds are not those of {guess:+d}, which its formula asks for"
            raise _failure(symbol, site_index, why)
        return Label(guess, details={"method": "formula"})


def _by_bonds(weights: Mapping[float, float], symbol: str, site_index: int) -> Label:
    state = max(weights, key=lambda one: (round(weights[one], DIGITS), -one))
    if weights[state] < _LEAST_WEIGHT:
        found = ", ".join(f"{one:+g} ({w:.0%})" for one, w in weights.items() if w > 0.005)
        raise _failure(symbol, site_index, f"its bonds leave a doubt: {found}")
    if state % 1 or state <= 0:
        raise _failure(symbol, site_index, f"it would be {state:+g}")
    whole: dict[int, float] = defaultdict(float)
    for one, weight in weights.items():
        whole[math.floor(one)] += weight * (1 - one % 1)
        whole[math.ceil(one)] += weight * (one % 1)
    kept = {str(one): weight for one, weight in rounded(whole, int(state)).items()}
    return Label(int(state), kept, details={"method": "bond_valence"})


def _failure(symbol: str, site_index: int, why: str) -> ItemFailure:
    return ItemFailure(
        "no_oxidation_state",
        f"{symbol} (site {site_index}) has no oxidation state that is sure: {why}",
        "nothing, if it is so; atoms may be missing in the structure, mostly H",
    )
