"""Keys of a campaign file that the command line gives: ``--set KEY=VALUE``."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.config.yaml_file import read_value
from exafscn_flows.errors import UsageError
from exafscn_flows.registry import kind_of
from exafscn_flows.strict import Location, TextFrom

_KEY = re.compile(r"[^.\[\]]+(?:\.[^.\[\]]+|\[[0-9]+\])*")
_NUMBER = re.compile(r"[0-9]{1,9}")


class Given(NamedTuple):
    """A value that the command line gives."""

    option: str
    """The option without the value, for messages."""
    at: Location
    """Where the value is in the file."""

    def holds(self, location: Location) -> bool:
        """Tell whether a place is this value, or inside it."""
        return location[: len(self.at)] == self.at

    def is_inside(self, location: Location) -> bool:
        """Tell whether this value is inside what is at a place of the file."""
        return bool(location) and self.at[: len(location)] == location


def with_given(data: dict[str, Any], texts: Sequence[str]) -> tuple[dict[str, Any], list[Given]]:
    """Put values of the command line into what a campaign file holds.

    Parameters
    ----------
    data
        What is in the file; it stays as it is.
    texts
        ``KEY=VALUE``, each: a path as errors print it, with numbers of list items in brackets or
        behind a dot, and YAML. Relative paths in it start at the current folder.

    Returns
    -------
    dict
        What the file would hold.
    list of Given
        Where the values are.

    Raises
    ------
    UsageError
        If a text is no such thing, leads into what is not there, or replaces an earlier one.
    """
    given: list[Given] = []
    for text in texts:
        key, equals, written = text.partition("=")
        key = " ".join(key.split())
        option = f"--set {key}"
        if not equals or not _KEY.fullmatch(key):
            shown = " ".join(text.split())[:80]
            raise UsageError(f"--set {shown}: write KEY=VALUE, such as sources.0.path=cifs")
        try:
            value = _from_here(read_value(option, written), Path.cwd())
        except RecursionError:  # of an alias inside of what it stands for
            raise UsageError(f"{option}: it is nested too deeply") from None
        parts = key.replace("[", ".").replace("]", "").split(".")
        try:
            data, at = _with(data, parts, value, ())
        except LookupError as error:
            raise UsageError(f"{option}: {error.args[0]}") from None
        for earlier in given:
            if earlier.at[: len(at)] == at:
                raise UsageError(f"{option}: {earlier.option} is given before: give one of them")
        given.append(Given(option, at))
    return data, given


def key_text(location: Location) -> str:
    """Return a place in a campaign file as errors print it."""
    key = ""
    for part in location:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else part
    return key


def _from_here(value: Any, folder: Path) -> Any:
    if isinstance(value, str):
        return TextFrom(value, folder)
    if isinstance(value, list):
        return [_from_here(item, folder) for item in value]
    if isinstance(value, dict):
        return {key: _from_here(item, folder) for key, item in value.items()}
    return value


def _with(tree: Any, parts: list[str], value: Any, at: Location) -> tuple[Any, Location]:
    """Return a copy of what is at a place, with a value in it, and where that is.

    Raises
    ------
    LookupError
        If nothing is there that could hold it.
    """
    if not parts:
        return value, at
    part, *rest = parts
    is_number = _NUMBER.fullmatch(part) is not None
    name = key_text(at)
    if tree is None:
        tree = _default(at) if is_number and name != "spectra" else {}
    elif isinstance(tree, str) and at[:1] in (("targets",), ("models",)):
        tree = {"kind": tree}  # a kind may stand alone
    if isinstance(tree, dict):
        if name == "spectra" and is_number:  # one may stand alone
            if int(part):
                raise LookupError(f"there is no {name}[{part}]: {name} is one, not a list")
            return _with(tree, rest, value, at)
        found, at = _with(tree.get(part), rest, value, (*at, part))
        return {**tree, part: found}, at
    if not isinstance(tree, list):
        raise LookupError(f"{name} is {tree!r}, so there is no {part} in it"[:200])
    if not is_number:
        raise LookupError(f"{name} is a list: say which item, such as {name}[0].{part}")
    if int(part) >= len(tree):
        there = f"the last is {name}[{len(tree) - 1}]" if tree else "there is none"
        raise LookupError(f"there is no {name}[{part}]: {there}")
    number = int(part)
    found, at = _with(tree[number], rest, value, (*at, number))
    return [*tree[:number], found, *tree[number + 1 :]], at


def _default(at: Location) -> list[Any]:
    """Return a list of the file as it would be written if it were not left out."""
    found: Any = CampaignConfig.model_construct()
    for part in at:
        found = getattr(found, str(part), None)
    if not isinstance(found, list):
        return []
    return [_as_written(item) for item in found]


def _as_written(item: Any) -> Any:
    if not isinstance(item, BaseModel):
        return item
    given = item.model_dump(mode="json", exclude_unset=True, exclude={"name"})
    return {"kind": kind_of(type(item)), **given}
