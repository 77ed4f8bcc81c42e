"""Trained multilayer perceptrons as bytes: plain arrays in a zip, read without torch."""

import io
import json
import zipfile
from typing import Any

import numpy as np

from exafscn_flows.models.canonical_zip import read_array, write_array, write_zip
from exafscn_flows.models.mlp_network import MlpClassifier, MlpComponents, MlpRegressor

_HEADER = "mlp.json"
_VERSION = 2
"""Grows whenever the arrays or what is done with them change."""


def dump_mlp(network: Any) -> bytes:
    """Return a network as the bytes of a zip.

    Raises
    ------
    TypeError
        If it is no network.
    """
    header: dict[str, Any] = {"version": _VERSION}
    if isinstance(network, MlpClassifier):
        arrays = {"classes": network.classes_}
    elif isinstance(network, MlpRegressor):
        arrays = {}
        header["numbers"] = [network.center, network.width]
    elif isinstance(network, MlpComponents):
        arrays = {}
        header["width"] = network.width
    else:
        raise TypeError(f"{type(network).__name__} is no multilayer perceptron")
    arrays |= {"mean": network.mean, "scale": network.scale}
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        arrays |= {f"weight{layer}": weight, f"bias{layer}": bias}
    header["layers"] = len(network.weights)
    files = {f"{name}.npy": write_array(array) for name, array in arrays.items()}
    return write_zip(_HEADER, header, files)


def load_mlp(data: bytes) -> MlpClassifier | MlpRegressor | MlpComponents:
    """Return the network of a zip.

    Raises
    ------
    KeyError, TypeError, ValueError, zipfile.BadZipFile
        If the zip does not hold a network that can be used.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        header = json.loads(file.read(_HEADER))
        if header["version"] != _VERSION:
            raise ValueError(f"version {header['version']} of the file is not known")

        def array(name: str) -> np.ndarray:
            return read_array(file.read(f"{name}.npy"))

        layers = range(header["layers"])
        network: dict[str, Any] = {
            "mean": array("mean"),
            "scale": array("scale"),
            "weights": tuple(array(f"weight{layer}") for layer in layers),
            "biases": tuple(array(f"bias{layer}") for layer in layers),
        }
        if "width" in header:
            return MlpComponents(**network, width=header["width"])
        if "numbers" not in header:
            return MlpClassifier(**network, classes_=array("classes"))
        center, width = header["numbers"]
        return MlpRegressor(**network, center=center, width=width)
