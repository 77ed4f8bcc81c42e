"""Zips of numpy arrays and one JSON text, with the same bytes for the same content."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np


def write_zip(header: str, content: Any, arrays: Mapping[str, bytes]) -> bytes:
    """Return a compressed zip that carries no times.

    Parameters
    ----------
    header
        Name of the JSON file.
    content
        What it holds.
    arrays
        Bytes of the other files, by name.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in arrays.items():
            file.writestr(_entry(name), data)
        file.writestr(_entry(header), json.dumps(content, separators=(",", ":")))
    return buffer.getvalue()


def write_array(array: np.ndarray) -> bytes:
    """Return an array as an npy file, with zeros in the gaps between fields."""
    if array.dtype.names is not None:
        clean = np.zeros(array.shape, array.dtype)  # unlike zeros_like, with zeros in the gaps
        for name in array.dtype.names:
            clean[name] = array[name]
        array = clean
    array = np.asarray(array, order="C")  # as tobytes writes it, and the header must say
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
    # Not numpy.save: it copies field by field into fresh memory, gaps and all.
    file.write(array.tobytes())
    return file.getvalue()


def read_array(data: bytes) -> np.ndarray:
    """Return the array of an npy file; one that holds Python objects is refused."""
    array: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
    return array


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)  # dated 1980, the start of zip's calendar
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
