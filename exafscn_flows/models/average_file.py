"""Averages as bytes: a zip of the files of the members, each as its kind writes it."""

import io
import json
import zipfile
from dataclasses import astuple
from typing import Any

from exafscn_flows.models.average_fitted import AverageClassifier, AverageRegressor, averaged
from exafscn_flows.models.canonical_zip import write_zip
from exafscn_flows.models.part_fitted import PartClassifier, PartRegressor, Span, of_part
from exafscn_flows.models.registry import MEMBERS
from exafscn_flows.registry import kind_of

_HEADER = "average.json"
_VERSION = 2
"""Grows whenever the files or what is done with them change."""


def dump_average(fitted: Any) -> bytes:
    """Return an average as the bytes of a zip.

    Raises
    ------
    TypeError
        If it is none, or a member holds what its kind refuses.
    """
    if not isinstance(fitted, AverageClassifier | AverageRegressor):
        raise TypeError(f"{type(fitted).__name__} is no average of models")
    task = "classes" if isinstance(fitted, AverageClassifier) else "numbers"
    known = {kind_of(one): one for one in MEMBERS}
    pairs = zip(fitted.kinds, fitted.members, strict=True)
    files, spans = {}, []
    for number, (kind, one) in enumerate(pairs):
        span, whole = None, one
        if isinstance(one, PartClassifier | PartRegressor):
            span, whole = astuple(one.span), one.fitted
        files[str(number)] = known[kind].dump(whole)
        spans.append(span)
    header = {"version": _VERSION, "task": task, "members": list(fitted.kinds), "spans": spans}
    return write_zip(_HEADER, header, files)


def load_average(data: bytes) -> AverageClassifier | AverageRegressor:
    """Return the average of a zip.

    Raises
    ------
    CampaignError
        If a kind refuses the file of its member.
    Exception
        If the zip does not hold an average that can be used: of a member, whatever its kind raises.
    """
    known = {kind_of(one): one for one in MEMBERS}
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        header = json.loads(file.read(_HEADER))
        if header["version"] != _VERSION:
            raise ValueError(f"version {header['version']} of the file is not known")
        kinds = header["members"]
        names = [str(number) for number in range(len(kinds))]
        if sorted(file.namelist()) != sorted([_HEADER, *names]):
            raise ValueError("the files of the zip are not those of the members")
        spans = [None if one is None else Span(*one) for one in header["spans"]]
        members = [
            of_part(span, known[kind].load(file.read(name)))
            for kind, name, span in zip(kinds, names, spans, strict=True)
        ]
    if header["task"] not in ("classes", "numbers"):
        raise ValueError(f"{header['task']} is no task")
    return averaged(kinds, members, header["task"])
