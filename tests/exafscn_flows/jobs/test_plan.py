import os
import shutil

import pytest
from crystals import polymorphs, rock_salt, write_cifs
from pymatgen.core import Lattice, Structure

from exafscn_flows.errors import UsageError
from exafscn_flows.jobs import plan as plan_module
from exafscn_flows.jobs import reading
from exafscn_flows.jobs.states import site_states
from exafscn_flows.store.documents import FailureDoc, StructureDoc

TWO_SITES = Structure.from_spacegroup(
    "Pm-3m", Lattice.cubic(4.2), ["Ni", "Ni", "O"], [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0, 0]]
)
ALL = {"campaign": "test"}


def active(store):
    return [site.site for site in store.active_sites("test")]


def failed(store, **query):
    return sorted(doc.item for doc in store.find(FailureDoc, {**ALL, **query}))


def test_sites_above_a_lowered_limit_are_put_aside(plan, store):
    plan({"two": TWO_SITES})
    first, _ = active(store)
    plan(sites={"max_per_absorber": 1})
    assert active(store) == [first]


def test_sites_of_a_crystal_that_was_replaced_are_put_aside(plan, store):
    plan({"x": TWO_SITES})
    assert len(active(store)) == 2
    plan({"x": rock_salt("Ni", "O", 4.18)})
    (site,) = store.active_sites("test")
    assert site.formula == "NiO"


def test_files_of_another_source_are_read_though_they_look_the_same(plan, store, tmp_path):
    places = {"a": 4.18, "b": 4.28}
    for name, a in places.items():
        write_cifs(tmp_path / name, {"x": rock_salt("Ni", "O", a)})
        os.utime(tmp_path / name / "x.cif", (1e9, 1e9))
    sizes = {(tmp_path / name / "x.cif").stat().st_size for name in places}
    assert len(sizes) == 1
    volumes = []
    for name in places:
        plan(sources=[{"kind": "files", "path": str(tmp_path / name)}])
        (doc,) = store.find(StructureDoc, ALL)
        assert doc.source["path"] == str(tmp_path / name)
        volumes.append(Structure.from_dict(doc.structure).volume)
    assert volumes == pytest.approx([4.18**3 / 4, 4.28**3 / 4])


def test_new_reading_code_reads_again(plan, store, monkeypatch):
    plan({"x": rock_salt("Ni", "O", 4.18)})
    (before,) = store.find(StructureDoc, ALL)
    monkeypatch.setattr(reading, "ALGORITHM_VERSION", reading.ALGORITHM_VERSION + 1)
    plan()
    (after,) = store.find(StructureDoc, ALL)
    assert after.hash != before.hash


def test_sample_does_not_count_what_was_read_for_another_absorber(plan, store):
    plan(polymorphs("Ni") | polymorphs("Cu"), absorbers=["Ni"])
    plan(absorbers=["Cu"], sample={"structures": 8})
    assert len(active(store)) == 8
    assert failed(store) == sorted(polymorphs("Ni"))
    plan(absorbers=["Cu", "Ni"])
    assert len(active(store)) == 16
    assert failed(store) == []


def test_failure_of_a_file_that_is_gone_or_good_again_is_dropped(plan, store, cifs):
    plan(polymorphs("Ni"))
    good = cifs / "NiO-rs.cif"
    shutil.copy2(good, cifs / "keep")
    good.write_text("nonsense")
    (cifs / "broken.cif").write_text("nonsense")
    plan()
    assert failed(store) == ["NiO-rs", "broken"]
    shutil.copy2(cifs / "keep", good)
    (cifs / "broken.cif").unlink()
    plan()
    assert failed(store) == []
    assert len(active(store)) == 8


def test_failures_of_sites_that_no_longer_count_are_dropped(plan, store):
    config = plan({"NiO": rock_salt("Ni", "O", 4.18), "NiS": rock_salt("Ni", "S", 4.95)})
    for state in site_states(store, config, list(store.active_sites("test"))):
        key, wanted = state.site.site, state.wanted
        hashes = {
            ("labels", f"{key}/coordination_number"): wanted.labels["coordination_number"],
            ("features", f"{key}/r_space"): wanted.features["r_space"],
            ("features", f"{key}/gone"): "0",
        }
        head = {"campaign": "test", "absorber": "Ni", "kind": "x", "message": "x", "hint": "x"}
        store.write(
            FailureDoc(**head, hash=hash_, stage=stage, item=item)
            for (stage, item), hash_ in hashes.items()
        )
    plan(filters={"required": ["O"]}, features={"xftf": {"kmax": 11.0}})
    (site,) = active(store)
    assert failed(store) == [f"{site}/coordination_number"]
    assert site.startswith("NiO")


def test_source_that_goes_away_is_no_failure_of_its_files(plan, store, monkeypatch, cifs):
    def vanish(campaign, chunk):
        shutil.rmtree(cifs)
        return reading.read_chunk(campaign, chunk)

    monkeypatch.setattr(plan_module, "read_chunk", vanish)
    monkeypatch.setattr("exafscn_flows.sources.files.FilesSource.load", _listed_anew)
    with pytest.raises(UsageError, match="there is no such file or folder"):
        plan({"x": rock_salt("Ni", "O", 4.18)})
    assert failed(store) == []


def _listed_anew(source, material_id):
    # As in a worker process that has just been started.
    next(source.entries())


def test_shared_ranges_hold_every_site_once_and_grow(plan, store, monkeypatch):
    config = plan({"x": rock_salt("Ni", "O", 4.18)})
    (site,) = store.active_sites("test")
    keys = [f"m{number:05d}:Ni:0" for number in range(3000)]
    store.database.sites.delete_many({})
    store.write(site.model_copy(update={"site": key}) for key in keys)
    monkeypatch.setenv("EXAFSCN_CORES", "2")

    def sizes(sites_per_core):
        found = plan_module._ranges(store, config, sites_per_core)
        places = [(keys.index(first), keys.index(last)) for first, last in found]
        assert [first for first, _ in places] == [0, *(last + 1 for _, last in places[:-1])]
        assert places[-1][1] == len(keys) - 1
        return [last - first + 1 for first, last in places]

    assert sizes(None) == [500] * 6
    shared = sizes(4)
    assert shared[0] == 8
    assert shared[:-1] == sorted(shared[:-1])
    # No range holds more than a 32nd of the sites before it.
    assert shared[-2] <= 3000 / 32
    assert sizes(1000) == [500] * 6
