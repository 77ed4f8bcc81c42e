"""Trained multilayer perceptrons as bytes: plain arrays in a zip, read without torch."""

import zipfile
from typing import Any

import numpy as np

from exafscn_flows.models.canonical_zip import read_array, write_array, write_zip
from exafscn_flows.models.mlp_network import MlpClassifier

HEADER = "mlp.json"
_VERSION = 1
"""Grows whenever the arrays or what is done with them change."""


def dump_mlp(network: MlpClassifier) -> bytes:
    """Return a network as the bytes of a zip."""
    arrays = {"classes": network.classes_, "mean": network.mean, "scale": network.scale}
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        arrays |= {f"weight{layer}": weight, f"bias{layer}": bias}
    header = {"version": _VERSION, "layers": len(network.weights)}
    files = {f"{name}.npy": write_array(array) for name, array in arrays.items()}
    return write_zip(HEADER, header, files)


def load_mlp(file: zipfile.ZipFile, header: Any) -> MlpClassifier:
    """Return the network of a zip.

    Raises
    ------
    KeyError, TypeError, ValueError, zipfile.BadZipFile
        If the zip does not hold a network that can be used.
    """
    if header["version"] != _VERSION:
        raise ValueError(f"version {header['version']} of the file is not known")

    def array(name: str) -> np.ndarray:
        return read_array(file.read(f"{name}.npy"))

    layers = range(header["layers"])
    return MlpClassifier(
        classes_=array("classes"),
        mean=array("mean"),
        scale=array("scale"),
        weights=tuple(array(f"weight{layer}") for layer in layers),
        biases=tuple(array(f"bias{layer}") for layer in layers),
    )
