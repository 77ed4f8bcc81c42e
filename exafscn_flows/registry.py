"""What can be chosen by its kind in a campaign file: ours, and what other packages add.

A package adds a source, a way to spectra, a feature set, a target or a model by an entry point in
the group ``exafscn.sources``, ``exafscn.spectra``, ``exafscn.features``, ``exafscn.targets`` or
``exafscn.models`` that names its class (docs/extending.md).
"""

import functools
import inspect
import operator
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, Field

from exafscn_flows.errors import UsageError

Group = Literal["sources", "spectra", "features", "targets", "models"]

T = TypeVar("T", bound=BaseModel)


def registered(
    group: Group, own: Sequence[type[T]], reserved: Sequence[str] = ()
) -> tuple[type[T], ...]:
    """Return our classes of a group, and those that installed packages add to it.

    Parameters
    ----------
    group
        Its name.
    own
        Our classes.
    reserved
        Kinds that no package may take beside those of our classes.

    Raises
    ------
    UsageError
        If what a package names cannot be imported, is no such class, or is of a kind that there
        is already. It names the package.
    """
    base = _common_base(own)
    found = {kind_of(one): one for one in own}
    takers = dict.fromkeys([*found, *reserved], "exafscn")
    for point in sorted(_entry_points().select(group=f"exafscn.{group}")):
        package = point.dist.name if point.dist else point.value
        try:
            added = _load(point, base)
            kind = kind_of(added)
            if kind in takers:
                raise TypeError(f"its kind {kind!r} is taken by {takers[kind]}")
        except Exception as error:
            line = " ".join(f"{error}".split())[:200] or type(error).__name__
            raise UsageError(
                f"package {package} cannot be used: {point.value} of its entry point "
                f"exafscn.{group}: {line}; mend it, or remove it by `pip uninstall {package}`"
            ) from None
        found[kind], takers[kind] = added, package
    return tuple(found.values())


def one_of(classes: Sequence[type[BaseModel]]) -> Any:
    """Return the type, for pydantic, of what is one of some classes, by its kind."""
    if len(classes) == 1:
        return classes[0]
    return Annotated[functools.reduce(operator.or_, classes), Field(discriminator="kind")]


def kind_of(one: type[BaseModel]) -> str:
    """Return the kind by which a class is chosen.

    Raises
    ------
    TypeError
        If it has none, or several.
    """
    field = one.model_fields.get("kind")
    kinds = get_args(field.annotation) if field else ()
    if len(kinds) != 1 or not isinstance(kinds[0], str):
        raise TypeError(f'{one.__name__} has no `kind: Literal["..."]`')
    return kinds[0]


def _load(point: EntryPoint, base: type[T]) -> type[T]:
    """Return the class that an entry point names.

    Raises
    ------
    TypeError
        If it is no class that can be chosen. Its import may raise anything.
    """
    module = sys.modules.get(point.module)
    if module is not None and getattr(module.__spec__, "_initializing", False):
        # Its own import has led here, so its class is not there yet, e.g. where a worker process
        # reads one from a pickle. Run anew, it finds all that it imports; and the import that is
        # under way ends with the module that stands in sys.modules.
        del sys.modules[point.module]
    added = point.load()
    if not (isinstance(added, type) and issubclass(added, base)):
        raise TypeError(f"it is no {base.__name__}")
    if inspect.isabstract(added):
        missing = ", ".join(sorted(added.__abstractmethods__))
        raise TypeError(f"it does not say what a {base.__name__} must: {missing}")
    return added


@functools.cache
def _entry_points() -> Any:
    """Return the entry points of all packages; looked up once, which takes some ms."""
    return entry_points()


def _common_base(classes: Sequence[type[T]]) -> type[T]:
    """Return the nearest class from which all inherit."""
    return next(
        base
        for base in classes[0].__mro__
        if base is not classes[0] and all(issubclass(one, base) for one in classes)
    )
