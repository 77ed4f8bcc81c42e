"""What can be chosen by its kind in a campaign file: ours, and what other packages add.

A package adds a source, a way to spectra, a feature set, a target or a model by an entry point in
the group ``exafscn.sources``, ``exafscn.spectra``, ``exafscn.features``, ``exafscn.targets`` or
``exafscn.models`` that names its class.
"""

import functools
import operator
from collections.abc import Sequence
from importlib.metadata import EntryPoints, entry_points
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field

from exafscn_flows.errors import UsageError

Group = Literal["sources", "spectra", "features", "targets", "models"]

T = TypeVar("T", bound=BaseModel)


def registered(group: Group, own: Sequence[type[T]]) -> tuple[type[T], ...]:
    """Return our classes of a group, and those that installed packages add to it.

    Raises
    ------
    UsageError
        If what a package names cannot be imported, is no such class, or is of a kind that there
        is already.
    """
    base = _common_base(own)
    found: dict[str, type[T]] = {kind_of(one): one for one in own}
    for point in sorted(_entry_points().select(group=f"exafscn.{group}")):
        name = f"entry point {point.name} = {point.value} of exafscn.{group}"
        try:
            added = point.load()
        except Exception as error:
            line = " ".join(str(error).split())[:200]
            raise UsageError(
                f"{name} cannot be loaded ({line}): mend or remove its package"
            ) from None
        if not (isinstance(added, type) and issubclass(added, base)):
            raise UsageError(f"{name} is no {base.__name__}: mend or remove its package")
        kind = kind_of(added)
        if kind in found:
            raise UsageError(f"{name} is of kind {kind!r}, which there is already: rename it")
        found[kind] = added
    return tuple(found.values())


def one_of(classes: Sequence[type[BaseModel]]) -> Any:
    """Return the type, for pydantic, of what is one of some classes, by its kind."""
    if len(classes) == 1:
        return classes[0]
    return Annotated[functools.reduce(operator.or_, classes), Field(discriminator="kind")]


def kind_of(one: type[BaseModel]) -> str:
    """Return the kind by which a class is chosen."""
    (kind,) = one.model_fields["kind"].annotation.__args__  # type: ignore[union-attr]
    return str(kind)


@functools.cache
def _entry_points() -> EntryPoints:
    return entry_points()


def _common_base(classes: Sequence[type[T]]) -> type[T]:
    """Return the nearest class from which all inherit."""
    return next(
        base
        for base in classes[0].__mro__
        if base is not classes[0] and all(issubclass(one, base) for one in classes)
    )
