"""Spectra of structures by a model: what it says, of which sites, and what it refuses."""

import io
import zipfile

import numpy as np
import pytest
from crystals import rock_salt, spinel, zinc_blende
from pymatgen.core import Lattice, Structure
from simulators import LEARNED, distance, on_paper, paper_simulator, simulator_file

from exafscn_flows.errors import CampaignError, ItemFailure, UsageError
from exafscn_flows.features import RSpace, SiteGraph
from exafscn_flows.simulation.file import load_card, load_simulator
from exafscn_flows.simulation.shipped import load_shipped, shipped_card
from exafscn_flows.simulation.simulator import Simulator
from exafscn_flows.simulation.sites import mean_curve, simulate_sites

TITANATE = Structure(
    Lattice.cubic(3.95), ["Ti", "Fe", "O", "O", "O"],
    [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]],
)  # fmt: skip


def test_a_curve_is_that_of_the_distances():
    crystal = rock_salt("Ti", "O", 4.2)
    (site,) = simulate_sites(crystal, paper_simulator())
    assert (site.formula, site.absorber, site.multiplicity) == ("TiO", "Ti", 1)
    error = np.sqrt(((site.curve.values - on_paper(distance(crystal))) ** 2).mean())
    assert error < 0.03
    assert error < 3 * site.curve.expected_error
    assert site.edge == pytest.approx(0, abs=0.3)


def test_a_supercell_has_the_spectra_of_its_primitive_cell():
    crystal = zinc_blende("Fe", "O", 4.6)
    (one,) = simulate_sites(crystal, paper_simulator())
    (other,) = simulate_sites(crystal * (2, 1, 2), paper_simulator())
    np.testing.assert_allclose(one.curve.values, other.curve.values, atol=1e-6)


def test_all_inequivalent_sites_of_all_absorbers_that_are_known():
    found = list(simulate_sites(TITANATE, paper_simulator()))
    assert [(one.absorber, one.multiplicity) for one in found] == [("Fe", 1), ("Ti", 1)]
    assert [one.absorber for one in simulate_sites(TITANATE, paper_simulator(), "Ti")] == ["Ti"]
    magnetite = spinel(8.39, 0.254, "Fe", "Fe")
    found = list(simulate_sites(magnetite, paper_simulator()))
    assert sorted(one.multiplicity for one in found) == [2, 4]
    octahedral = next(one for one in found if one.multiplicity == 4)
    tetrahedral = next(one for one in found if one.multiplicity == 2)
    expected = (4 * octahedral.curve.values + 2 * tetrahedral.curve.values) / 6
    np.testing.assert_allclose(mean_curve(found), expected)


def test_it_says_what_it_has_learned_from():
    simulator = paper_simulator()
    (known,) = simulate_sites(rock_salt("Ti", "O", 4.3), simulator)
    (other,) = simulate_sites(rock_salt("Ti", "S", 4.9), simulator)
    assert (known.seen, known.warnings) == (True, ())
    assert other.seen is False
    assert other.warnings == ("The model has learned from no structure that holds S.",)


@pytest.mark.parametrize(
    ("crystal", "absorber", "kind"),
    [
        (rock_salt("Ti", "O", 4.2), "Cu", "unknown_absorber"),
        (rock_salt("Ti", "O", 4.2), "Fe", "no_absorber"),
        (rock_salt("Ni", "O", 4.2), None, "no_absorber"),
        (Structure(Lattice.cubic(4), [{"Ti": 0.5, "Fe": 0.5}], [[0, 0, 0]]), None, "disordered"),
    ],
)
def test_what_it_cannot_do(crystal, absorber, kind):
    with pytest.raises(ItemFailure) as failure:
        list(simulate_sites(crystal, paper_simulator(), absorber))
    assert failure.value.kind == kind
    assert failure.value.hint


def test_a_site_without_features_does_not_take_the_others_along():
    card = paper_simulator().card.model_copy(update={"takes": SiteGraph()})
    simulator = Simulator(card, paper_simulator().fitted)
    lonely = Structure(Lattice.cubic(30), ["Ti"], [[0, 0, 0]])
    (site,) = simulate_sites(lonely, simulator)
    assert (site.curve, site.edge) == (None, None)
    assert site.failure.kind == "no_neighbours"
    # Settings of features, which a fitted model cannot change, are no advice.
    assert site.failure.hint == "model paper can say nothing of such a site"


def test_a_file_holds_all_of_it():
    again = load_simulator(simulator_file(), "a file")
    crystal = rock_salt("Fe", "O", 4.33)
    (one,), (other,) = (each.curves(crystal, [0], "Fe") for each in (paper_simulator(), again))
    np.testing.assert_array_equal(one.values, other.values)
    assert load_card(simulator_file(), "a file").version == again.card.version
    assert load_card(simulator_file(0.5), "a file").version != again.card.version


def changed(**parts: bytes) -> bytes:
    """Return the file with other parts."""
    with zipfile.ZipFile(io.BytesIO(simulator_file())) as file:
        held = {name: file.read(name) for name in file.namelist()} | parts
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for name, content in held.items():
            if content:
                file.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no zip", "holds no model"),
        (changed(**{"card.json": b"{}"}), "holds no model"),
        (changed(model=b""), "the model is missing"),
        (changed(model=b"other"), "checksum"),
        (changed(**{"formulas.bin": b"seven b"}), "no list of formulas"),
    ],
)
def test_a_file_that_was_changed_is_refused(data, words):
    with pytest.raises(CampaignError, match=words):
        load_simulator(data, "some.zip")


def test_a_model_that_takes_spectra_simulates_nothing():
    simulator = paper_simulator()
    takes = RSpace(spectrum="exafs")
    with pytest.raises(UsageError, match="made from a spectrum"):
        Simulator(simulator.card.model_copy(update={"takes": takes}), simulator.fitted)


def test_the_axis_is_that_of_what_was_learned():
    simulator = paper_simulator()
    np.testing.assert_array_equal(simulator.axis, LEARNED.grid())
    assert simulator.axis_label == LEARNED.energy_label()


def test_the_model_of_the_package_predicts_xanes():
    simulator = load_shipped()
    assert shipped_card() == simulator.card
    assert simulator.card.about["figures"]["all"]["r2_over_mean"] > 0.7
    assert set(simulator.card.about) >= {"attribution", "licence", "not_for", "made_by"}
    (site,) = simulate_sites(rock_salt("Ni", "O", 4.18), simulator)
    assert site.absorber == "Ni"
    curve = site.curve.values
    assert curve[0] < 0.15
    assert site.edge == pytest.approx(0, abs=0.7)
    assert curve[simulator.axis >= 6].mean() == pytest.approx(1, abs=0.05)
    assert 0.005 < site.curve.expected_error < 0.2
