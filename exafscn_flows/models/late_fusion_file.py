"""Late fusion as bytes: a zip of the files of the members, and weights as text."""

import io
import json
import zipfile
from typing import Any

import numpy as np

from exafscn_flows.models.canonical_zip import write_zip
from exafscn_flows.models.late_fusion_fitted import FusionClassifier, FusionRegressor
from exafscn_flows.models.registry import MEMBERS
from exafscn_flows.registry import kind_of

_HEADER = "late_fusion.json"
_VERSION = 1
"""Grows whenever the files or what is done with them change."""
_MADE: dict[str, type[FusionClassifier] | type[FusionRegressor]] = {
    "classes": FusionClassifier,
    "numbers": FusionRegressor,
}


def dump_fusion(fitted: Any) -> bytes:
    """Return a late fusion as the bytes of a zip.

    Raises
    ------
    TypeError
        If it is none, or a member holds what its kind refuses.
    """
    tasks = {made: task for task, made in _MADE.items()}
    if type(fitted) not in tasks:
        raise TypeError(f"{type(fitted).__name__} is no late fusion of models")
    kind = {kind_of(one): one for one in MEMBERS}[fitted.kind]
    files = {str(number): kind.dump(one) for number, one in enumerate(fitted.members)}
    header = {
        "version": _VERSION,
        "task": tasks[type(fitted)],
        "member": fitted.kind,
        "sizes": list(fitted.sizes),
        "others": fitted.n_others,
        "weights": fitted.weights.tolist(),
        "bias": fitted.bias.tolist(),
    }
    return write_zip(_HEADER, header, files)


def load_fusion(data: bytes) -> FusionClassifier | FusionRegressor:
    """Return the late fusion of a zip.

    Raises
    ------
    CampaignError
        If the kind of the members refuses the file of one.
    Exception
        If the zip does not hold a late fusion that can be used: of a member, whatever its kind
        raises.
    """
    known = {kind_of(one): one for one in MEMBERS}
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        header = json.loads(file.read(_HEADER))
        if header["version"] != _VERSION:
            raise ValueError(f"version {header['version']} of the file is not known")
        names = [str(number) for number in range(len(header["sizes"]))]
        if sorted(file.namelist()) != sorted([_HEADER, *names]):
            raise ValueError("the files of the zip are not those of the members")
        members = tuple(known[header["member"]].load(file.read(name)) for name in names)
    return _MADE[header["task"]](
        header["member"],
        members,
        tuple(header["sizes"]),
        header["others"],
        *(np.array(header[name], dtype=np.float64) for name in ("weights", "bias")),
    )
