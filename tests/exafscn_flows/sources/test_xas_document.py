"""What becomes of XAS documents; above all, that their grids tell nothing."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from crystals import rock_salt
from mp_documents import K2_TO_EV, average, exafs, xanes_grid, xas_document
from pymatgen.analysis.xas.spectrum import XAS
from pymatgen.core import Lattice, Structure
from scipy.interpolate import CubicSpline

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.base import StoredSite
from exafscn_flows.sources.xas_document import (
    document_site,
    document_spectrum,
    document_structure,
)

DATA = Path(__file__).parents[2] / "data"
SHARED = Path(__file__).parents[4] / "shared" / "data" / "mp_api"

NIO = rock_salt("Ni", "O", 4.18)
NI = NIO.indices_from_symbol("Ni")[0]

TWO_SITES = Structure(
    Lattice.orthorhombic(4.1, 4.3, 8.0),
    ["O", "Ni", "Ni", "Ni", "O"],
    [[0.5, 0.5, 0.5], [0, 0, 0], [0, 0, 0.2], [0, 0, 0.8], [0.5, 0, 0]],
)
"""Nickel at site 1 once, and at the equivalent sites 2 and 3."""


def feff(name: str) -> tuple[float, np.ndarray, np.ndarray]:
    """E0, energies above it and mu(E) of FEFF, k = 0 to 20 1/Å; mu is positive throughout."""
    with np.load(DATA / f"feff_{name}.npz") as data:
        energy = K2_TO_EV * (0.05 * np.arange(401)) ** 2
        return float(data["e0"]), energy, np.maximum(data["mu"].astype(float), 0.2)


E0, ENERGY, MU = feff("nio")


def near_edge(rng: np.random.Generator, energy: np.ndarray) -> np.ndarray:
    """An edge with a few resonances, as smooth as a lifetime makes it."""
    mu = 0.5 + np.arctan((energy - rng.uniform(6, 9)) / 1.2) / np.pi
    for _ in range(4):
        centre, width = rng.uniform(2, 45), rng.uniform(1, 4)
        mu += rng.uniform(-0.1, 0.5) / (1 + ((energy - centre) / width) ** 2) * (energy > -5)
    return mu + 0.03


def xanes(structure: Structure, index: int | None, e0: float, mu: np.ndarray) -> XAS:
    return XAS(e0 + xanes_grid(), mu, structure, "Ni", "K", "XANES", index)


def document(spectrum: XAS) -> dict:
    return json.loads(json.dumps(xas_document("mp-1", spectrum)))


def single(mu: np.ndarray = MU, e0: float = E0) -> dict:
    return document(exafs(NIO, "Ni", NI, e0, ENERGY, mu))


def failure(record: dict) -> ItemFailure:
    def read() -> None:
        document_site(record, "mp-1-Ni")
        document_spectrum(record, "mp-1-Ni")

    with pytest.raises(ItemFailure) as raised:
        read()
    assert raised.value.message.startswith("mp-1-Ni: ")
    return raised.value


def test_an_exafs_of_one_site():
    record = single()
    spectrum = document_spectrum(record, "mp-1-Ni")
    assert document_site(record, "mp-1-Ni") == StoredSite("Ni", NI)
    assert (spectrum.edge, spectrum.spectrum_type) == ("K", "EXAFS")
    assert (spectrum.program, spectrum.version, spectrum.seconds) == ("FEFF", "9", 0)
    assert spectrum.k.size == spectrum.chi.size == spectrum.mu0.size == 0
    assert spectrum.e0 == pytest.approx(E0, abs=0.001)
    # Steps of 7.7 eV are fine enough from k = 4 1/Å on.
    k = np.sqrt(spectrum.energy_rel / K2_TO_EV)
    expected = CubicSpline(ENERGY, MU)(spectrum.energy_rel)
    assert np.ptp(expected[k > 4]) > 0.3
    assert np.abs(spectrum.mu - expected)[k > 4].max() < 0.012
    assert np.abs(spectrum.mu - expected)[k > 8].max() < 0.001


def test_e0_does_not_hang_on_the_first_point():
    record = single()
    whole = document_spectrum(record, "mp-1-Ni")
    for values in (record["spectrum"]["x"], record["spectrum"]["y"]):
        del values[0]
    without = document_spectrum(record, "mp-1-Ni")
    assert without.e0 == whole.e0
    np.testing.assert_allclose(without.mu, whole.mu, atol=0.005)


def test_an_average_is_weighted_by_multiplicity_and_starts_at_the_highest_e0():
    other = MU * (1 + 0.2 * np.exp(-ENERGY / 200))
    sites = [
        exafs(TWO_SITES, "Ni", 1, E0 + 2.5, ENERGY, MU),
        exafs(TWO_SITES, "Ni", 2, E0, ENERGY, other),
    ]
    record = document(average(sites))
    assert len(record["spectrum"]["x"]) == 200
    assert document_site(record, "mp-1-Ni") == StoredSite("Ni", 1, averaged=True)
    spectrum = document_spectrum(record, "mp-1-Ni")
    assert spectrum.e0 == pytest.approx(E0 + 2.5, abs=0.001)
    at = spectrum.energy_rel
    expected = (CubicSpline(ENERGY, MU)(at) + 2 * CubicSpline(ENERGY, other)(at + 2.5)) / 3
    assert np.abs(spectrum.mu - expected)[at > 60].max() < 0.012
    assert np.abs(spectrum.mu - expected)[at > 250].max() < 0.001


def test_an_average_may_hold_its_structure_one_level_down():
    spectrum = average([exafs(TWO_SITES, "Ni", i, E0, ENERGY, MU) for i in (1, 2)])
    record = document(spectrum)
    plain = document_structure(record, "mp-1-Ni")
    symmetrized = spectrum.structure.as_dict()
    record["spectrum"]["structure"] = {
        name: symmetrized[name] for name in ("@module", "@class", "structure", "wyckoff_letters")
    }
    assert document_structure(record, "mp-1-Ni") == plain
    assert document_site(record, "mp-1-Ni") == StoredSite("Ni", 1, averaged=True)
    # Written by some versions of emmet without any content.
    record["spectrum"]["structure"] = {"@class": "SymmetrizedStructure"}
    assert failure(record).kind == "bad_record"


def test_a_xanes_is_placed_by_its_fermi_level():
    rng = np.random.default_rng(1)
    mu = near_edge(rng, xanes_grid())
    one = document_spectrum(document(xanes(NIO, NI, 8333.0, mu)), "mp-1-Ni")
    assert one.spectrum_type == "XANES"
    assert one.e0 == pytest.approx(8333.0, abs=0.002)
    assert (one.energy_rel[0], one.energy_rel[-1], one.energy_rel.size) == (-2.5, 47.5, 101)
    np.testing.assert_allclose(one.mu, CubicSpline(xanes_grid(), mu)(one.energy_rel), atol=0.01)

    sites = [xanes(TWO_SITES, 1, 8333.0, mu), xanes(TWO_SITES, 2, 8333.0, mu)]
    mean = document_spectrum(document(average(sites)), "mp-1-Ni")
    np.testing.assert_allclose(mean.mu, one.mu, atol=0.001)
    assert mean.e0 == pytest.approx(one.e0, abs=0.002)


def test_the_grid_of_a_near_edge_spectrum_is_that_of_feff_9():
    """The first, some middle and the last energies of LiCoO2 (Co K) in pymatgen's test files."""
    grid = xanes_grid()
    assert len(grid) == 100
    published = np.array([7713.228, 7715.447, 7715.466, 7715.766, 7716.16, 7734.783, 7768.39])
    indices = [0, 7, 8, 11, 15, 62, 99]
    np.testing.assert_allclose(grid[indices], published - 7715.766, atol=0.002)


