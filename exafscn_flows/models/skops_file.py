"""scikit-learn's models as bytes, in the skops format: no pickle, so loading runs no code of it.

What skops writes is a zip of numpy arrays and of one JSON text that says how they make up the
model. It names objects by their memory address, and numpy fills the gaps between the fields of a
tree's nodes with whatever is in memory; here objects are numbered in order of appearance, the
gaps are zero, and the zip carries no times.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import sklearn.utils  # noqa: F401 - scipy, which it imports, must not miss torch

from exafscn_flows.errors import CampaignError
from exafscn_flows.imports import without
from exafscn_flows.models.base import Node
from exafscn_flows.models.canonical_zip import read_array, write_array, write_zip

# skops looks for all estimators there are, and so imports whatever scikit-learn could work with:
# torch alone takes longer than everything else.
with without("torch", "dask.array"):
    import skops.io

_HEADER = "schema.json"

_COMMON = frozenset(
    {
        ("DictNode", "builtins", "dict"),
        ("JsonNode", "builtins", "str"),
        ("ListNode", "builtins", "list"),
        ("TupleNode", "builtins", "tuple"),
        ("TypeNode", "builtins", "str"),
        ("NdArrayNode", "numpy", "int64"),
        ("NdArrayNode", "numpy", "ndarray"),
    }
)
"""What models of every kind are made of."""


def dump_sklearn(estimator: Any, nodes: frozenset[Node]) -> bytes:
    """Return a fitted model as the bytes of a compressed skops file.

    Parameters
    ----------
    estimator
        The model.
    nodes
        Types that it may be made of, beside those of every model.

    Raises
    ------
    TypeError
        If it holds another type, which ``load_sklearn`` would refuse.
    """
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(estimator))) as raw:
        schema = json.loads(raw.read(_HEADER))
        foreign = _foreign_types(schema, nodes)
        if foreign:
            raise TypeError(f"cannot store a model that holds {foreign[0]}")
        files = _renumber(schema)
        arrays = {new: write_array(read_array(raw.read(old))) for old, new in files.items()}
    return write_zip(_HEADER, schema, arrays)


def load_sklearn(data: bytes, nodes: frozenset[Node]) -> Any:
    """Return the model of a skops file; whether it is safe to use remains to be seen.

    Parameters
    ----------
    data
        The file.
    nodes
        Types that it may hold, beside those of every model.

    Raises
    ------
    CampaignError
        If it holds another type.
    Exception
        A file made by hand can break skops and sklearn in any way.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        foreign = _foreign_types(json.loads(file.read(_HEADER)), nodes)
    if foreign:
        raise CampaignError(
            f"a stored model holds {foreign[0]}, which no model of its kind needs: refused"
        )
    # skops does not trust some of these, because their indices could lead sklearn astray; see
    # soundness.
    return skops.io.loads(data, trusted=sorted(f"{module}.{name}" for _, module, name in nodes))


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Walk all objects of a schema in the order in which they are written."""
    if isinstance(value, dict):
        if "__class__" in value or "__loader__" in value:
            yield value
        for child in value.values():
            yield from _nodes(child)
    elif isinstance(value, list):
        for child in value:
            yield from _nodes(child)


def _foreign_types(schema: Any, nodes: frozenset[Node]) -> list[str]:
    allowed = _COMMON | nodes
    return [
        f"{node.get('__module__')}.{node.get('__class__')}"
        for node in _nodes(schema)
        if (node.get("__loader__"), node.get("__module__"), node.get("__class__")) not in allowed
    ]


def _renumber(schema: dict[str, Any]) -> dict[str, str]:
    """Replace memory addresses in place; return old and new names of the array files."""
    numbers: dict[tuple[str, Any], int] = {}
    files: dict[str, str] = {}
    for node in _nodes(schema):
        # Whether equal numbers and strings are one object is up to the interpreter, so these go
        # by what they are; arrays and other objects keep what they share.
        constant = node["__loader__"] in ("JsonNode", "TypeNode")
        key = (node["__loader__"], node.get("content")) if constant else ("", node["__id__"])
        node["__id__"] = numbers.setdefault(key, len(numbers) + 1)
        if "file" in node:
            node["file"] = files.setdefault(node["file"], f"{node['__id__']}.npy")
    return files
