"""Models of curves as bytes: a zip of arrays, and of the file of the model of the components."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from exafscn_flows.models.canonical_zip import read_array, write_array, write_zip
from exafscn_flows.models.curves import Components, FittedCurves

_HEADER = "curves.json"
_MODEL = "model"
_ARRAYS = ("means", "scales", "directions")
_VERSION = 1
"""Grows whenever the files or what is done with them change."""


def dump_curves(fitted: FittedCurves, regressor: bytes) -> bytes:
    """Return a model of curves as the bytes of a zip.

    Parameters
    ----------
    regressor
        File of the model of the components.
    """
    files = {f"{name}.npy": write_array(getattr(fitted.components, name)) for name in _ARRAYS}
    header = {"version": _VERSION, "n_absorbers": fitted.n_absorbers}
    return write_zip(_HEADER, header, {**files, _MODEL: regressor})


def holds_curves(data: bytes) -> bool:
    """Tell whether a file is one that `dump_curves` may have made."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return False
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return _HEADER in file.namelist()


def load_curves(data: bytes, load: Callable[[bytes], Any]) -> FittedCurves:
    """Return the model of a zip.

    Parameters
    ----------
    load
        Loads the model of the components.

    Raises
    ------
    CampaignError
        If that refuses its file.
    Exception
        If the zip does not hold a model that can be used.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        header = json.loads(file.read(_HEADER))
        if header["version"] != _VERSION:
            raise ValueError(f"version {header['version']} of the file is not known")
        if type(header["n_absorbers"]) is not int or header["n_absorbers"] < 0:
            raise ValueError("the number of absorbers is none")
        arrays = [read_array(file.read(f"{name}.npy")) for name in _ARRAYS]
        model = file.read(_MODEL)
    return FittedCurves(Components(*arrays), load(model), header["n_absorbers"])
