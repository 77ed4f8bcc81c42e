"""The source as a campaign sees it: entries, records, structures and stored spectra."""

import json
import pickle

import numpy as np
import pytest
from crystals import rock_salt, zinc_blende
from mp_documents import exafs_document, material_document
from pydantic import TypeAdapter, ValidationError

from exafscn_flows.crystal import structure_hash
from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.sources import MaterialsProjectSource, Source
from exafscn_flows.sources.base import StoredSite

NIO = rock_salt("Ni", "O", 4.18)
NIS = zinc_blende("Ni", "S", 5.40)
ZNO = zinc_blende("Zn", "O", 4.55)


def source(**settings) -> MaterialsProjectSource:
    return MaterialsProjectSource(kind="materials_project", **settings)


def light(n: int, **changes) -> list[dict]:
    """Materials of which only the listing is of interest."""
    fields = {"elements": ["Ni", "O"], "nsites": 2, "deprecated": False, **changes}
    return [{"material_id": f"mp-{number}", **fields} for number in range(1, n + 1)]


def names(session, absorber: str, page: int = 0) -> list[str]:
    return [entry.material_id for entry in session.list_page(absorber, page).entries]


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    """EXAFS of three compounds; the first names its material by letters."""
    scratch = tmp_path_factory.mktemp("scratch")
    found = [
        exafs_document("mp-149", NIO, "Ni", scratch, rpath=3),
        exafs_document("mp-2", NIS, "Ni", scratch, rpath=3),
        exafs_document("mp-3", ZNO, "Zn", scratch, rpath=3),
    ]
    found[0]["task_id"] = "aaaaaaft"
    return found


class TestSettings:
    def test_a_campaign_file_chooses_the_source_by_its_kind(self):
        settings = {"kind": "materials_project", "oxides": True, "max_energy_above_hull": 0.1}
        assert TypeAdapter(Source).validate_python(settings) == source(
            oxides=True, max_energy_above_hull=0.1
        )

    def test_its_settings_survive_being_stored_with_all_defaults(self):
        for original in (source(ids=["mp-1"]), source(stored_spectra="XANES", oxides=True)):
            assert MaterialsProjectSource(**original.model_dump()) == original
            assert pickle.loads(pickle.dumps(original)) == original  # as it goes to workers

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"ids": []}, "at least 1"),
            ({"ids": ["19009"]}, "is no material id: write one such as mp-19009"),
            ({"ids": ["mp-1", "mp-1"]}, "an id is listed twice"),
            ({"ids": ["mp-1"], "oxides": True}, "ids name the materials; leave out oxides"),
            ({"ids": ["mp-1"], "max_sites": 5}, "leave out max_sites"),
            ({"elements": ["oxygen"]}, "not an element symbol"),
            ({"max_energy_above_hull": -0.1}, "greater than or equal to 0"),
            ({"stored_spectra": "XAFS"}, "'EXAFS' or 'XANES'"),
            (
                {"stored_spectra": "EXAFS", "theoretical": False, "max_energy_above_hull": 0.1},
                "cannot be searched by max_energy_above_hull, theoretical",
            ),
            ({"colour": "red"}, "Extra inputs"),
        ],
    )
    def test_what_cannot_be_asked_for_is_refused(self, settings, message):
        with pytest.raises(ValidationError, match=message):
            source(**settings)

    def test_ids_may_be_letters(self):
        assert source(ids=["mp-aaahilze", "mvc-5"]).ids == ["mp-aaahilze", "mvc-5"]

    def test_only_stored_spectra_are_spectra(self):
        assert not source().has_spectra
        assert source(stored_spectra="EXAFS").has_spectra

    def test_a_check_needs_neither_key_nor_network(self, monkeypatch):
        monkeypatch.delenv("MP_API_KEY", raising=False)
        source().check()


