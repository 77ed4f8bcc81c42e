"""Other values than a key has."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from conformance.examples import LARCH
from exafscn_flows.features import FeatureSetModel


def others(settings: Any, name: str) -> Iterator[Any]:
    """Make valid settings in which one key has another value."""
    given = settings.model_dump(mode="json")
    for value in _values(type(settings).model_fields[name].annotation, given[name]):
        try:
            other = type(settings).model_validate({**given, name: value})
            if isinstance(other, FeatureSetModel):
                other.check(LARCH)
        except (ValidationError, ValueError):
            continue
        if getattr(other, name) != getattr(settings, name):
            yield other


def _values(annotation: Any, current: Any) -> Iterator[Any]:
    """Values that a key may have, and others."""
    yield from literals(annotation)
    if isinstance(current, bool):
        yield not current
    elif isinstance(current, int | float):
        yield from (current + 1, current * 2, current - 1, current + 0.5, current / 2)
    elif isinstance(current, dict):
        for key, value in current.items():
            yield from ({**current, key: other} for other in _values(None, _number(value)))
    elif isinstance(current, list):
        yield from (current[::-1], current[:1], [*current, *current[:1]])
    yield from (1, 3, 0.7, 1.5, 4.0, 20.0, True, False, "other", "O", ["O"], ["mp-1"], [4, 6])
    for inner in _models(annotation):
        default = inner()
        changed = (others(default, name) for name in inner.model_fields)
        yield from (other.model_dump(mode="json") for other in chain.from_iterable(changed))


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def literals(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
        # Of several, which is often what a list holds.
        yield from ([value] for value in get_args(annotation))
    else:
        for argument in get_args(annotation):
            yield from literals(argument)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    for argument in get_args(annotation):
        is_model = isinstance(argument, type) and issubclass(argument, BaseModel)
        if is_model and not any(field.is_required() for field in argument.model_fields.values()):
            yield argument
        elif not is_model:
            yield from _models(argument)
