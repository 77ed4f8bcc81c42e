"""Models of two stages as bytes: a zip of the arrays of the first and the file of the second."""

import io
import json
import zipfile
from typing import Any

from exafscn_flows.models.canonical_zip import read_array, write_array, write_zip
from exafscn_flows.models.extra_trees import ExtraTrees
from exafscn_flows.models.kernel_file import arrays_of, take_sites
from exafscn_flows.models.two_stage_fitted import (
    TwoStageClassifier,
    TwoStageRegressor,
    in_two_stages,
)

_HEADER = "two_stage.json"
_VERSION = 2
"""Grows whenever the files or what is done with them change."""
_K, _SECOND = "k.npy", "second"


def dump_two_stage(fitted: Any) -> bytes:
    """Return a model of two stages as the bytes of a zip.

    Raises
    ------
    TypeError
        If it is none, or its second stage holds what extra trees do not.
    """
    if not isinstance(fitted, TwoStageClassifier | TwoStageRegressor):
        raise TypeError(f"{type(fitted).__name__} is no model of two stages")
    header, files = arrays_of(fitted.first)
    files[_K] = write_array(fitted.k)
    files[_SECOND] = ExtraTrees.dump(fitted.second)
    return write_zip(_HEADER, {"version": _VERSION} | header, files)


def load_two_stage(data: bytes) -> TwoStageClassifier | TwoStageRegressor:
    """Return the model of a zip.

    Raises
    ------
    CampaignError
        If extra trees refuse the file of the second stage.
    Exception
        If the zip does not hold a model that can be used.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        header = json.loads(file.read(_HEADER))
        if header["version"] != _VERSION:
            raise ValueError(f"version {header['version']} of the file is not known")
        files = {name: file.read(name) for name in file.namelist() if name != _HEADER}
    first, others = take_sites(header, files)
    if sorted(others) != sorted([_SECOND, _K]):
        raise ValueError("the files of the zip are not those of two stages")
    return in_two_stages(read_array(others[_K]), first, ExtraTrees.load(others[_SECOND]))