class TestStructures:
    def test_entries_are_materials(self, server):
        server.add([material_document("mp-aaaaaaft", NIO), material_document("mp-7", ZNO)])
        with source().connect() as session:
            page = session.list_page("Ni", 0)
        assert session.version == server.version
        (entry,) = page.entries
        assert (entry.material_id, entry.elements) == ("mp-149", {"Ni", "O"})
        assert page[1:] == (1, False)

    def test_oxides_and_elements_must_be_there(self, server):
        for n, structure in enumerate([NIO, NIS, ZNO]):
            server.add([material_document(f"mp-{n}", structure)])
        with source(oxides=True).connect() as session:
            assert names(session, "Ni") == ["mp-0"]
        with source(elements=["S"]).connect() as session:
            assert (names(session, "Ni"), names(session, "Zn")) == (["mp-1"], [])
        with source(elements=["Ni", "O"]).connect() as session:
            assert (names(session, "Ni"), names(session, "O")) == (["mp-0"], ["mp-0"])
        assert server.requests[-1].parameters["elements"] == "O,Ni"

    def test_a_fingerprint_changes_with_the_document_only(self, server):
        def fingerprint():
            with source().connect() as session:
                return session.list_page("Ni", 0).entries[0].fingerprint

        server.add([material_document("mp-1", NIO)])
        first = fingerprint()
        server.version = "2027.01.01"
        assert fingerprint() == first
        server.materials[0]["last_updated"] = "2026-11-20T00:00:00"
        assert fingerprint() != first

    def test_a_listing_goes_on_at_the_page_where_it_broke(self, server):
        server.add(light(2500))
        with source().connect() as session:
            first = names(session, "Ni", 0)
            server.fail(status=400, detail="no more")
            with pytest.raises(CampaignError):
                session.list_page("Ni", 1)
        server.requests.clear()
        with source().connect() as session:
            rest = [*names(session, "Ni", 1), *names(session, "Ni", 2)]
        assert len({*first, *rest}) == 2500
        assert server.paths() == ["/heartbeat"] + ["/materials/summary/"] * 2

    def test_records_come_in_batches_under_the_names_that_were_asked(self, server):
        server.add(material_document(f"mp-{n}", NIO) for n in range(1, 251))
        asked = [f"mp-{n}" for n in range(251, 0, -1)]
        with source().connect() as session:
            records = dict(session.fetch(asked))
        assert list(records) == asked[1:]
        sizes = [len(r.parameters["material_ids"].split(",")) for r in server.requests[1:]]
        assert sizes == [100, 100, 51]
        json.dumps(records)

    def test_what_is_asked_one_by_one_comes_one_by_one(self, server):
        server.add(material_document(f"mp-{n}", NIO) for n in range(1, 251))
        with source().connect() as session:
            coming = session.fetch([f"mp-{n}" for n in range(1, 251)])
            next(coming)
            assert len(server.requests) == 2

    def test_ids(self, server):
        server.add([material_document("mp-1", NIO), material_document("mp-2", ZNO)])
        server.add([material_document("mp-149", NIS)])
        with source(ids=["mp-2", "mp-1", "mp-aaaaaaft", "mp-404"]).connect() as session:
            # All of them, whatever they hold: of each, a user will see what became of it.
            named = ["mp-2", "mp-1", "mp-149", "mp-404"]
            assert [names(session, absorber) for absorber in ("Ni", "Zn")] == [named, named]
            assert all(e.elements is None for e in session.list_page("Ni", 0).entries)
            # One question answers for all absorbers.
            assert len(server.requests) == 2
            assert dict(session.fetch(["mp-404"])) == {}

    def test_many_ids_are_asked_for_in_pages(self, server):
        server.add(light(1000))
        with source(ids=[f"mp-{n}" for n in range(1, 1001)]).connect() as session:
            pages = [session.list_page("Ni", number) for number in range(3)]
        assert [len(page.entries) for page in pages] == [400, 400, 200]
        assert [page.more for page in pages] == [True, True, False]

    def test_the_reader_gives_structure_and_provenance(self, server):
        server.add([material_document("mp-1", NIO, energy_above_hull=0.0125)])
        with source().connect() as session:
            records = json.loads(json.dumps(dict(session.fetch(["mp-1"]))))
        reader = source().reader(records)
        assert structure_hash(reader.load("mp-1")) == structure_hash(NIO)
        assert reader.provenance("mp-1") == {
            "kind": "materials_project",
            "id": "mp-1",
            "last_updated": "2025-06-01T12:00:00.562000",
            "theoretical": False,
            "energy_above_hull": 0.0125,
            "database_version": "2026.02.12",
            "license": "BY-C",
        }

    @pytest.mark.parametrize(
        ("changes", "kind"),
        [
            ({"structure": None}, "bad_record"),
            ({"structure": [1]}, "bad_record"),
            ({"structure": {"sites": [], "lattice": "cubic"}}, "unreadable"),
            ({"structure": {"@class": "Structure", "sites": [{"abc": "x"}]}}, "unreadable"),
        ],
    )
    def test_a_malformed_document_is_a_failure_of_one_material(self, server, changes, kind):
        odd = {"builder_meta": 7, "last_updated": {"$date": 1}, "theoretical": [True]}
        server.add([material_document("mp-1", NIO) | odd | changes, material_document("mp-2", NIO)])
        with source().connect() as session:
            records = dict(session.fetch(names(session, "Ni")))
        reader = source().reader(records)
        with pytest.raises(ItemFailure) as raised:
            reader.load("mp-1")
        assert raised.value.kind == kind
        assert "mp-1" in raised.value.message
        assert reader.provenance("mp-1").keys() == {"kind", "id", "energy_above_hull"}
        assert len(reader.load("mp-2")) == len(NIO)


