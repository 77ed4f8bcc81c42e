"""XDI in the dialects of beamlines; the spectrum is the one that was written, or is refused."""

import numpy as np
import pytest
from xas_files import COLUMNS, FE, IRON, edge, energies, i0_of, rows, scan, xdi

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.measured import MeasuredSpectrum, read_content

ENERGY, I0, IT = scan()
MU = edge(ENERGY)
BODY = rows(ENERGY, I0, IT)


def read(content: bytes, **wishes) -> MeasuredSpectrum:
    (found,) = read_content(content, "fe foil.xdi", **wishes)
    assert isinstance(found, MeasuredSpectrum)
    return found


def refusal(content: bytes, **wishes) -> ItemFailure:
    with pytest.raises(ItemFailure) as raised:
        read_content(content, "fe.xdi", **wishes)
    assert raised.value.message.startswith("fe.xdi: ")
    assert "\n" not in raised.value.message
    assert raised.value.hint
    return raised.value


def is_written(found: MeasuredSpectrum, mu: np.ndarray = MU) -> bool:
    return np.allclose(found.energy, ENERGY, atol=1e-3) and np.allclose(found.mu, mu, atol=1e-5)


def test_transmission_and_all_that_is_stated():
    found = read(xdi(BODY, *COLUMNS, *IRON, "Scan.edge_energy: 7112.0", "Mono.d_spacing: 3.1355"))
    assert is_written(found)
    assert (found.group, found.format, found.kind) == ("fe foil", "XDI", "mu")
    assert (found.absorber, found.edge, found.e0) == ("Fe", "K", 7112.0)
    assert (found.mode, found.notes, found.k, found.chi) == ("transmission", (), None, None)


@pytest.mark.parametrize(
    "first",
    ["#XDI/1.1  Epics StepScan File / 2.0", "# XDI/1.0", "#XDI/1.1  GSE/1.0", "# xdi/1.0 Demeter"],
)
def test_first_lines(first):
    assert is_written(read(xdi(BODY, *COLUMNS, *IRON, first=first)))


@pytest.mark.parametrize(
    "columns",
    [
        (
            "Column.1: energy eV || 13BMA:E:Energy.VAL",
            "Column.2: i0 counts || 13BMD:s.VAL",
            "Column.3: itrans counts || x",
        ),
        ("column.1: Energy (eV)", "COLUMN.2: I0", "column.3: Itrans"),
        ("Column.1: energy", "Column.2: I0", "Column.3: I1"),
    ],
)
def test_units_channels_and_letters(columns):
    assert is_written(read(xdi(BODY, *columns, "ELEMENT.SYMBOL: FE", "element.EDGE: k")))


def test_names_above_the_table_where_the_header_has_none():
    lines = xdi("", *IRON).decode()
    assert is_written(read((lines + "#  energy   i0   itrans\n" + BODY).encode()))


def test_i0_and_itrans_in_the_other_order_are_as_they_are_called():
    columns = ("Column.1: energy eV", "Column.2: itrans", "Column.3: i0")
    found = read(xdi(rows(ENERGY, IT, I0), *columns, *IRON))
    assert is_written(found)
    assert found.notes == ()


@pytest.mark.parametrize("stated", [IRON, ()])
def test_swapped_i0_and_itrans_are_mended_and_it_is_said(stated):
    found = read(xdi(rows(ENERGY, IT, I0), *COLUMNS, *stated))
    assert is_written(found)
    (note,) = found.notes
    assert "swapped" in note


def test_swapped_columns_that_the_user_has_named_stay():
    columns = {"energy": 1, "i0": "i0", "it": "itrans"}
    found = read(xdi(rows(ENERGY, IT, I0), *COLUMNS, *IRON), columns=columns)
    assert np.allclose(found.mu, -MU, atol=1e-5)
    assert "falls across the edge" in found.notes[0]


def test_readback_reference_and_time_are_not_mistaken():
    columns = (
        *("Column.1: energy_readback eV", "Column.2: counttime", "Column.3: energy eV"),
        *("Column.4: irefer", "Column.5: i0", "Column.6: iref2", "Column.7: itrans"),
    )
    other = IT * np.exp(-edge(ENERGY, FE + 13))
    body = rows(ENERGY + 0.7, np.ones_like(I0), ENERGY, other, I0, other, IT)
    assert is_written(read(xdi(body, *columns, *IRON)))


def test_mu_that_agrees_with_counts():
    body = rows(ENERGY, I0, IT, 2 * MU - 3)
    found = read(xdi(body, *COLUMNS, "Column.4: mutrans", *IRON))
    assert is_written(found)
    assert found.mode == "transmission"
    assert "agrees" in found.notes[0]


def test_mu_that_disagrees_with_counts():
    body = rows(ENERGY, I0, I0 * np.exp(-edge(ENERGY, FE + 9)), MU)
    found = read(xdi(body, *COLUMNS, "Column.4: mutrans", *IRON))
    assert is_written(found)
    assert found.mode == "mu"
    assert "disagree" in found.notes[0]


def test_mu_in_a_column_that_is_called_otherwise():
    found = read(xdi(rows(ENERGY, I0, MU), *COLUMNS, *IRON))
    assert is_written(found)
    assert found.mode == "mu"
    assert "taken for mu" in found.notes[0]


def test_negative_mu_is_as_good():
    found = read(xdi(rows(ENERGY, I0 / 50, IT), *COLUMNS, *IRON))
    assert is_written(found, MU - np.log(50))


