"""Trained networks as bytes, in the safetensors format: arrays and text, no code."""

import json
from typing import Any

import torch
from safetensors.torch import load, save

from exafscn_flows.models.networks import (
    CurveNetwork,
    NetworkClassifier,
    NetworkComponents,
    NetworkRegressor,
)

_VERSION = 2
"""Grows whenever the arrays or what is done with them change."""
_HEADER = "networks"
"""Key of the text in the metadata; with several keys, their order would be that of a hash map."""
_CLASSES = "classes"

_MOST = {"n_axis": 1_000_000, "n_others": 100_000, "n_outputs": 10_000, "n_networks": 100}
_FEWEST = {"n_axis": 2, "n_others": 0, "n_outputs": 1, "n_networks": 1}


def dump_networks(fitted: Any, layers: type[CurveNetwork]) -> bytes:
    """Return networks as the bytes of a safetensors file.

    Parameters
    ----------
    fitted
        The networks.
    layers
        What each of them must be.

    Raises
    ------
    TypeError
        If they are not.
    """
    kinds = NetworkClassifier | NetworkRegressor | NetworkComponents
    if not isinstance(fitted, kinds) or not isinstance(fitted.networks[0], layers):
        raise TypeError(f"{type(fitted).__name__} does not hold {layers.__name__}")
    first = fitted.networks[0]
    header: dict[str, Any] = {
        "version": _VERSION,
        "n_axis": first.n_axis,
        "n_others": first.n_others,
        "n_outputs": first.n_outputs,
        "n_networks": len(fitted.networks),
    }
    tensors = {
        f"{number}.{name}": value
        for number, network in enumerate(fitted.networks)
        for name, value in network.state_dict().items()
    }
    if isinstance(fitted, NetworkClassifier):
        tensors[_CLASSES] = torch.tensor(fitted.classes_)
    elif isinstance(fitted, NetworkComponents):
        header["width"] = fitted.width
    else:
        header["numbers"] = [fitted.center, fitted.width]
    return save(tensors, {_HEADER: json.dumps(header, separators=(",", ":"))})


def load_networks(
    data: bytes, layers: type[CurveNetwork]
) -> NetworkClassifier | NetworkRegressor | NetworkComponents:
    """Return the networks of a safetensors file.

    Parameters
    ----------
    data
        Bytes of the file.
    layers
        What each of them is.

    Raises
    ------
    KeyError, RuntimeError, TypeError, ValueError, safetensors.SafetensorError
        If the file does not hold networks that can be used.
    """
    tensors = load(data)
    header = _header(data)
    if header["version"] != _VERSION:
        raise ValueError(f"version {header['version']} of the file is not known")
    for name, most in _MOST.items():
        if type(header[name]) is not int or not _FEWEST[name] <= header[name] <= most:
            raise ValueError(f"{name} of the file is {header[name]!r}")
    is_of_classes = "numbers" not in header and "width" not in header
    classes = tensors.pop(_CLASSES) if is_of_classes else None
    networks = tuple(
        _network(layers, header, tensors, f"{number}.") for number in range(header["n_networks"])
    )
    if tensors:
        raise ValueError(f"the file holds {min(tensors)}, which no network has")
    if classes is not None:
        return NetworkClassifier(networks, classes.numpy())
    if "width" in header:
        return NetworkComponents(networks, header["width"])
    center, width = header["numbers"]
    return NetworkRegressor(networks, center, width)


def _header(data: bytes) -> Any:
    """Read the text in the metadata, which safetensors does not give of bytes in memory.

    The file begins with the length of its JSON, 8 bytes, the least significant first.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(json.loads(data[8:end])["__metadata__"][_HEADER])


def _network(
    layers: type[CurveNetwork],
    header: dict[str, Any],
    tensors: dict[str, torch.Tensor],
    prefix: str,
) -> CurveNetwork:
    """Take the tensors of one network out of those of the file."""
    # Without memory of their own: what takes memory is what the file holds.
    with torch.device("meta"):
        network = layers(header["n_axis"], header["n_others"], header["n_outputs"])
    wanted = network.state_dict()
    # Copied, since where arrays begin in memory can change the last bits of what is made of them.
    found = {name: tensors.pop(prefix + name).clone() for name in wanted}
    for name, value in found.items():
        if (value.shape, value.dtype) != (wanted[name].shape, wanted[name].dtype):
            raise ValueError(f"{prefix}{name} of the file has another shape or type")
    network.load_state_dict(found, strict=True, assign=True)
    return network
