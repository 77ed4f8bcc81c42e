"""Work that comes in parts, folds mostly, and is complete when all its parts are."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

from exafscn_flows.errors import ExafscnError, ItemFailure
from exafscn_flows.jobs.context import measured, spread, watcher
from exafscn_flows.store.documents import FailureDoc

P = TypeVar("P")
R = TypeVar("R")


class Work(Protocol):
    """A piece of work with an absorber: what its documents are named by."""

    @property
    def key(self) -> str: ...
    @property
    def hash(self) -> str: ...
    @property
    def absorber(self) -> str: ...


class Told(NamedTuple):
    """As what the parts of a piece of work are known to the forecast."""

    part: str
    kind: str
    size: int


def by_parts(
    task: Callable[..., R],
    work: Mapping[str, Mapping[P, tuple[Any, ...]]],
    told: Mapping[str, Told] | None = None,
) -> Iterator[tuple[str, dict[P, R] | ItemFailure]]:
    """Run the parts of several pieces of work on all processes.

    Parameters
    ----------
    task
        Function of a module; called with the key of the work, the part, and its arguments.
    work
        By key, the arguments of every part.
    told
        By key, as what the forecast is told that a part has ended; by default it is not.

    Yields
    ------
    tuple
        Key, and results by part or the failure of the first part that failed; as soon as the work
        is complete.

    Raises
    ------
    ExafscnError
        What concerns more than one piece of work.
    """
    tasks = (
        (task, key, part, *args) for key, parts in work.items() for part, args in parts.items()
    )
    results: dict[str, dict[P, R | Exception]] = {key: {} for key in work}
    for (_, key, part, *_), outcome in spread(measured, tasks):
        if isinstance(outcome, ExafscnError) and not isinstance(outcome, ItemFailure):
            raise outcome
        if isinstance(outcome, Exception):
            results[key][part] = outcome
        else:
            results[key][part], spent = outcome
            if told is not None:
                watcher().forecast.done(*told[key], spent)
        if len(results[key]) == len(work[key]):
            yield key, _joined(work[key], results.pop(key))


def failure_doc(campaign: str, stage: str, work: Work, failure: ItemFailure) -> FailureDoc:
    """Build the document of work that failed."""
    return FailureDoc(
        campaign=campaign,
        hash=work.hash,
        stage=stage,
        item=work.key,
        absorber=work.absorber,
        kind=failure.kind,
        message=failure.message,
        hint=failure.hint,
    )


def _joined(parts: Iterable[P], results: Mapping[P, R | Exception]) -> dict[P, R] | ItemFailure:
    """Return the results in the order of the parts, or the failure of the first that failed.

    Not of the first to say so: two runs would tell of different ones.
    """
    joined: dict[P, R] = {}
    for part in parts:
        result = results[part]
        if isinstance(result, Exception):
            return result if isinstance(result, ItemFailure) else _fit_failed(result)
        joined[part] = result
    return joined


def _fit_failed(error: Exception) -> ItemFailure:
    line = " ".join(str(error).split())[:200]
    hint = "check the model in the campaign file, and the memory of the machine"
    return ItemFailure("fit_failed", f"the fit ended with {type(error).__name__}: {line}", hint)
