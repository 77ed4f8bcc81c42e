"""Fitted models as bytes, in the skops format: no pickle, so loading runs no code of the file.

The same model gives the same bytes in every process, so that two runs of a campaign end in the
same files. What skops writes is a zip of numpy arrays and of one JSON text that says how they
make up the model. It names objects by their memory address, and numpy fills the gaps between the
fields of a tree's nodes with whatever is in memory; here objects are numbered in order of
appearance, the gaps are zero, and the zip carries no times.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import skops.io
from sklearn.ensemble import RandomForestClassifier

from exafscn_flows.errors import CampaignError

_ALLOWED = frozenset(
    {
        ("DictNode", "builtins", "dict"),
        ("JsonNode", "builtins", "str"),
        ("ListNode", "builtins", "list"),
        ("TupleNode", "builtins", "tuple"),
        ("TypeNode", "builtins", "str"),
        ("NdArrayNode", "numpy", "int64"),
        ("NdArrayNode", "numpy", "ndarray"),
        ("ObjectNode", "sklearn.ensemble._forest", "RandomForestClassifier"),
        ("ObjectNode", "sklearn.tree._classes", "DecisionTreeClassifier"),
        ("TreeNode", "sklearn.tree._tree", "Tree"),
    }
)
"""skops loader, module and class of all that a random forest is made of."""

_SCHEMA = "schema.json"


def dump_model(estimator: RandomForestClassifier) -> bytes:
    """Return a fitted forest as the bytes of a compressed skops file.

    Raises
    ------
    TypeError
        If the estimator holds a type that ``load_model`` would refuse.
    """
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(estimator))) as raw:
        schema = json.loads(raw.read(_SCHEMA))
        foreign = _foreign_types(schema)
        if foreign:
            raise TypeError(f"cannot store a model that holds {foreign[0]}")
        files = _renumber(schema)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as canonical:
            for old, new in files.items():
                canonical.writestr(_entry(new), _without_padding(raw.read(old)))
            text = json.dumps(schema, separators=(",", ":"))
            canonical.writestr(_entry(_SCHEMA), text)
    return buffer.getvalue()


def load_model(data: bytes, sha256: str) -> RandomForestClassifier:
    """Return the forest that ``dump_model`` made ``data`` from.

    Parameters
    ----------
    data
        Bytes of the skops file.
    sha256
        Its checksum, as kept beside the model, in hexadecimal.

    Raises
    ------
    CampaignError
        If the bytes are not those of the checksum, hold a type that no forest needs, or do not
        make up a forest that can be used.
    """
    if hashlib.sha256(data).hexdigest() != sha256:
        raise CampaignError(
            "a stored model does not have the checksum that was kept with it; fit it again"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            schema = json.loads(file.read(_SCHEMA))
        foreign = _foreign_types(schema)
    except (zipfile.BadZipFile, KeyError, ValueError, RecursionError) as error:
        raise _unreadable(error) from error
    if foreign:
        raise CampaignError(f"a stored model holds {foreign[0]}, which no forest needs: refused")
    try:
        model = skops.io.loads(data, trusted=["sklearn.tree._tree.Tree"])
        sound = isinstance(model, RandomForestClassifier) and _is_sound(model)
    except Exception as error:
        # A file made by hand can break skops and sklearn in any way.
        raise _unreadable(error) from error
    if not sound:
        raise CampaignError("a stored model is not a sound random forest: refused; fit it again")
    return model


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


def _foreign_types(schema: Any) -> list[str]:
    return [
        f"{node.get('__module__')}.{node.get('__class__')}"
        for node in _nodes(schema)
        if (node.get("__loader__"), node.get("__module__"), node.get("__class__")) not in _ALLOWED
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


def _without_padding(npy: bytes) -> bytes:
    array = np.load(io.BytesIO(npy), allow_pickle=False)
    if array.dtype.names is None:
        return npy
    clean = np.zeros(array.shape, array.dtype)  # unlike zeros_like, with zeros in the gaps
    for name in array.dtype.names:
        clean[name] = array[name]
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(clean))
    # Not numpy.save: it copies field by field into fresh memory, gaps and all.
    file.write(clean.tobytes())
    return file.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)  # dated 1980, the start of zip's calendar
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _is_sound(forest: RandomForestClassifier) -> bool:
    """Check the indices by which sklearn walks the trees, which it trusts without looking."""
    for tree in (estimator.tree_ for estimator in forest.estimators_):
        if tree.node_count < 1 or tree.node_count != tree.capacity:
            return False
        left, right = tree.children_left, tree.children_right
        inner = left != -1
        parent = np.arange(tree.node_count)[inner]
        for child in (left[inner], right[inner]):
            # Children follow their parent, so there is no way round in a circle.
            if (child <= parent).any() or (child >= tree.node_count).any():
                return False
        feature = tree.feature[inner]
        if (feature < 0).any() or (feature >= forest.n_features_in_).any():
            return False
    return True


def _unreadable(error: Exception) -> CampaignError:
    line = " ".join(str(error).split())[:150]
    return CampaignError(f"a stored model cannot be read ({type(error).__name__}: {line})")