@pytest.mark.parametrize(("unit", "noted"), [("keV", False), ("", True)])
def test_kilo_electron_volts(unit, noted):
    columns = (f"Column.1: energy {unit}", *COLUMNS[1:])
    found = read(xdi(rows(ENERGY / 1000, I0, IT), *columns, *IRON))
    assert is_written(found)
    assert bool(found.notes) == noted


def test_angles_become_energies():
    d_spacing = 3.1355
    degrees = np.rad2deg(np.arcsin(12398.42 / (2 * d_spacing * ENERGY)))
    body = "".join(f"{a:.10f} {b} {c}\n" for a, b, c in zip(degrees, I0, IT, strict=True))
    columns = ("Column.1: angle degrees", *COLUMNS[1:])
    found = read(xdi(body, *columns, *IRON, f"Mono.d_spacing: {d_spacing}"))
    assert is_written(found)
    assert "angle" in found.notes[0]
    failed = refusal(xdi(body, *columns, *IRON))
    assert failed.kind == "no_d_spacing"


def test_fluorescence_of_a_header_and_of_an_element_of_the_detector():
    fluorescence = I0 * (MU - 0.4) / 100
    columns = (*COLUMNS, "Column.4: ifluor")
    body = rows(ENERGY, I0, IT, fluorescence)
    found = read(xdi(body, *columns, *IRON, "Scan.mode: fluorescence"))
    assert is_written(found, (MU - 0.4) / 100)
    assert found.mode == "fluorescence"
    assert "header names fluorescence" in found.notes[0]
    found = read(xdi(body, *columns, *IRON))
    assert is_written(found)
    assert "transmission" in found.notes[0]
    parts = rows(ENERGY, I0, fluorescence / 3, fluorescence * 2 / 3)
    columns = (*COLUMNS[:2], "Column.3: if1", "Column.4: if2")
    assert is_written(read(xdi(parts, *columns, *IRON)), (MU - 0.4) / 100)


def test_fluorescence_where_transmission_has_no_usable_step(rng):
    noisy = I0 * np.exp(-0.002 * MU) * (1 + rng.normal(0, 1e-3, len(I0)))
    body = rows(ENERGY, I0, noisy, I0 * (MU - 0.4) / 100)
    found = read(xdi(body, *COLUMNS, "Column.4: ifluor", *IRON))
    assert found.mode == "fluorescence"
    assert "no usable edge step" in found.notes[0]
    assert read(xdi(body, *COLUMNS, "Column.4: ifluor", *IRON), mode="transmission").mode == (
        "transmission"
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_normalised_mu_and_chi_are_known_as_such():
    body = rows(ENERGY, MU)
    found = read(xdi(body, "Column.1: energy eV", "Column.2: norm", *IRON))
    assert (found.kind, found.mode) == ("normalized", "mu")
    k = np.arange(0, 12, 0.05)
    found = read(xdi(rows(k, np.sin(4 * k)), "Column.1: k", "Column.2: chi", *IRON))
    assert (found.kind, found.energy, found.mu) == ("chi", None, None)
    assert np.allclose(found.chi, np.sin(4 * k), atol=1e-6)


@pytest.mark.parametrize(
    ("symbol", "edge_name", "words"),
    [
        ("Cu", "K", "the K edge of Cu is at 8979 eV"),
        ("Fe", "L3", "the L3 edge of Fe"),
        ("Mn", "K", "the K edge of Mn"),
    ],
)
def test_a_header_that_contradicts_the_energies(symbol, edge_name, words):
    stated = (f"Element.symbol: {symbol}", f"Element.edge: {edge_name}")
    failed = refusal(xdi(BODY, *COLUMNS, *stated))
    assert failed.kind == "contradiction"
    assert words in failed.message


def test_an_edge_within_the_scan_that_is_not_the_stated_one():
    energy = np.arange(6380.0, 7700.0, 2.0)
    i0 = i0_of(energy)
    body = rows(energy, i0, i0 * np.exp(-edge(energy, 6539.0)))
    failed = refusal(xdi(body, *COLUMNS, *IRON))
    assert failed.kind == "contradiction"
    assert "mu rises at 65" in failed.message
    manganese = read(xdi(body, *COLUMNS, "Element.symbol: Mn", "Element.edge: K"))
    assert manganese.absorber == "Mn"


def test_an_edge_of_another_element_farther_up_is_no_contradiction():
    energy = np.arange(6380.0, 7700.0, 2.0)
    i0 = i0_of(energy)
    both = edge(energy, 6539.0, 0.3) + edge(energy, FE)
    body = rows(energy, i0, i0 * np.exp(-both))
    assert read(xdi(body, *COLUMNS, "Element.symbol: Mn", "Element.edge: K")).absorber == "Mn"


def test_the_absorber_that_the_user_names():
    content = xdi(BODY, *COLUMNS)
    assert read(content).absorber is None
    assert read(content, absorber="Fe").absorber == "Fe"
    assert refusal(content, absorber="Cu").kind == "contradiction"
    failed = refusal(xdi(BODY, *COLUMNS, *IRON), absorber="Co")
    assert failed.kind == "contradiction"
    assert "states Fe" in failed.message


def test_names_that_differ_between_header_and_table():
    lines = xdi("", *COLUMNS, *IRON).decode()
    found = read((lines + "#  energy   itrans   i0\n" + BODY).encode())
    assert is_written(found)
    assert "different names" in found.notes[0]


def test_energies_of_a_light_edge_stay():
    energy = energies(284.2)
    found = read(xdi(rows(energy, edge(energy, 284.2)), "Column.1: energy", "Column.2: mu"))
    assert np.allclose(found.energy, energy, atol=1e-3)
