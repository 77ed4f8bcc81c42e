"""Reading a campaign file, with errors that name the file, the line, the key and the way out."""

import re
import types
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from exafscn_flows.config.campaign import NAME_PATTERN, NAME_WORDS, CampaignConfig
from exafscn_flows.config.given import Given, key_text, with_given
from exafscn_flows.config.yaml_file import MERGE, read_yaml
from exafscn_flows.errors import UsageError, problem_text
from exafscn_flows.strict import LocatedError, Location, near

_MAPPING = "should be a mapping of keys to values, such as {kind: ...}"
_MESSAGES = {
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dict_type": _MAPPING,
    "list_type": "input should be a valid list, such as [...]",
    "missing": "required, but not given",
}
"""Texts for what pydantic says in the words of Python."""

_NAMES = {NAME_PATTERN: NAME_WORDS, r"^[a-z0-9_]+$": "small letters, digits and _"}
"""What patterns of names say."""


def load_campaign_file(path: Path, settings: Sequence[str] = ()) -> CampaignConfig:
    """Read and validate a campaign file.

    Relative paths in it start at the folder of the file.

    Parameters
    ----------
    path
        YAML file.
    settings
        ``KEY=VALUE``, each: values that are set before the file is validated. Relative paths in
        them start at the current folder.

    Returns
    -------
    CampaignConfig

    Raises
    ------
    UsageError
        If the file is missing, is not YAML, or holds a wrong key or value; one line for each.
    """
    data, root = read_yaml(path)
    data, given = with_given(data, settings)
    try:
        return CampaignConfig.model_validate(data, context={"folder": path.resolve().parent})
    except ValidationError as error:
        written = _Written(path, root, data, given)
        # A value may be of several types, and pydantic says of each why it is not.
        found: dict[tuple[str, str], list[str]] = {}
        for problem in error.errors():
            where, message, shown = _describe(written, problem)
            found.setdefault((where, shown), []).append(message)
        lines = [
            f"{where}: {' or '.join(dict.fromkeys(messages))}{shown}"
            for (where, shown), messages in found.items()
        ]
        raise UsageError("\n".join(lines)) from None


class _Written(NamedTuple):
    """What was written, and where."""

    path: Path
    root: Node
    """The file."""
    data: dict[str, Any]
    """What it holds, with what is given beside it."""
    given: list[Given]

    def place(self, location: Location) -> str:
        """Say where a place is, for the beginning of a line."""
        key = key_text(location)
        line, is_there = _line(self.root, location)
        for one in self.given:
            if one.holds(location) or (one.is_inside(location) and not is_there):
                return one.option if one.at == location else f"{one.option}: {key}"
        inside = [one.option for one in self.given if one.is_inside(location)]
        key += f" (with {', '.join(inside)})" if inside else ""
        return f"{self.path}:{line}: {key}" if key else f"{self.path}:{line}"


def _describe(written: _Written, problem: Any) -> tuple[str, str, str]:
    """Say where a problem is, what it is, and what was given there."""
    kind, error = problem["type"], problem.get("ctx", {}).get("error")
    inside: Location = error.at if isinstance(error, LocatedError) else ()
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        inside = ("kind",)
    location = _find(written.data, problem["loc"], inside, is_missing=kind == "missing")
    where = written.place(location)
    if kind == "extra_forbidden":
        key = str(problem["loc"][-1])
        known = sorted(_known_keys(problem["loc"]))
        nearest = near(key, known)
        advice = f"did you mean `{nearest}`?" if nearest else f"known here: {', '.join(known)}"
        return where, f"unknown key; {advice}", ""
    if kind == "union_tag_invalid":
        tag, expected = problem["ctx"]["tag"], problem["ctx"]["expected_tags"]
        nearest = near(str(tag), re.findall(r"'(.*?)'", expected))
        advice = f"; did you mean {nearest!r}?" if nearest else ""
        return where, f"{tag!r} is none of {expected}{advice}", ""
    if kind == "union_tag_not_found":
        kinds = [found for found in map(_kind, _models_at(problem["loc"])) if found]
        return where, f"required, but not given; write one of {', '.join(kinds)}", ""
    if kind == "string_pattern_mismatch" and problem["ctx"]["pattern"] in _NAMES:
        words = _NAMES[problem["ctx"]["pattern"]]
        return where, f"a name has {words}", f", not {problem['input'][:80]!r}"
    message, advice = _MESSAGES.get(kind) or problem_text(problem), ""
    if kind == "literal_error" and isinstance(problem["input"], str):
        nearest = near(problem["input"], re.findall(r"'(.*?)'", problem["ctx"]["expected"]))
        advice = f"; did you mean {nearest!r}?" if nearest else ""
    if kind == "missing":
        key = ".".join(map(str, location))
        message += f": write it there, or give `--set {key}=VALUE`"
    shown = problem.get("input")
    if kind in ("value_error", "missing", "too_short"):
        return where, message, ""
    if not isinstance(shown, str | int | float | date | None):
        return where, message, ""
    text = "null" if shown is None else str(shown) if isinstance(shown, date) else repr(shown)
    return where, message, f", not {text if len(text) <= 80 else text[:80] + '...'}{advice}"


