"""Where a training keeps how far it is, so that one that is killed can go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol


class Keeper(Protocol):
    """Keeps bytes by name for one fit; whoever begins the same fit again finds them."""

    def read(self, name: str) -> bytes | None:
        """Return what was kept last; None if nothing was."""

    def write(self, name: str, data: bytes) -> None:
        """Keep bytes instead of what was kept before."""


@dataclass
class Slot:
    """The place of one part of a fit, such as the training of some networks.

    Attributes
    ----------
    keeper
        Who keeps it.
    name
        Its name.
    """

    keeper: Keeper
    name: str

    def read(self, name: str) -> bytes | None:
        """Return what was kept last under a name within the part; None if nothing was."""
        return self.keeper.read(f"{self.name}-{name}")

    def write(self, name: str, data: bytes) -> None:
        """Keep bytes under a name within the part, instead of what was kept before."""
        self.keeper.write(f"{self.name}-{name}", data)


@dataclass
class _Kept:
    keeper: Keeper
    slots: int = field(default=0)


_kept: ContextVar[_Kept | None] = ContextVar("kept", default=None)


@contextmanager
def kept_by(keeper: Keeper) -> Iterator[None]:
    """Let what is trained in this context be kept.

    Parameters
    ----------
    keeper
        Of one fit, which asks for slots in the same order each time it is begun.
    """
    token = _kept.set(_Kept(keeper))
    try:
        yield
    finally:
        _kept.reset(token)


def next_slot() -> Slot | None:
    """Return the place of the next part of the fit; None where nobody keeps it."""
    kept = _kept.get()
    if kept is None:
        return None
    kept.slots += 1
    return Slot(kept.keeper, f"part{kept.slots}")
