"""NeXus files: three generations of NXxas, and HDF5 that is none."""

import io
from collections.abc import Mapping

import h5py
import numpy as np
import pytest
from xas_files import edge, scan

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.measured import read_content

ENERGY, I0, IT = scan()
MU = edge(ENERGY)


def hdf5(contents: Mapping[str, object], units: str = "eV") -> bytes:
    """A file; text that ends a path in ``@NX_class`` is an attribute of a group."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for path, value in contents.items():
            place, _, attribute = path.partition("@")
            if attribute:
                file.require_group(place).attrs[attribute] = value
            else:
                file[path] = value
            if path.endswith("/energy"):
                file[path].attrs["units"] = units
    return stream.getvalue()


def entry(name: str = "entry", **more: object) -> dict[str, object]:
    at = f"{name}/"
    return {
        f"{at}definition": "NXxas",
        f"{at}scan/xrayedge/element": "Fe",
        f"{at}scan/xrayedge/edge": "K",
        f"{at}data/energy": ENERGY,
        f"{at}data/i0": I0,
        f"{at}data/itrans": IT,
        **{at + key: value for key, value in more.items()},
    }


def test_as_larch_writes_it():
    (found,) = read_content(hdf5(entry()), "fe.dat")
    assert np.allclose(found.energy, ENERGY)
    assert np.allclose(found.mu, MU)
    assert (found.absorber, found.edge, found.mode) == ("Fe", "K", "transmission")
    assert (found.group, found.format) == ("fe", "NeXus NXxas")


@pytest.mark.parametrize(
    ("beam", "mode"), [(IT, "transmission"), (I0 * (MU - 0.3), "fluorescence")]
)
def test_the_definition_of_2010(beam, mode):
    content = hdf5(
        {
            "scan1/definition": "NXxas",
            "scan1/bm@NX_class": "NXinstrument",
            "scan1/bm/monochromator/energy": ENERGY / 1000,
            "scan1/bm/incoming_beam/data": I0,
            "scan1/bm/absorbed_beam/data": beam,
        },
        units="keV",
    )
    (found,) = read_content(content, "fe.nxs")
    assert np.allclose(found.energy, ENERGY)
    assert np.allclose(found.mu, MU if mode == "transmission" else MU - 0.3)
    assert found.mode == mode
    assert mode in found.notes[0]


def test_the_definition_of_2024_and_stacks():
    one = {
        "a/definition": "NXxas_trans",
        "a/element/symbol": "Fe",
        "a/edge/name": "K",
        "a/energy": ENERGY,
        "a/intensity": MU,
    }
    (found,) = read_content(hdf5(one), "fe.nxs")
    assert np.allclose(found.mu, MU)
    assert (found.absorber, found.edge, found.mode) == ("Fe", "K", "mu")
    first, second = read_content(hdf5({**one, "a/intensity": np.array([MU, MU + 1])}), "fe.nxs")
    assert (first.group, second.group) == ("fe 1", "fe 2")
    assert np.allclose(second.mu, MU + 1)


def test_entries_of_which_one_is_bad():
    content = hdf5({**entry("good"), **entry("zn", **{"data/ifluor": IT[:-1]})})
    good, bad = read_content(content, "two.nxs")
    assert (good.group, bad.group) == ("good", "zn")
    assert bad.failure.message == (
        f"two.nxs, zn: ifluor has {len(IT) - 1} values, and there are {len(IT)} energies"
    )


@pytest.mark.parametrize(
    ("contents", "kind"),
    [
        ({"x": ENERGY}, "unreadable"),
        ({"entry/definition": "NXxrd", "entry/energy": ENERGY}, "unreadable"),
        ({"entry/definition": "NXxas", "entry/intensity": MU}, "no_energy"),
        ({"entry/definition": "NXxas", "entry/data/energy": ENERGY}, "no_mu"),
        ({"entry/definition": "NXxas", "entry/data/energy": ENERGY, "entry/data/i0": I0}, "no_mu"),
        (entry(**{"data/mu": np.zeros(3)}), "unreadable"),
    ],
)
def test_hdf5_that_holds_no_spectrum(contents, kind):
    with pytest.raises(ItemFailure, match=r"^fe\.nxs: .+") as raised:
        read_content(hdf5(contents), "fe.nxs")
    assert raised.value.kind == kind


def test_damaged_files_and_packed_ones_that_grow():
    content = hdf5(entry())
    with pytest.raises(ItemFailure, match="damaged"):
        read_content(content[: len(content) // 2], "fe.nxs")
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["a/definition"] = "NXxas"
        file.create_dataset("a/energy", (10**9,), "f8", chunks=(10**6,), fillvalue=1.0)
    with pytest.raises(ItemFailure, match="1000000000 values"):
        read_content(stream.getvalue(), "bomb.nxs")


def test_links_to_other_files_are_not_followed(tmp_path):
    (tmp_path / "other.h5").write_bytes(hdf5({"energy": ENERGY}))
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["a/definition"] = "NXxas"
        file["a/intensity"] = MU
        file["a/energy"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/energy")
    with pytest.raises(ItemFailure, match="no list of energies"):
        read_content(stream.getvalue(), "fe.nxs")
