"""Reading YAML, with errors that name the file, the line and what is wrong."""

import codecs
import stat
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from exafscn_flows.errors import UsageError

TEXT, MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
"""Tags of keys: text, and what merges another mapping into one (`<<`)."""

_LARGEST = 2**20
"""Bytes; no campaign file is larger, and what is would take minutes to parse."""


def read_yaml(path: Path) -> tuple[dict[str, Any], MappingNode]:
    """Read a campaign file.

    Returns
    -------
    dict
        What is in it.
    MappingNode
        The same as nodes, which know their lines.

    Raises
    ------
    UsageError
        If the file is missing, no text, no YAML, or no mapping with text for keys.
    """
    data, root = _parse(path, _text(path))
    if not isinstance(data, dict) or not isinstance(root, MappingNode):
        raise UsageError(f"{path}: a campaign file is a mapping that begins with `campaign: NAME`")
    _check_keys(path, root)
    return data, root


def read_value(name: str, text: str) -> Any:
    """Read a value that is written in YAML.

    Parameters
    ----------
    name
        What to call it.
    text
        The value.

    Raises
    ------
    UsageError
        If it is no YAML, or has keys that are no text.
    """
    data, root = _parse(name, text)
    if root is not None:
        _check_keys(name, root)
    return data


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a folder: give the campaign file in it")
        status = path.stat()
        # A pipe may never end.
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{path} is no file: write the campaign into one")
        if status.st_size > _LARGEST:
            raise UsageError(
                f"{path} is no campaign file: it has {status.st_size / 2**20:.1f} MB, and those "
                "have some kB"
            )
        raw = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"no campaign file {path}: {_others(path)}") from None
    except OSError as error:
        raise UsageError(f"cannot read campaign file {path}: {error.strerror}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        advice = "save it as UTF-8"
        if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            line, advice = 1, "it is UTF-16: save it as UTF-8"
        raise UsageError(f"{path}:{line}: not text in UTF-8; {advice}") from None


def _others(path: Path) -> str:
    """Say what may be meant instead of a file that is not there."""
    try:
        names = [one.name for one in path.parent.iterdir() if one.suffix in (".yaml", ".yml")]
    except OSError:
        names = []
    similar = get_close_matches(path.name, names, n=1)
    return f"did you mean {similar[0]}?" if similar else "look at the path"


def _parse(name: Path | str, text: str) -> tuple[Any, Node | None]:
    """Parse YAML; returns the data, and the nodes that know the lines."""
    try:
        # The safe loader builds plain values only, and refuses a key given twice.
        data = YAML(typ="safe", pure=True).load(text)
        return data, YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        line, why = _problem(error)
    except ReaderError as error:
        line = f":{text.count(chr(10), 0, error.position) + 1}"
        why = f"the character U+{error.character:04X} is not allowed"
    except RecursionError:
        line, why = "", "it is nested too deeply"
    except (YAMLError, ValueError) as error:  # a ValueError of what a tag or a date asks for
        line, why = "", str(error)
    where = f"{name}{line}" if isinstance(name, Path) else name
    raise UsageError(f"{where}: not valid YAML: {' '.join(why.split())[:300]}") from None


def _problem(error: MarkedYAMLError) -> tuple[str, str]:
    """Return the line of a mistake in YAML, and what it is, as far as the parser can tell."""
    context, problem = error.context or "", str(error.problem or "")
    mark = error.problem_mark
    if "simple key" in context:  # what should have ended there
        mark = error.context_mark
    elif "flow" in context or "quoted" in context:
        problem += f" ({context}, line {error.context_mark.line + 1})"
    elif problem.startswith("but ") or not problem:
        problem = ", ".join(filter(None, (context, problem)))
    if "duplicate key" in problem:
        problem += ": leave one out"
    if "another document" in problem:
        problem += ": leave out the line ---"
    if "mapping values" in problem:
        problem += ": look for a colon without a blank behind it, or text that needs quotes"
    if "'\\t'" in problem:
        problem += ": indent with spaces"
    if "<block end>" in problem:
        problem = f"the indentation does not fit: {problem}"
    return f":{mark.line + 1}" if mark else "", problem


def _check_keys(name: Path | str, root: Node) -> None:
    """Refuse keys that are no text, such as numbers."""
    seen: set[int] = set()
    left: list[Node] = [root]
    while left:
        node = left.pop()
        if id(node) in seen:  # as of an alias
            continue
        seen.add(id(node))
        if isinstance(node, SequenceNode):
            left += node.value
        elif isinstance(node, MappingNode):
            for key, value in node.value:
                if key.tag not in (TEXT, MERGE):
                    shown = f" {key.value}" if isinstance(key, ScalarNode) else ""
                    line = f":{key.start_mark.line + 1}" if isinstance(name, Path) else ""
                    raise UsageError(f"{name}{line}: the key{shown} is no text: write it in quotes")
                left.append(value)
