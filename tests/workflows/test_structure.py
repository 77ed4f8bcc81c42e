"""Makers that take a structure: documents come back, and no database is asked."""

from typing import Any

import pytest
from crystals import rock_salt, zinc_blende
from jobflow import Flow, JobStore, Response, job, run_locally
from maggma.stores import MemoryStore
from pages import ROOT, blocks
from pymatgen.core import Lattice, Structure

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.jobs.documents import SpectrumDocument
from exafscn_flows.jobs.structures import (
    compute_spectrum,
    inequivalent_sites,
    label_site,
    predict_from_spectrum,
)
from workflows.structure import LabelMaker, SpectrumMaker, StructureMaker

NIO = rock_salt("Ni", "O", 4.18)
SHORT = {"kind": "feff", "cards": {"RPATH": 5, "NLEG": 2}}


@pytest.fixture(autouse=True)
def _no_database(monkeypatch):
    """Whoever composes flows may have no database of exafscn."""
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", "mongodb://127.0.0.1:1/nowhere")


def run(flow: Flow) -> tuple[list[dict[str, Any]], JobStore]:
    store = JobStore(MemoryStore())
    run_locally(flow, log=False, store=store, create_folders=False, raise_immediately=True)
    found = store.query_one({"name": {"$regex": "together$"}}, load=True)
    assert found is not None
    return store.get_output(found["uuid"], which="last", load=True), store


def test_a_structure_becomes_a_document_of_each_site():
    spinel = Structure.from_spacegroup(
        "Fd-3m",
        Lattice.cubic(8.3969),
        ["Fe", "Fe", "O"],
        [[0, 0, 0], [0.625, 0.625, 0.625], [0.3797, 0.3797, 0.3797]],
    )
    maker = StructureMaker(spectrum=SpectrumMaker(settings=SHORT))
    flow = maker.make(spinel, "Fe")
    sites, store = run(flow)
    # Magnetite: one iron of three has four neighbours, two have six.
    found = {
        one["labels"]["labels"]["coordination_number"]["value"]: one["site"]["multiplicity"]
        for one in sites
    }
    assert found == {4: 2, 6: 4}
    for one in sites:
        label = one["labels"]["labels"]["coordination_number"]
        assert one["labels"]["neighbours"] == {"O": label["value"]}
        assert one["spectrum"]["spectrum_type"] == "EXAFS"
        assert one["spectrum"]["settings"]["cards"]["RPATH"] == "5"
        assert len(one["spectrum"]["k"]) == len(one["spectrum"]["chi"]) > 300
        shares = one["prediction"]["probabilities"].values()
        assert sum(shares) == pytest.approx(1)
        assert str(one["prediction"]["coordination_number"]) in one["prediction"]["probabilities"]
    names = {doc["name"] for doc in store.query(properties=["name"])}
    index = sites[0]["site"]["site_index"]
    assert {f"spectrum of Fe {index}", f"labels of Fe {index}"} <= names


def test_it_goes_on_from_the_output_of_another_job():
    @job
    def relax(structure: Structure) -> Structure:
        return structure.scale_lattice(structure.volume)

    relaxed = relax(zinc_blende("Zn", "S", 5.41))
    labels = LabelMaker(targets=["coordination_number", "bond_length"])
    maker = StructureMaker(spectrum=None, prediction=None, labels=labels)
    flow = maker.make(relaxed.output, "Zn")
    sites, _ = run(Flow([relaxed, flow]))
    (one,) = sites
    assert "spectrum" not in one
    found = one["labels"]["labels"]
    assert found["coordination_number"]["value"] == 4
    assert found["bond_length"]["value"] == pytest.approx(5.41 * 3**0.5 / 4, abs=1e-3)
    assert found["bond_length"]["unit"] == "Å"


def test_the_example_of_the_docs_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(blocks(ROOT / "docs" / "flows.md", "python")[0], "flows.md", "exec"), names)
    (one,) = names["sites"]
    assert one["labels"]["labels"]["bond_length"]["value"] == pytest.approx(2.09)
    assert one["prediction"]["coordination_number"] == 6
    assert "coordination_number" in capsys.readouterr().out


def test_flows_are_json_as_managers_send_them():
    flow = StructureMaker(spectrum=SpectrumMaker(settings=SHORT)).make(NIO, "Ni")
    again = Flow.from_dict(flow.as_dict())
    sites, _ = run(again)
    assert [one["site"]["formula"] for one in sites] == ["NiO"]


def test_documents_survive_json():
    found = compute_spectrum.original(NIO, 0, SHORT)
    again = SpectrumDocument.model_validate_json(found.model_dump_json())
    assert again == found
    said = predict_from_spectrum.original(again.model_dump())
    assert said == predict_from_spectrum.original(found)
    assert said.coordination_number == 6


def test_oxidation_states_change_nothing():
    decorated = NIO.copy()
    decorated.add_oxidation_state_by_element({"Ni": 2, "O": -2})
    assert label_site.original(decorated, 0) == label_site.original(NIO, 0)
    spectra = [compute_spectrum.original(one, 0, SHORT) for one in (decorated, NIO)]
    assert spectra[0].chi == spectra[1].chi


def test_a_maker_replaces_its_job_by_those_of_the_sites():
    from workflows.structure import sites_of

    response = sites_of.original(NIO, "Ni", StructureMaker(prediction=None))
    assert isinstance(response, Response)
    names = [made.name for made, _ in response.replace.iterflow()]
    assert names == ["spectrum of Ni 1", "labels of Ni 1", "structure: sites of Ni together"]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: inequivalent_sites(NIO, "Cu"), ItemFailure, "NiO does not hold Cu"),
        (lambda: inequivalent_sites(NIO, "Xx"), UsageError, "absorber 'Xx'"),
        (lambda: compute_spectrum.original(NIO, 9), ItemFailure, "no site 9: the structure has 8"),
        (
            lambda: compute_spectrum.original(NIO, 0, {"kind": "fef"}),
            UsageError,
            r"spectra: .*'fef'",
        ),
        (
            lambda: compute_spectrum.original(NIO, 0, {"kind": "stored"}),
            UsageError,
            "stored computes nothing",
        ),
        (
            lambda: label_site.original(NIO, 0, ["shape"]),
            UsageError,
            r"targets\[0\]: .*'shape'",
        ),
        (
            lambda: label_site.original(NIO, 0, [{"kind": "spectrum", "of": "xanes"}]),
            UsageError,
            "spectrum is no label of a structure",
        ),
        (
            lambda: predict_from_spectrum.original(
                compute_spectrum.original(NIO, 0, SHORT).model_copy(update={"k": [], "chi": []})
            ),
            ItemFailure,
            "has no chi",
        ),
    ],
)
def test_what_cannot_be_done_is_told(call, error, words):
    with pytest.raises(error, match=words):
        call()
