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

from exafscn_flows.errors import CampaignError
from exafscn_flows.imports import without
from exafscn_flows.models.canonical_zip import read_array, write_array, write_zip
from exafscn_flows.models.soundness import is_sound

# skops looks for all estimators there are, and so imports whatever scikit-learn could work with:
# torch alone takes longer than everything else.
with without("torch", "dask.array"):
    import skops.io

HEADER = "schema.json"

_TREE = "sklearn.tree._tree"
_BOOSTING = "sklearn.ensemble._hist_gradient_boosting"
_TREE_PREDICTOR = (f"{_BOOSTING}.predictor", "TreePredictor")

_ALLOWED = frozenset(
    {
        ("DictNode", "builtins", "dict"),
        ("JsonNode", "builtins", "str"),
        ("ListNode", "builtins", "list"),
        ("TupleNode", "builtins", "tuple"),
        ("TypeNode", "builtins", "str"),
        ("NdArrayNode", "numpy", "int64"),
        ("NdArrayNode", "numpy", "ndarray"),
        # Forests, extra trees and bagging.
        ("ObjectNode", "sklearn.ensemble._forest", "RandomForestClassifier"),
        ("ObjectNode", "sklearn.ensemble._forest", "ExtraTreesClassifier"),
        ("ObjectNode", "sklearn.ensemble._bagging", "BaggingClassifier"),
        ("ObjectNode", "sklearn.tree._classes", "DecisionTreeClassifier"),
        ("ObjectNode", "sklearn.tree._classes", "ExtraTreeClassifier"),
        ("TreeNode", _TREE, "Tree"),
        # Gradient boosting, with two classes and with more.
        ("ObjectNode", f"{_BOOSTING}.gradient_boosting", "HistGradientBoostingClassifier"),
        ("ObjectNode", f"{_BOOSTING}.binning", "_BinMapper"),
        ("ObjectNode", *_TREE_PREDICTOR),
        ("ObjectNode", "sklearn.preprocessing._label", "LabelEncoder"),
        ("ObjectNode", "sklearn._loss.loss", "HalfBinomialLoss"),
        ("ObjectNode", "sklearn._loss.loss", "HalfMultinomialLoss"),
        ("LossNode", "sklearn._loss._loss", "CyHalfBinomialLoss"),
        ("LossNode", "sklearn._loss._loss", "CyHalfMultinomialLoss"),
        ("ObjectNode", "sklearn._loss.link", "LogitLink"),
        ("ObjectNode", "sklearn._loss.link", "MultinomialLogit"),
        ("ObjectNode", "sklearn._loss.link", "Interval"),
        ("NdArrayNode", "numpy", "uint64"),
    }
)
"""skops loader, module and class of all that the models of a campaign file are made of."""

# skops does not trust these two, because their indices could lead sklearn astray: see is_sound.
_TRUSTED = [f"{_TREE}.Tree", ".".join(_TREE_PREDICTOR)]


def dump_sklearn(estimator: Any) -> bytes:
    """Return a fitted model as the bytes of a compressed skops file.

    Raises
    ------
    TypeError
        If the estimator holds a type that ``load_sklearn`` would refuse.
    """
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(estimator))) as raw:
        schema = json.loads(raw.read(HEADER))
        foreign = _foreign_types(schema)
        if foreign:
            raise TypeError(f"cannot store a model that holds {foreign[0]}")
        files = _renumber(schema)
        arrays = {new: write_array(read_array(raw.read(old))) for old, new in files.items()}
    return write_zip(HEADER, schema, arrays)


def load_sklearn(data: bytes, schema: Any) -> Any:
    """Return the model of a skops file.

    Parameters
    ----------
    data
        The file.
    schema
        The JSON text in it, decoded.

    Raises
    ------
    CampaignError
        If it holds a type that no model needs, or a model that is not safe to use.
    Exception
        A file made by hand can break skops and sklearn in any way.
    """
    foreign = _foreign_types(schema)
    if foreign:
        raise CampaignError(f"a stored model holds {foreign[0]}, which no model needs: refused")
    model = skops.io.loads(data, trusted=_TRUSTED)
    if not is_sound(model):
        raise CampaignError("a stored model is not a sound model: refused; fit it again")
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