class TestAveragedOrSingle:
    """A forest is asked which documents are averages, of the same physics in both forms."""

    N = 120

    def pairs(self, kind: str):
        """Documents of N mixtures of two sites: averaged by the database, and as of one site."""
        rng = np.random.default_rng(3)
        for _ in range(self.N):
            shift = abs(rng.normal(0, 0.4))
            if kind == "EXAFS":
                grid, spectra = ENERGY, [self.exafs_of(rng), self.exafs_of(rng)]
            else:
                grid, spectra = xanes_grid(), [near_edge(rng, xanes_grid()) for _ in range(2)]
            make = (
                (lambda s, i, e0, mu: exafs(s, "Ni", i, e0, ENERGY, mu))
                if kind == "EXAFS"
                else xanes
            )
            first, second = spectra
            averaged = average(
                [make(TWO_SITES, 1, E0 + shift, first), make(TWO_SITES, 2, E0, second)]
            )
            # The mean, as if it were one site's.
            moved = CubicSpline(grid, second)(grid + shift)
            yield document(averaged), document(make(NIO, NI, E0 + shift, (first + 2 * moved) / 3))

    def exafs_of(self, rng: np.random.Generator) -> np.ndarray:
        """FEFF's mu of NiO and Cu, stretched and mixed."""
        mixed = np.zeros_like(ENERGY)
        for name, part in (("nio", rng.uniform()), ("fcc_cu", rng.uniform())):
            _, energy, mu = feff(name)
            stretched = CubicSpline(energy, mu)(energy * rng.uniform(0.93, 1.0))
            mixed += part * np.maximum(stretched, 0.2)
        return mixed / mixed[(ENERGY > 30) & (ENERGY < 100)].mean()

    def accuracy(self, averaged: list[np.ndarray], single: list[np.ndarray]) -> list[float]:
        """Accuracy of a forest on mu and on its second and third differences, grouped by pair."""
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.model_selection import GroupKFold, cross_val_score

        values = np.array([*averaged, *single])
        target = np.repeat([1, 0], len(averaged))
        groups = np.tile(np.arange(len(averaged)), 2)
        forest = RandomForestClassifier(60, random_state=0)
        return [
            cross_val_score(
                forest, np.diff(values, order), target, groups=groups, cv=GroupKFold(3)
            ).mean()
            for order in (0, 2, 3)
        ]

    @pytest.mark.parametrize("kind", ["EXAFS", "XANES"])
    def test_the_delivered_spectra_do_not_tell(self, kind):
        averaged, single = [], []
        for one, other in self.pairs(kind):
            averaged.append(document_spectrum(one, "mean").mu)
            single.append(document_spectrum(other, "site").mu)
        assert max(self.accuracy(averaged, single)) < 0.6

    @pytest.mark.parametrize("kind", ["EXAFS", "XANES"])
    def test_the_documents_as_they_are_tell(self, kind):
        """Put on one fine grid each, as one would without further thought."""
        fine = ENERGY[2:399] if kind == "EXAFS" else np.linspace(-2.4, 47.5, 400)
        interpolated = []
        for pair in self.pairs(kind):
            for record in pair:
                x, y = (np.array(record["spectrum"][name]) for name in "xy")
                start = x[0] if kind == "EXAFS" else x[0] - xanes_grid()[0]
                interpolated.append(CubicSpline(x - start, y)(fine))
        assert max(self.accuracy(interpolated[::2], interpolated[1::2])) > 0.95