def _find(data: Any, location: Location, inside: Location, *, is_missing: bool) -> Location:
    """Return a place in the words of the file.

    Parameters
    ----------
    data
        What is written.
    location
        Of pydantic: with the kind of what may be of several kinds, and with the type of what may
        be of several types, which are not in the file.
    inside
        What follows it.
    is_missing
        Whether the last part is not in the file.
    """
    written = []
    last = len(location) - 1
    may_be_kind = False
    for index, part in enumerate((*location, *inside)):
        is_kind, may_be_kind = may_be_kind and part == _kind_written(data), False
        is_there = _has(data, part) and not (is_kind and index <= last)
        if is_there:
            data = data[part]
            may_be_kind = True
        elif index <= last and not (is_missing and index == last):
            continue
        else:
            data = None
        written.append(part)
    return tuple(written)


def _has(data: Any, part: int | str) -> bool:
    if isinstance(data, list):
        return isinstance(part, int) and part < len(data)
    return isinstance(data, dict) and part in data


def _kind_written(data: Any) -> Any:
    return data.get("kind") if isinstance(data, dict) else None


def _line(root: Node, location: Location) -> tuple[int, bool]:
    """Return the line of a place, from 1, or else of what is around it; whether it is there."""
    node, line = root, 1
    for part in location:
        found = _child(node, part)
        if found is None:
            return line, False
        line, node = found
    return line, True


def _child(node: Node, part: int | str) -> tuple[int, Node] | None:
    """Return the line of a key or of an item of a list, and its value."""
    if isinstance(node, MappingNode):
        for key, value in _pairs(node):
            if key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        item: Node = node.value[part]
        return item.start_mark.line + 1, item
    return None


def _pairs(node: MappingNode) -> Iterator[tuple[Node, Node]]:
    """Keys and values of a mapping; then those of the ones that are merged into it (`<<`)."""
    yield from (pair for pair in node.value if pair[0].tag != MERGE)
    for key, merged in node.value:
        if key.tag == MERGE:
            for one in merged.value if isinstance(merged, SequenceNode) else [merged]:
                yield from _pairs(one)


def _known_keys(location: Location) -> set[str]:
    """Field names that are allowed where an unknown one was found."""
    models = _models_at(location[:-1])
    return {name for model in models for name in model.model_fields}


def _models_at(location: Location) -> list[type[BaseModel]]:
    """Return the models that a place may hold."""
    models: list[type[BaseModel]] = [CampaignConfig]
    for part in location:
        fields = [m.model_fields[part] for m in models if part in m.model_fields]
        if fields:
            models = [m for field in fields for m in _models_in(field.annotation)]
        elif isinstance(part, str):
            # The tag of a union: only the member of that kind counts.
            models = [m for m in models if _kind(m) == part] or models
    return models


def _kind(model: type[BaseModel]) -> Any:
    field = model.model_fields.get("kind")
    return get_args(field.annotation)[0] if field and get_args(field.annotation) else None


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in get_args(annotation):
        yield from _models_in(argument)