class TestStoredSpectra:
    @pytest.fixture
    def exafs(self, server, documents):
        server.add(spectra=[dict(document) for document in documents])
        return source(stored_spectra="EXAFS")

    def test_entries_are_spectra(self, exafs):
        with exafs.connect() as session:
            nickel = session.list_page("Ni", 0)
            assert sorted(e.material_id for e in nickel.entries) == ["mp-149-Ni", "mp-2-Ni"]
            elements = {e.elements for e in nickel.entries}
            assert elements == {frozenset({"Ni", "O"}), frozenset({"Ni", "S"})}
            assert len({e.fingerprint for e in nickel.entries}) == 2
            assert names(session, "Zn") == ["mp-3-Zn"]
            assert names(session, "O") == []

    def test_other_spectra_of_the_material_are_left_alone(self, server, exafs, documents):
        others = [
            {"spectrum_type": "XANES"},
            {"spectrum_type": "XAFS"},
            {"edge": "L3"},
            {"absorbing_element": "O"},
        ]
        server.add(spectra=[documents[0] | other for other in others])
        with exafs.connect() as session:
            assert sorted(names(session, "Ni")) == ["mp-149-Ni", "mp-2-Ni"]
            assert len(dict(session.fetch(["mp-149-Ni", "mp-2-Ni"]))) == 2
        with source(stored_spectra="XANES").connect() as session:
            assert names(session, "Ni") == ["mp-149-Ni"]

    def test_filters_that_the_route_has_not_are_applied_here(self, server, documents):
        server.add(spectra=[documents[0], documents[1] | {"nsites": 400}])
        with source(stored_spectra="EXAFS", max_sites=100).connect() as session:
            page = session.list_page("Ni", 0)
            assert [e.material_id for e in page.entries] == ["mp-149-Ni"]
            assert page.total == 2
        with source(stored_spectra="EXAFS", oxides=True).connect() as session:
            assert names(session, "Ni") == ["mp-149-Ni"]

    def test_ids(self, server, exafs):
        server.add([material_document("mp-149", NIO), material_document("mp-3", ZNO)])
        server.add([material_document("mp-8", NIS)])  # without a spectrum
        ids = ["mp-ft", "mp-3", "mp-8", "mp-404"]
        with source(stored_spectra="EXAFS", ids=ids).connect() as session:
            # What is not there becomes a failure that users see.
            assert names(session, "Ni") == ["mp-149-Ni", "mp-8-Ni", "mp-404-Ni"]
            assert names(session, "Zn") == ["mp-3-Zn", "mp-404-Zn"]

    def test_of_two_documents_the_later_is_taken(self, server, exafs, documents):
        later = "2026-11-20T00:00:00"
        server.spectra.insert(0, documents[0] | {"last_updated": later})
        with exafs.connect() as session:
            (record,) = dict(session.fetch(["mp-149-Ni"])).values()
        assert record["last_updated"] == later

    def test_the_reader_gives_site_and_spectrum(self, exafs):
        wanted = ["mp-149-Ni", "mp-3-Zn", "mp-404-Zn"]
        with exafs.connect() as session:
            records = json.loads(json.dumps(dict(session.fetch(wanted))))
        assert set(records) == set(wanted[:2])
        reader = exafs.reader(records)
        assert structure_hash(reader.load("mp-149-Ni")) == structure_hash(NIO)
        (site,) = reader.stored_sites("mp-149-Ni", ["Co", "Ni"])
        assert site == StoredSite("Ni", NIO.indices_from_symbol("Ni")[0])
        assert reader.stored_sites("mp-149-Ni", ["O"]) == []
        spectrum = reader.spectrum("mp-149-Ni", site)
        assert spectrum.spectrum_type == "EXAFS"
        assert spectrum.energy_rel.shape == spectrum.mu.shape
        assert np.ptp(spectrum.mu[10:]) > 0.05
        assert reader.provenance("mp-149-Ni") == {
            "kind": "materials_project",
            "id": "mp-149",
            "spectrum_id": "mp-149-EXAFS-Ni-K",
            "last_updated": "2025-06-01T12:00:00.562000",
        }

    def test_requests_are_few(self, server, documents):
        server.add(spectra=[documents[0] | {"task_id": f"mp-{n}"} for n in range(1, 251)])
        with source(stored_spectra="EXAFS").connect() as session:
            found = names(session, "Ni")
            assert len(dict(session.fetch(found))) == 250
        assert server.paths() == ["/heartbeat"] + ["/materials/xas/"] * 4
