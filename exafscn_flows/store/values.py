"""Values that users give for a search, in Python or at the command line: kinds and ranges.

Every function takes the name under which a value was given, and the value; it returns a plain one,
or raises UsageError with one line that says what is wrong and what is allowed.
"""

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

from exafscn_flows.errors import UsageError


def text(name: str, value: Any) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise _refusal(name, value, "text")
    return str(value)


def texts(name: str, value: Any, words: str) -> tuple[str, ...]:
    """Return several texts; a single one is not taken for its letters.

    Parameters
    ----------
    words
        What each of them is.
    """
    if isinstance(value, str):
        return (str(value),)
    if not isinstance(value, Iterable):
        raise _refusal(name, value, f"{words}, or several")
    found = tuple(value)
    for one in found:
        if not isinstance(one, str):
            raise _refusal(name, one, words)
    return tuple(str(one) for one in found)


def truth(name: str, value: Any) -> bool:
    """Return True or False."""
    if isinstance(value, bool):
        return value
    import numpy as np  # help must not wait for it

    if not isinstance(value, np.bool_):
        raise _refusal(name, value, "True or False")
    return bool(value)


def whole_number(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Return a whole number in a range; numpy's are whole numbers, too."""
    # True is a whole number for Python.
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise _refusal(name, value, f"a whole number{_range(least, most)}")
    _check_range(name, value, least, most)
    return int(value)


def number(name: str, value: Any, least: int, most: int | None = None) -> float:
    """Return a number in a range."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise _refusal(name, value, f"a number{_range(least, most)}")
    _check_range(name, value, least, most)
    return float(value)


LARGEST_VALUE = 10**9
"""Of what is predicted, in any unit; MongoDB takes no whole number of any length."""


def is_value(value: Any) -> bool:
    """Whether something, of plain Python, can be a class or a number that is predicted."""
    if isinstance(value, str):
        return True
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and -LARGEST_VALUE <= value <= LARGEST_VALUE  # which NaN is not


def predicted(name: str, value: Any) -> int | float | str:
    """Return a class, which is a whole number or a text, or a number."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral) and not isinstance(value, bool):
        return whole_number(name, value, -LARGEST_VALUE, LARGEST_VALUE)
    if isinstance(value, Real) and not isinstance(value, bool):
        return number(name, value, -LARGEST_VALUE, LARGEST_VALUE)
    raise _refusal(name, value, "a class or a number")


def _check_range(name: str, value: Any, least: int, most: int | None) -> None:
    # Nothing compares with NaN.
    if not (least <= value and (most is None or value <= most)):
        raise UsageError(f"{name}: {value} is not{_range(least, most)}")


def _range(least: int, most: int | None) -> str:
    return f" at least {least}" if most is None else f" from {least} to {most}"


def _refusal(name: str, value: Any, words: str) -> UsageError:
    shown = repr(value)
    return UsageError(f"{name}: {shown if len(shown) <= 80 else shown[:80] + '...'} is not {words}")
