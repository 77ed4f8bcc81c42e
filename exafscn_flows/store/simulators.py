"""Models of curves of a campaign, made ready to simulate spectra."""

from typing import Any

from exafscn_flows.errors import UsageError
from exafscn_flows.simulation.file import load_simulator, pack
from exafscn_flows.simulation.simulator import Simulator
from exafscn_flows.store.named_models import features_of, learned_features_of, named_document
from exafscn_flows.store.results import ModelDoc, PredictionDoc
from exafscn_flows.store.store import Store


def named_simulator(store: Store, name: str) -> Simulator:
    """Load a model of curves by its name; arguments and errors are those of `simulator_file`."""
    return load_simulator(simulator_file(store, name), f"model {name}")


def simulator_file(store: Store, name: str) -> bytes:
    """Return a model of curves as the bytes of a file.

    Parameters
    ----------
    name
        As of `named_document`.

    Raises
    ------
    UsageError
        If there is no such model, or it predicts no curve.
    CampaignError
        If the model is not whole, or of another version of exafscn.
    """
    doc = named_document(store, name)
    if doc.task != "curves":
        raise UsageError(
            f"model {name} predicts {doc.target}, which is no spectrum: name one whose target is "
            "of kind spectrum"
        )
    fset, settings = features_of(doc)
    learned, _ = learned_features_of(doc)
    absorbers = doc.absorbers or [doc.absorber]
    formulas, elements = _learned(store, doc)
    card: dict[str, Any] = {
        "name": f"{doc.campaign}/{doc.key}",
        "model_kind": doc.parameters["kind"],
        "absorbers": tuple(absorbers),
        "takes": fset,
        "learned": learned,
        "autobk": settings.autobk,
        "xftf": settings.xftf,
        "spectra": doc.features["spectra"],
        "doubt": doc.doubt,
        "elements": tuple(elements),
    }
    return pack(card, store.models.read_file(doc.file), formulas)


def _learned(store: Store, doc: ModelDoc) -> tuple[list[str], list[str]]:
    """Return the formulas and the elements of the sites that a model has learned from."""
    formulas: set[str] = set()
    elements: set[str] = set()
    # A version is of one absorber, and several have one file if the model learned them together.
    same = {"campaign": doc.campaign, "sha256": doc.sha256}
    versions = [raw["hash"] for raw in store.project(ModelDoc, same, ["hash"])]
    # Sites that came later have no fold.
    query = {"campaign": doc.campaign, "hash": {"$in": versions}, "fold": {"$ne": None}}
    for raw in store.project(PredictionDoc, query, ["formula", "elements"]):
        formulas.add(raw["formula"])
        elements.update(raw["elements"])
    return sorted(formulas), sorted(elements)
