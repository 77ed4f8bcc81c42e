"""Networks as bytes, in the safetensors format: arrays and text, no code; read without torch."""

import json
from typing import Any

import numpy as np

from exafscn_flows.pretrained.network import Network, Networks, NetworkSet

_VERSION = 1
"""Grows whenever the arrays or what is done with them change."""
_HEADER = "networks"
"""Key of the text in the metadata; with several keys, their order would be that of a hash map."""
_MOST = 100
"""Networks, and layers of each."""


def dump_networks(
    networks: NetworkSet, header: dict[str, Any], extra: dict[str, np.ndarray]
) -> bytes:
    """Return networks as the bytes of a safetensors file.

    Parameters
    ----------
    header
        What is kept beside them, JSON-serialisable.
    extra
        Arrays that are kept beside them, by name.
    """
    from safetensors.numpy import save

    tensors = {f"extra.{name}": np.ascontiguousarray(value) for name, value in extra.items()}
    for number, network in enumerate(networks.networks):
        tensors |= {f"{number}.mean": network.mean, f"{number}.scale": network.scale}
        for place, (weight, bias) in enumerate(network.layers):
            tensors[f"{number}.{place}.weight"] = np.ascontiguousarray(weight)
            tensors[f"{number}.{place}.bias"] = bias
    sizes = {
        "version": _VERSION,
        "n_networks": len(networks.networks),
        "n_layers": len(networks.networks[0].layers),
    }
    text = json.dumps({**header, **sizes}, separators=(",", ":"))
    return save(tensors, {_HEADER: text})


def load_networks(data: bytes) -> tuple[Networks, dict[str, Any], dict[str, np.ndarray]]:
    """Return the networks for chi(k) of a safetensors file, and what was kept beside them.

    Raises
    ------
    KeyError, TypeError, ValueError, safetensors.SafetensorError
        If the file does not hold networks that can be used.
    """
    networks, header, extra = load_network_set(data)
    return Networks(networks.networks), header, extra


def load_network_set(data: bytes) -> tuple[NetworkSet, dict[str, Any], dict[str, np.ndarray]]:
    """Return the networks of a safetensors file, and what was kept beside them.

    Raises
    ------
    KeyError, TypeError, ValueError, safetensors.SafetensorError
        If the file does not hold networks that can be used.
    """
    from safetensors.numpy import load

    # Copied, since where arrays begin in memory can change the last bits of what is made of them;
    # by columns, since weights are transposed where they are used.
    tensors = {name: value.copy(order="F") for name, value in load(data).items()}
    header = _header(data)
    if header["version"] != _VERSION:
        raise ValueError(f"version {header['version']} of the file is not known")
    for name in ("n_networks", "n_layers"):
        if type(header[name]) is not int or not 1 <= header[name] <= _MOST:
            raise ValueError(f"{name} of the file is {header[name]!r}")
    networks = []
    for number in range(header["n_networks"]):
        layers = tuple(
            (tensors.pop(f"{number}.{place}.weight"), tensors.pop(f"{number}.{place}.bias"))
            for place in range(header["n_layers"])
        )
        mean, scale = (tensors.pop(f"{number}.{name}") for name in ("mean", "scale"))
        networks.append(Network(mean, scale, layers))
    extra = {name.removeprefix("extra."): value for name, value in tensors.items()}
    if any(f"extra.{name}" not in tensors for name in extra):
        raise ValueError("the file holds what no network has")
    return NetworkSet(tuple(networks)), header, extra


def _header(data: bytes) -> Any:
    """Read the text in the metadata, which safetensors does not give of bytes in memory.

    The file begins with the length of its JSON, 8 bytes, the least significant first.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(json.loads(data[8:end])["__metadata__"][_HEADER])
