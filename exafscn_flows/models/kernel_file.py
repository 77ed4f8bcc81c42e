"""Kernel ridge regressions as bytes: a zip of their arrays, and of the file of the trees."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from exafscn_flows.models.canonical_zip import read_array, write_array, write_zip
from exafscn_flows.models.curve_kernel import CurveKernel
from exafscn_flows.models.extra_trees import ExtraTrees
from exafscn_flows.models.kernel_fitted import (
    KernelClassifier,
    KernelRegressor,
    KernelTreesClassifier,
    KernelTreesRegressor,
    kernel_trees,
)

_HEADER = "kernel.json"
_VERSION = 1
"""Grows whenever the files or what is done with them change."""
_ARRAYS = ("mean", "scale", "sites", "absorbers", "weights", "offset")
_CLASSES, _TREES = "classes.npy", "trees"


def dump_kernel(fitted: Any) -> bytes:
    """Return a kernel ridge regression as the bytes of a zip.

    Raises
    ------
    TypeError
        If it is none.
    """
    if isinstance(fitted, KernelClassifier):
        return _dump(fitted.kernel, {_CLASSES: write_array(fitted.classes_)})
    if isinstance(fitted, KernelRegressor):
        return _dump(fitted.kernel, {})
    raise TypeError(f"{type(fitted).__name__} is no kernel ridge regression")


def load_kernel(data: bytes) -> KernelClassifier | KernelRegressor:
    """Return the regression of a zip.

    Raises
    ------
    Exception
        If the zip does not hold a model that can be used.
    """
    kernel, others = _load(data)
    if not others:
        return KernelRegressor(kernel)
    if list(others) != [_CLASSES]:
        raise ValueError("the files of the zip are not those of a kernel ridge regression")
    return KernelClassifier(kernel, read_array(others[_CLASSES]))


def dump_trees(fitted: Any) -> bytes:
    """Return kernel trees as the bytes of a zip.

    Raises
    ------
    TypeError
        If they are none, or the trees hold what extra trees do not.
    """
    if not isinstance(fitted, KernelTreesClassifier | KernelTreesRegressor):
        raise TypeError(f"{type(fitted).__name__} are no kernel trees")
    return _dump(fitted.kernel, {_TREES: ExtraTrees.dump(fitted.trees)})


def load_trees(data: bytes) -> KernelTreesClassifier | KernelTreesRegressor:
    """Return the kernel trees of a zip.

    Raises
    ------
    CampaignError
        If extra trees refuse the file of the trees.
    Exception
        If the zip does not hold a model that can be used.
    """
    kernel, others = _load(data)
    if list(others) != [_TREES]:
        raise ValueError("the files of the zip are not those of kernel trees")
    return kernel_trees(kernel, ExtraTrees.load(others[_TREES]))


def _dump(kernel: CurveKernel, others: Mapping[str, bytes]) -> bytes:
    files = {f"{name}.npy": write_array(getattr(kernel, name)) for name in _ARRAYS}
    header = {"version": _VERSION, "lengths": list(kernel.lengths), "shared": kernel.shared}
    return write_zip(_HEADER, header, {**files, **others})


def _load(data: bytes) -> tuple[CurveKernel, dict[str, bytes]]:
    """Return the regression of a zip, and its other files."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        header = json.loads(file.read(_HEADER))
        if header["version"] != _VERSION:
            raise ValueError(f"version {header['version']} of the file is not known")
        lengths, shared = tuple(header["lengths"]), header["shared"]
        if type(shared) is not float or any(type(one) is not int for one in lengths):
            raise ValueError("the header of a kernel holds something else than numbers")
        arrays = [read_array(file.read(f"{name}.npy")) for name in _ARRAYS]
        if any(one.ndim != len(shape) for one, shape in zip(arrays, _SHAPES, strict=True)):
            raise ValueError("the arrays of a kernel do not fit together")
        known = {_HEADER, *(f"{name}.npy" for name in _ARRAYS)}
        others = {name: file.read(name) for name in file.namelist() if name not in known}
    return CurveKernel(lengths, shared, *arrays), others


_SHAPES = ("n", "n", "nm", "nm", "nm", "n")