class TestBadDocuments:
    @pytest.mark.parametrize("floor", [1e-12, 0.0, -0.2])
    def test_values_that_are_not_positive_are_no_absorption(self, floor):
        mu = np.where(ENERGY < 3, floor, MU)
        spectrum = document_spectrum(single(mu), "mp-1-Ni")
        zero = document_spectrum(single(np.where(ENERGY < 3, 0.0, MU)), "mp-1-Ni")
        np.testing.assert_array_equal(spectrum.mu, zero.mu)
        assert spectrum.mu.min() >= 0

    @pytest.mark.parametrize("floor", [1e-12, -0.2])
    def test_but_not_far_above_the_edge(self, floor):
        mu = np.where((ENERGY > 900) & (ENERGY < 1000), floor, MU)
        found = failure(single(mu))
        assert found.kind == "bad_spectrum"
        assert "mu(E) is not positive 9" in found.message

    @pytest.mark.parametrize("factor", [0.4, 30])
    def test_mu_is_normalised(self, factor):
        found = failure(single(MU * factor))
        assert found.kind == "bad_spectrum"
        assert "the edge step is" in found.message

    @pytest.mark.parametrize("n_lost", [3, 40])
    def test_a_site_is_on_feffs_grid(self, n_lost):
        record = single()
        for values in (record["spectrum"]["x"], record["spectrum"]["y"]):
            del values[-n_lost:]
        found = failure(record)
        assert found.kind == "bad_spectrum"
        assert "not the 1523.99 eV" in found.message

    def test_sites_of_an_average_are_alike(self):
        sites = [
            exafs(TWO_SITES, "Ni", 1, E0 + 20, ENERGY, MU),
            exafs(TWO_SITES, "Ni", 2, E0, ENERGY, MU),
        ]
        assert failure(document(average(sites))).kind == "bad_spectrum"

    @pytest.mark.parametrize(
        "changes",
        [
            {"spectrum": None},
            {"spectrum": []},
            {"edge": "L3"},
            {"absorbing_element": None},
            {"absorbing_element": "Zn"},
        ],
        ids=str,
    )
    def test_what_is_no_spectrum_of_the_absorber(self, changes):
        assert failure(single() | changes).kind == "bad_record"

    @pytest.mark.parametrize(
        ("changes", "kind"),
        [
            ({"x": None}, "bad_record"),
            ({"y": "none"}, "bad_record"),
            ({"y": [[1.0], 2.0]}, "bad_record"),
            ({"y": [1.0, 2.0]}, "bad_record"),
            ({"x": [], "y": []}, "bad_spectrum"),
            ({"x": [5.0] * 401}, "bad_spectrum"),
            ({"y": [float("nan")] * 401}, "bad_spectrum"),
            ({"spectrum_type": "XAFS"}, "bad_record"),
            ({"absorbing_index": NIO.indices_from_symbol("O")[0]}, "bad_record"),
            ({"absorbing_index": 99}, "bad_record"),
            ({"absorbing_index": "1"}, "bad_record"),
            ({"absorbing_index": [NI]}, "bad_record"),
            ({"structure": None}, "bad_record"),
            ({"structure": {"sites": 7}}, "unreadable"),
            ({"structure": {"structure": [5]}}, "bad_record"),
        ],
        ids=str,
    )
    def test_a_spectrum_that_is_malformed(self, changes, kind):
        record = single()
        record["spectrum"] |= changes
        assert failure(record).kind == kind


