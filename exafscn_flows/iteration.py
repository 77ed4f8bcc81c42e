"""Iteration helpers."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of at most `size` items, in order, reading no further ahead than that."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
