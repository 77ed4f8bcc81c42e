"""Reading a campaign file, with errors that name the file, the line, the key and the way out."""

import difflib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import UsageError, problem_text

Location = tuple[int | str, ...]


def load_campaign_file(path: Path) -> CampaignConfig:
    """Read and validate a campaign file.

    Relative paths in it start at the folder of the file.

    Parameters
    ----------
    path
        YAML file.

    Returns
    -------
    CampaignConfig

    Raises
    ------
    UsageError
        If the file is missing, is not YAML, or holds a wrong key or value; one line for each.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"no campaign file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read campaign file {path}: {error}") from None
    try:
        # The safe loader builds plain values only, and refuses a key given twice.
        data = YAML(typ="safe", pure=True).load(text)
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = " ".join(str(error.problem or error.context or "not valid").split())
        raise UsageError(f"{path}{line}: not valid YAML: {problem}") from None
    except YAMLError as error:
        raise UsageError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise UsageError(f"{path}: not a campaign file: it is nested too deeply") from None
    if not isinstance(data, dict):
        raise UsageError(f"{path}: a campaign file is a mapping that begins with `campaign: NAME`")
    try:
        return CampaignConfig.model_validate(data, context={"folder": path.resolve().parent})
    except ValidationError as error:
        lines = [_describe(path, root, problem) for problem in error.errors()]
        raise UsageError("\n".join(dict.fromkeys(lines))) from None


def _describe(path: Path, root: Node, problem: Any) -> str:
    location: Location = problem["loc"]
    written = _written_location(root, location, missing=problem["type"] == "missing")
    line, key = _line(root, written), _key(written)
    where = f"{path}:{line}: {key}" if key else f"{path}:{line}"
    if problem["type"] == "extra_forbidden":
        known = sorted(_known_keys(location))
        nearest = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
        advice = f"did you mean `{nearest[0]}`?" if nearest else f"known here: {', '.join(known)}"
        return f"{where}: unknown key; {advice}"
    if problem["type"] == "missing":
        return f"{where}: required, but not given"
    message = problem_text(problem)
    shown = problem.get("input")
    if isinstance(shown, str | int | float | bool) and problem["type"] != "value_error":
        message = f"{message}, not {shown!r}"
    return f"{where}: {message}"


def _written_location(root: Node, location: Location, *, missing: bool) -> Location:
    """Drop the parts of a pydantic location that are not in the file (tags of unions).

    The last part stays if it is `missing`.
    """
    written: list[int | str] = []
    node: Node | None = root
    for index, part in enumerate(location):
        child = _child(node, part)
        if child is None and not (missing and index == len(location) - 1):
            continue
        written.append(part)
        node = child
    return tuple(written)


def _child(node: Node | None, part: int | str) -> Node | None:
    if isinstance(node, MappingNode):
        return next((value for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        item: Node = node.value[part]
        return item
    return None


def _line(root: Node, location: Location) -> int:
    node = root
    line = 1
    for part in location:
        if isinstance(node, MappingNode):
            key = next((key for key, _ in node.value if key.value == str(part)), None)
            line = key.start_mark.line + 1 if key is not None else line
        child = _child(node, part)
        if child is None:
            break
        if isinstance(node, SequenceNode):
            line = child.start_mark.line + 1
        node = child
    return line


def _key(location: Location) -> str:
    key = ""
    for part in location:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else part
    return key


def _known_keys(location: Location) -> set[str]:
    """Field names that are allowed where an unknown one was found."""
    models: list[type[BaseModel]] = [CampaignConfig]
    for part in location[:-1]:
        fields = [m.model_fields[part] for m in models if part in m.model_fields]
        if fields:
            models = [m for field in fields for m in _models_in(field.annotation)]
        elif isinstance(part, str):
            # The tag of a union: only the member of that kind counts.
            models = [m for m in models if _kind(m) == part] or models
    return {name for model in models for name in model.model_fields}


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