@pytest.mark.skipif(not SHARED.is_dir(), reason="the samples are not here")
class TestRealSamples:
    def test_lithium_cobaltate(self):
        """Begins at k = 0; its E0 was 7715.612 eV."""
        content = json.loads((SHARED / "pymatgen_xas_LiCoO2_Co_K_EXAFS.json").read_text())
        content |= {"spectrum_type": "EXAFS", "absorbing_index": 1}
        record = {"spectrum": content, "edge": "K", "absorbing_element": "Co"}
        assert document_structure(record, "LiCoO2")[1].specie.symbol == "Co"
        assert document_site(record, "LiCoO2") == StoredSite("Co", 1)
        spectrum = document_spectrum(record, "LiCoO2")
        assert spectrum.e0 == pytest.approx(7715.612, abs=0.001)
        near = (spectrum.energy_rel > 30) & (spectrum.energy_rel < 100)
        assert spectrum.mu[near].mean() == pytest.approx(1, abs=0.05)

    def test_hydrogen_in_a_hydrate_is_refused(self):
        """Begins at its second point; its mu is negative far above the edge, and not normalised."""
        record = json.loads(gzip.decompress((SHARED / "xasdoc_exafs.json.gz").read_bytes()))
        assert document_site(record, "mp-626735-H") == StoredSite("H", 8)
        with pytest.raises(ItemFailure, match="not positive") as raised:
            document_spectrum(record, "mp-626735-H")
        assert raised.value.kind == "bad_spectrum"
