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
    KernelComponents,
    KernelRegressor,
    KernelTreesClassifier,
    KernelTreesRegressor,
    kernel_trees,
)
from exafscn_flows.models.site_kernel import SiteKernel

_HEADER = "kernel.json"
_VERSION = 2
"""Grows whenever the files or what is done with them change."""
_ARRAYS = ("mean", "scale", "sites", "absorbers", "weights", "offset")
_TURN = "turn.npy"
"""Only of a regression whose metric was learned."""
_CLASSES, _TREES = "classes.npy", "trees"
_COMPONENTS = "components"
"""Empty: it says that several numbers are predicted, which are no classes."""


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
    if isinstance(fitted, KernelComponents):
        return _dump(fitted.kernel, {_COMPONENTS: b""})
    raise TypeError(f"{type(fitted).__name__} is no kernel ridge regression")


def load_kernel(data: bytes) -> KernelClassifier | KernelRegressor | KernelComponents:
    """Return the regression of a zip.

    Raises
    ------
    Exception
        If the zip does not hold a model that can be used.
    """
    kernel, others = _load(data)
    if not others:
        return KernelRegressor(kernel)
    if list(others) == [_COMPONENTS]:
        return KernelComponents(kernel)
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
    lengths = {"version": _VERSION, "lengths": list(kernel.lengths)}
    header, files = arrays_of(kernel.sites)
    return write_zip(_HEADER, lengths | header, {**files, **others})


def _load(data: bytes) -> tuple[CurveKernel, dict[str, bytes]]:
    """Return the regression of a zip, and its other files."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        header = json.loads(file.read(_HEADER))
        if header["version"] != _VERSION:
            raise ValueError(f"version {header['version']} of the file is not known")
        lengths = tuple(header["lengths"])
        if any(type(one) is not int for one in lengths):
            raise ValueError("the header of a kernel holds something else than numbers")
        files = {name: file.read(name) for name in file.namelist() if name != _HEADER}
    sites, others = take_sites(header, files)
    return CurveKernel(lengths, sites), others


def arrays_of(kernel: SiteKernel) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return what a header says of a regression, and the files of its arrays."""
    files = {f"{name}.npy": write_array(getattr(kernel, name)) for name in _ARRAYS}
    if kernel.turn is not None:
        files[_TURN] = write_array(kernel.turn)
    return {"shared": kernel.shared}, files


def take_sites(
    header: Mapping[str, Any], files: Mapping[str, bytes]
) -> tuple[SiteKernel, dict[str, bytes]]:
    """Return the regression of such files, and the other ones.

    Raises
    ------
    Exception
        If they do not hold a regression that can be used.
    """
    if type(header["shared"]) is not float:
        raise ValueError("the header of a kernel holds something else than numbers")
    names = [f"{name}.npy" for name in _ARRAYS] + [_TURN] * (_TURN in files)
    kernel = SiteKernel(header["shared"], *(read_array(files[name]) for name in names))
    return kernel, {name: data for name, data in files.items() if name not in names}
