"""Projects of Athena: every record is there, with energies as Athena shows them."""

import gzip
import json

import numpy as np
import pytest
from xas_files import FE, edge, energies, project, record

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.measured import MeasuredSpectrum, Unreadable, read_content

ENERGY = energies()
MU = edge(ENERGY)
K = np.arange(0, 12, 0.05)


def read(content: bytes, **wishes) -> list[MeasuredSpectrum | Unreadable]:
    return read_content(content, "iron.dat", **wishes)


@pytest.mark.parametrize("packed", [False, True])
def test_records_of_all_kinds(packed):
    content = project(
        record("  Ref foil", ENERGY, MU, bkg_eshift=0, bkg_e0=7112.5, ln=1, numerator="$2"),
        record("fluo", ENERGY, MU, ln=0, numerator="$4", denominator="$2"),
        record("flat", ENERGY, MU, is_nor=1),
        record("chi only", K, np.sin(4 * K), is_xmu=0, is_chi=1, bkg_eshift=3),
        packed=packed,
    )
    foil, fluo, flat, chi = read(content)
    assert [item.group for item in (foil, fluo, flat, chi)] == [
        "Ref foil",
        "fluo",
        "flat",
        "chi only",
    ]
    assert np.allclose(foil.energy, ENERGY)
    assert np.allclose(foil.mu, MU, atol=1e-7)
    assert (foil.absorber, foil.edge, foil.e0, foil.kind) == ("Fe", "K", 7112.5, "mu")
    assert (foil.mode, fluo.mode, flat.mode) == ("transmission", "fluorescence", "mu")
    assert flat.kind == "normalized"
    assert (chi.kind, chi.energy) == ("chi", None)
    assert np.allclose(chi.k, K)
    assert foil.format == "Athena project"


def test_the_energy_shift_is_added():
    (found,) = read(project(record("foil", ENERGY - 19.0, MU, bkg_eshift="19.0", bkg_e0=FE)))
    assert np.allclose(found.energy, ENERGY)
    assert "shifted by 19 eV" in found.notes[0]


def test_records_of_one_label_are_all_there():
    first, second, third = read(project(*(record("foil", ENERGY, MU + at) for at in range(3))))
    assert [first.group, second.group, third.group] == ["foil", "foil (2)", "foil (3)"]
    assert third.mu[0] == pytest.approx(MU[0] + 2)


def test_two_absorbers_in_one_project():
    copper = energies(8979.0)
    content = project(
        record("Fe", ENERGY, MU), record("Cu", copper, edge(copper, 8979.0), bkg_z="Cu")
    )
    assert [item.absorber for item in read(content)] == ["Fe", "Cu"]
    iron, other = read(content, absorber="Fe")
    assert isinstance(iron, MeasuredSpectrum)
    assert other.failure.kind == "contradiction"


def test_edges_other_than_k_and_what_is_not_known():
    europium = energies(6977.0)
    mu = edge(europium, 6977.0)
    content = project(
        record("Eu", europium, mu, bkg_z="Eu", fft_edge="L3"),
        record("?", europium, mu, bkg_z="H"),
        record("by Larch", europium, mu, bkg_z="Mn", atsym="Eu", edge="L3"),
    )
    assert [(item.absorber, item.edge) for item in read(content)] == [
        ("Eu", "L3"),
        (None, None),
        ("Eu", "L3"),
    ]


def test_a_bad_record_does_not_lose_the_others():
    content = project(
        record("short", ENERGY[:10], MU[:10]),
        record("background", ENERGY, MU, is_bkg=1),
        record("Cu?", ENERGY, MU, bkg_z="Cu"),
        record("uneven", ENERGY, MU[:-1]),
        record("words", ENERGY, MU).replace("@x = ('", "@x = ('x','"),
        record("no data", ENERGY, MU).replace("@y", "@z"),
        record("good", ENERGY, MU),
    )
    *bad, good = read(content)
    assert [item.failure.kind for item in bad] == [
        "too_short",
        "no_spectrum",
        "contradiction",
        "unreadable",
        "unreadable",
        "unreadable",
    ]
    assert bad[1].failure.message == "iron.dat, background: the record is a background function"
    assert np.allclose(good.energy, ENERGY)


def test_undef_lists_and_quotes_in_the_arguments():
    text = record("it\\'s", ENERGY, MU).replace(
        "'titles',", "'chi_column',undef,'i0',0,'box',{'a' => [1,2]},'note',\"\\x{e34}\",'titles',"
    )
    (found,) = read(project(text))
    assert (found.group, found.absorber) == ("it's", "Fe")


def test_json_projects():
    group = {"args": {"label": "foil", "bkg_z": "Fe", "bkg_eshift": 2.0, "is_xmu": 1}}
    data = {"x": (ENERGY - 2).tolist(), "y": MU.tolist()}
    document = {"_____header1": "# Athena project file -- Demeter version 0.9", "_____order": ["a"]}
    content = json.dumps({**document, "a": {**group, **data}}).encode()
    (found,) = read(gzip.compress(content))
    assert found.group == "foil"
    assert np.allclose(found.energy, ENERGY)
    with pytest.raises(ItemFailure, match=r"^iron\.dat: a damaged project"):
        read(content[:-10])


@pytest.mark.parametrize("packed", [False, True])
def test_a_project_whose_end_is_missing(packed):
    noise = np.random.default_rng(5).normal(0, 1e-4, (4, len(MU)))
    whole = project(
        *(record(f"scan {at}", ENERGY, MU + noise[at]) for at in range(4)), packed=packed
    )
    found = read(whole[: int(len(whole) * 0.7)])
    assert [item.group for item in found if isinstance(item, MeasuredSpectrum)][:1] == ["scan 0"]
    assert len([item for item in found if isinstance(item, MeasuredSpectrum)]) < 4
    assert found[-1].failure.message == "iron.dat: the end of the project is missing"
    with pytest.raises(ItemFailure, match="the end of the project is missing"):
        read(whole[: int(len(whole) * 0.1)])


def test_columns_do_not_apply_and_it_is_said():
    (found,) = read(project(record("foil", ENERGY, MU)), columns={"energy": 1, "mu": 2})
    assert "do not apply" in found.notes[-1]


def test_a_project_without_records():
    with pytest.raises(ItemFailure, match="without a record"):
        read(project())


def test_nothing_in_a_project_is_run(tmp_path):
    text = record("foil", ENERGY, MU).replace("'titles',", "'x',system('touch /tmp/x'),'titles',")
    (found,) = read(project(text))
    assert found.group == "foil"
