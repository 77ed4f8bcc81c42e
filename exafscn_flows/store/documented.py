"""The queries that the documentation shows, for which indexes are made."""

from typing import Any

from exafscn_flows.store.pages import ORDERS, Order
from exafscn_flows.targets.base import TaskName

_OF_CLASSES: tuple[dict[str, Any], ...] = (
    {},
    {"absorber": "Cu"},
    {"absorber": "Cu", "cn": 4},
    {"absorber": "Cu", "cn": 4, "min_probability": 0.8, "contains": ("O",)},
    {"absorber": "Cu", "cn": 4, "neighbours": ("O",)},
    {"absorber": "Cu", "disagrees": True},
    {"contains": ("Li",)},
    {"contains": ("Cu",)},
    {"contains": ("S",), "excludes": ("O",)},
    {"neighbours": ("S",)},
    {"oxide": True},
    {"oxide": False},
    {"formula": "CuO"},
    {"measured": True},
    {"disagrees": True},
    {"disagrees": True, "min_probability": 0.7},
    {"disagrees": False, "max_expected_error": 0.3},
    {"max_set_size": 1},
    {"absorber": "Cu", "cn": 4, "max_set_size": 1},
    {"in_distribution": True},
    {"in_distribution": False},
    {"seen": False},
    {"target": "oxidation_state", "absorber": "Fe", "value": 2},
    {"target": "oxidation_state", "min_value": 3},
    {"target": "environment", "neighbours": ("O",), "value": "tetrahedron"},
)
_OF_NUMBERS: tuple[dict[str, Any], ...] = (
    {"target": "bond_length", "absorber": "Cu"},
    {"target": "bond_length", "absorber": "Cu", "max_value": 2.0},
    {"target": "bond_length", "neighbours": ("O",), "min_value": 1.9, "max_value": 2.1},
    {"target": "bond_length", "disagrees": True},
)
DOCUMENTED_QUERIES = _OF_CLASSES + _OF_NUMBERS
"""Conditions of the queries that the documentation shows."""

_ORDERS_WITH = {
    "min_probability": {Order.PROBABILITY},
    "max_expected_error": {Order.EXPECTED_ERROR, Order.DOUBTFUL},
}
_QUERIES: dict[TaskName, tuple[dict[str, Any], ...]] = {
    "classes": _OF_CLASSES,
    "numbers": _OF_NUMBERS,
}

DOCUMENTED_CASES = tuple(
    (conditions, order)
    for task, queries in _QUERIES.items()
    for conditions in queries
    for order in ORDERS[task]
    if all(order in _ORDERS_WITH.get(name, Order) for name in conditions)
)
"""These queries in the orders that an index gives: limits on a number in the orders by it."""
