"""Sessions of Larix."""

import numpy as np
import pytest
from xas_files import edge, energies, session

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.measured import read_content

ENERGY = energies()
MU = edge(ENERGY)
GROUP = {"energy": ENERGY, "mu": MU, "atsym": "Fe", "edge": "K", "e0": 7112.4}


def test_groups_with_their_labels():
    k = np.arange(0, 12, 0.05)
    content = session(
        a1={**GROUP, "filename": "fe foil"},
        a2={**GROUP, "filename": "shifted", "energy_orig": ENERGY - 3, "energy_shift": 3.0},
        a3={**GROUP, "energy": ENERGY + 1, "energy_shift": -1.0, "filename": "not yet shifted"},
        a4={"k": k, "chi": np.sin(4 * k), "filename": "chi only"},
        a5={"xdat": k, "filename": "no spectrum"},
    )
    foil, shifted, waiting, chi, none = read_content(content, "session.dat")
    assert (foil.group, foil.absorber, foil.edge, foil.e0) == ("fe foil", "Fe", "K", 7112.4)
    assert (foil.format, foil.kind, foil.notes) == ("Larix session", "mu", ())
    for found in (foil, shifted, waiting):
        assert np.allclose(found.energy, ENERGY)
        assert np.array_equal(found.mu, MU)
    assert "shifted by 3 eV" in shifted.notes[0]
    assert (chi.kind, chi.group) == ("chi", "chi only")
    assert none.failure.kind == "no_spectrum"


def test_arrays_of_older_sessions_and_a_group_that_is_missing():
    old = {"__class__": "Array", "__shape__": [len(MU)], "__dtype__": "float64"}
    group = {"energy": {**old, "value": list(ENERGY)}, "mu": {**old, "value": list(MU)}}
    (found,) = read_content(session(a1={**group, "filename": "old"}), "old.larix")
    assert np.array_equal(found.energy, ENERGY)


def test_a_session_that_is_cut_or_empty():
    noise = np.random.default_rng(5).normal(0, 1e-4, len(MU))
    content = session(
        a1={**GROUP, "filename": "one"}, a2={**GROUP, "mu": MU + noise, "filename": "two"}
    )
    one, two, last = read_content(content[:-400], "cut.larix")
    assert (one.group, two.group) == ("one", "two")
    assert two.failure.kind == "unreadable"
    assert last.failure.message == "cut.larix: the end of the session is missing"
    with pytest.raises(ItemFailure, match=r"^none\.larix: a session of Larix without a spectrum"):
        read_content(session(), "none.larix")
