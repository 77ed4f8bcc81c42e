"""A simulator as bytes: a zip of its card, its model, and the formulas that it has learned.

Loading it runs no code of the file.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterable
from typing import Any

from exafscn_flows.errors import CampaignError
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.canonical_zip import write_zip
from exafscn_flows.models.persistence import dump_model, load_model
from exafscn_flows.pretrained.formulas import dump_formulas, load_formulas
from exafscn_flows.simulation.card import SimulatorCard
from exafscn_flows.simulation.simulator import Simulator

_CARD, _MODEL, _FORMULAS = "card.json", "model", "formulas.bin"
_LARGEST = 1 << 31
"""Bytes that the parts of a file may have together."""


def dump_simulator(
    card: dict[str, Any], model: ModelBase, fitted: Any, formulas: Iterable[str] | None = None
) -> bytes:
    """Return a simulator as the bytes of a file.

    Parameters
    ----------
    card
        Fields of `SimulatorCard`, but for the kind and the checksum of the model.
    model
        The model whose `fit` it comes from.
    fitted
        The fitted model.
    formulas
        Reduced formulas that it has learned; None if they are not known.
    """
    return pack(card | {"model_kind": model.kind}, dump_model(model, fitted), formulas)


def pack(card: dict[str, Any], model: bytes, formulas: Iterable[str] | None = None) -> bytes:
    """Return the same of the bytes of a model, whose kind the card has."""
    whole = SimulatorCard(**(card | {"sha256": hashlib.sha256(model).hexdigest()}))
    parts = {_MODEL: model}
    if formulas is not None:
        parts[_FORMULAS] = dump_formulas(formulas)
    return write_zip(_CARD, whole.model_dump(mode="json"), parts)


def load_card(data: bytes, name: str) -> SimulatorCard:
    """Return the card of a file, without its model.

    Parameters
    ----------
    name
        Of the file, for errors.

    Raises
    ------
    CampaignError
        If it holds none.
    """
    return _read(data, name, whole=False)[0]


def load_simulator(data: bytes, name: str) -> Simulator:
    """Return the simulator of a file.

    Parameters
    ----------
    name
        Of the file, for errors.

    Raises
    ------
    CampaignError
        If it holds none, or one that was changed.
    """
    card, parts = _read(data, name, whole=True)
    known = parts.get(_FORMULAS)
    fitted = load_model(card.model_kind, parts[_MODEL], card.sha256)
    return Simulator(card, fitted, None if known is None else load_formulas(known))


def _read(data: bytes, name: str, *, whole: bool) -> tuple[SimulatorCard, dict[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            if sum(one.file_size for one in file.infolist()) > _LARGEST:
                raise ValueError("it is too large")
            # From JSON, since lists stand for tuples in it.
            card = SimulatorCard.model_validate_json(file.read(_CARD))
            wanted = {_MODEL, _FORMULAS} & set(file.namelist()) if whole else set()
            parts = {one: file.read(one) for one in sorted(wanted)}
            if whole and _MODEL not in parts:
                raise ValueError("the model is missing")
            if _FORMULAS in parts:
                load_formulas(parts[_FORMULAS])
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        line = " ".join(str(error).split())[:150]
        raise CampaignError(
            f"{name} holds no model that simulates spectra ({line}): write one by "
            "`exafscn models export`"
        ) from error
    return card, parts
