"""Columns of text in the dialects of beamlines and programs."""

import numpy as np
import pytest
from xas_files import FE, edge, energies, i0_of, rows, scan

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.measured import MeasuredSpectrum, Unreadable, read_content

ENERGY, I0, IT = scan()
MU = edge(ENERGY)
BODY = rows(ENERGY, I0, IT)

XDAC = """XDAC V1.4 Datafile V1
"fe.000" created on 8/30/14 at 3:47:40 PM on X23A2
Diffraction element= Si(311). Ring energy= 2.80 GeV
E0= 7112.00
NUM_REGIONS= 4
SRB= -200 -20 30 60 18k
Offsets= 104.00 81.00 156.00 0.00
iron in PEG
-------------------------------------------
"""


def read(text: str, **wishes) -> MeasuredSpectrum:
    (found,) = read_content(text.encode(), "fe.001", **wishes)
    assert isinstance(found, MeasuredSpectrum)
    return found


def refusal(text: str, **wishes) -> ItemFailure:
    with pytest.raises(ItemFailure) as raised:
        read_content(text.encode(), "fe.dat", **wishes)
    assert raised.value.message.startswith("fe.dat: ")
    assert raised.value.hint
    return raised.value


def is_written(found: MeasuredSpectrum, mu: np.ndarray = MU) -> bool:
    return np.allclose(found.energy, ENERGY, atol=1e-3) and np.allclose(found.mu, mu, atol=1e-5)


def fortran(values: np.ndarray) -> list[str]:
    """Numbers as Fortran writes them, without a digit before the point."""
    exponents = np.floor(np.log10(np.abs(values))).astype(int) + 1
    mantissas = values / 10.0**exponents
    return [
        f"{mantissa:.9f}".replace("0.", ".", 1) + f"E{exponent:+03d}"
        for mantissa, exponent in zip(mantissas, exponents, strict=True)
    ]


@pytest.mark.parametrize(
    "header",
    [
        "# energy i0 itrans\n",
        "#  Energy(eV)   I0   It\n",
        "# Energy (eV)  I0 (counts)  I1 (counts)\n",
        "energy\ti0\tit\n",
        '"Energy","I0","ITrans"\n',
        "% iron foil\n% E, I0, I1\n",
        "! E  IO  IT\n",
        "#C E I0 It Ir\n#L Energy  I0  I1\n",
        "# 1) energy\n# 2) i0\n# 3) itrans\n",
        "Column 1: energy\nColumn 2: I0\nColumn 3: I1\n",
        "; Epics Scan 1 dim\n; Column labels:\n; P1={Energy} --> {E.VAL}\n"
        "; D1={i0} --> {s1}\n; D2={i1} --> {s2}\n",
        "# Mono Energy(alt) * I0 * It\n",
        "SSRL - EXAFS Data Collector 2.0\nData:\nAchieved Energy\nI0\nI1\n\n",
        f"{XDAC}Energy   I0  It  \n",
        f"# {XDAC.replace(chr(10), chr(10) + '# ')}Energy   I0  It  \n",
        "# the energy of it\n# 412 E I0 IT\n#----------\n",
    ],
)
def test_names_of_columns(header):
    found = read(header + BODY)
    assert is_written(found)
    assert (found.mode, found.group, found.notes) == ("transmission", "fe.001", ())


def test_xdac_states_e0_and_its_crystal_is_no_absorber():
    body = rows(ENERGY, I0, IT, IT / 2, np.ones_like(I0))
    found = read(f"{XDAC}Energy   I0  It  Ir  inttime  \n{body}")
    assert is_written(found)
    assert (found.absorber, found.e0) == (None, 7112.0)


def test_uwxafs_text_with_mu():
    header = "# Fe foil\n# NXS school, 2001\n#----------\n#  energy  xmu  xmur  i0\n"
    found = read(header + rows(ENERGY, MU, edge(ENERGY, FE + 10), I0))
    assert is_written(found)
    assert (found.mode, found.kind, found.format) == ("mu", "mu", "columns of text")


def test_numbers_of_fortran():
    columns = [fortran(column) for column in (ENERGY, I0, IT)]
    body = "".join(f"  {a} {b} {c}\n" for a, b, c in zip(*columns, strict=True))
    assert body.startswith("  .6962")
    assert is_written(read("# energy i0 itrans\n" + body))
    assert is_written(read("# energy i0 itrans\n" + body.replace("E+", "D+")))


@pytest.mark.parametrize("separator", ["\t", ",", ";", ", ", " ; "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends(separator, end):
    body = rows(ENERGY, I0, IT, separator=separator)
    header = separator.join(["energy", "i0", "itrans"]) + "\n"
    assert is_written(read((header + body).replace("\n", end)))


@pytest.mark.parametrize("separator", ["\t", ";", " "])
def test_decimal_commas(separator):
    body = rows(ENERGY, I0, IT, separator=separator).replace(".", ",")
    found = read(separator.join(["energy", "i0", "itrans"]) + "\n" + body)
    assert is_written(found)
    assert "decimal commas" in found.notes[0]


def test_commas_that_may_be_both_are_refused():
    numbers = zip(ENERGY, I0, IT, strict=True)
    body = "".join(f"{a:.2f},{b:.2f},{c:.2f}\n" for a, b, c in numbers).replace(".", ",")
    assert refusal("energy,i0,itrans\n" + body).kind == "ambiguous"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig", "utf-16"])
def test_encodings(encoding):
    content = f"# Messung bei 20 °C, Prüfling\n# energy i0 itrans\n{BODY}".encode(encoding)
    (found,) = read_content(content, "fe.dat")
    assert is_written(found)


def test_two_columns_without_names():
    found = read(rows(ENERGY, MU))
    assert is_written(found)
    assert "no names" in found.notes[0]
    k = np.arange(0.05, 12, 0.05)
    assert read(rows(k, np.sin(4 * k))).kind == "chi"
    assert is_written(read(rows(ENERGY / 1000, MU)))
    assert refusal(rows(np.arange(10, 90, 0.1), np.ones(800))).kind == "no_edge"
    assert refusal(rows(np.arange(10, 90, 0.1), np.arange(800))).kind == "no_names"


def test_three_columns_without_names_are_refused_and_can_be_named():
    failed = refusal(BODY)
    assert failed.kind == "no_names"
    assert "--columns energy=1,i0=2,it=3" in failed.hint
    assert is_written(read(BODY, columns={"energy": 1, "i0": 2, "it": 3}))


def test_formulas_as_names():
    found = read("# E(eV) ln(I0/I1) ln(I1/I2)\n" + rows(ENERGY, MU, edge(ENERGY, FE + 9)))
    assert is_written(found)
    assert is_written(read("# E(eV)\tIf/I0\n" + rows(ENERGY, MU, separator="\t")))


def test_columns_that_the_user_names():
    body = rows(ENERGY, I0, IT, I0 * MU / 3, I0 * MU * 2 / 3)
    columns = {"energy": 1, "i0": 2, "if": "4+5"}
    found = read(body, columns=columns)
    assert (found.mode, is_written(found)) == ("fluorescence", True)
    text = "# energy i0 itrans pip1 pip2\n" + body
    assert is_written(read(text, columns={"energy": "Energy", "i0": "I0", "if": "pip1+pip2"}))
    failed = refusal(text, columns={"energy": 1, "i0": 2, "it": 6})
    assert (failed.kind, "no column 6" in failed.message) == ("no_column", True)
    assert refusal(text, columns={"energy": 1, "mu": "xmu"}).kind == "no_column"


def test_points_in_another_order_twice_or_without_number(rng):
    descending = read("# energy mu\n" + rows(ENERGY[::-1], MU[::-1]))
    assert (is_written(descending), descending.notes) == (True, ())
    order = rng.permutation(len(ENERGY))
    mixed = read("# energy mu\n" + rows(ENERGY[order], MU[order]))
    assert is_written(mixed)
    assert "sorted" in mixed.notes[0]
    twice = read("# energy mu\n" + rows(np.repeat(ENERGY, 2), np.repeat(MU, 2) + 0.0))
    assert is_written(twice)
    assert "mean" in twice.notes[0]
    lines = rows(ENERGY, MU).splitlines()
    lines[40] = f"{ENERGY[40]} NaN"
    lines[50] = f"{ENERGY[50]} ******"
    lines[60] = f"{ENERGY[60]} inf"
    found = read("# energy mu\n" + "\n".join(lines))
    assert len(found.mu) == len(MU) - 3
    assert found.notes == (f"points left out because they hold no usable number: 3 of {len(MU)}",)


def test_counts_of_a_lost_beam_are_left_out():
    i0, it = I0.copy(), IT.copy()
    i0[30], it[31] = 0, -5
    found = read("# energy i0 it\n" + rows(ENERGY, i0, it))
    assert len(found.mu) == len(MU) - 2


def test_negative_counts_of_both_chambers_give_mu():
    assert is_written(read("# energy i0 it\n" + rows(ENERGY, -I0, -IT)))


def test_a_quick_scan_stays_as_it_is(rng):
    energy = np.sort(rng.uniform(FE - 150, FE + 700, 3400))
    found = read(
        "# energy i0 it\n" + rows(energy, I0[:1].repeat(3400), 1e5 * np.exp(-edge(energy)))
    )
    assert len(found.mu) > 3390


def test_scans_of_spec_are_spectra_of_their_own():
    parts = "".join(
        f"#S {n}  ascan energy 7 7.6 200 1\n#D Tue\n#L Energy  I0  I1\n{body}\n"
        for n, body in ((1, BODY), (2, "7000 1 1\n"), (5, BODY))
    )
    first, second, third = read_content(f"#F fe\n#E 1\n\n{parts}".encode(), "fe.spec")
    assert (first.group, second.group, third.group) == ("fe 1", "fe 2", "fe 5")
    assert is_written(third)
    assert isinstance(second, Unreadable)
    assert second.failure.message.startswith("fe.spec, scan 2: ")


def test_several_tables_are_refused_and_a_comment_within_one_is_not():
    assert refusal("energy i0 it\n" + BODY + "energy i0 it\n" + BODY).kind == "several_tables"
    assert refusal("# energy i0 it\n" + BODY + "# again\n" + BODY).kind == "several_tables"
    lines = BODY.splitlines()
    halves = "\n".join([*lines[:50], "# beam lost, refilled", *lines[50:]])
    assert is_written(read("# energy i0 it\n" + halves))


@pytest.mark.parametrize("damage", ["7x1.2 3 4", "@@", "7100.0 2e5 1e5 8", "7100.0 x 1e5"])
@pytest.mark.parametrize("at", [40, 180])
def test_a_damaged_line_is_left_out(damage, at):
    lines = BODY.splitlines()
    found = read("# energy i0 it\n" + "\n".join([*lines[:at], damage, *lines[at:]]))
    assert is_written(found)
    assert "left out" in found.notes[0]


def test_a_stopped_scan():
    found = read("# energy i0 it\n" + BODY + "7900.0 2e5\n")
    assert is_written(found)
    assert "have not 3 numbers: 1" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("nothing but words\nand more of them\n", "no_table"),
        ("# energy mu\n" + rows(ENERGY[:10], MU[:10]), "too_short"),
        ("# energy mu\n" + rows(ENERGY, MU * np.nan), "too_short"),
        ("# energy mu\n" + rows(ENERGY, MU * 0 + 1), "no_edge"),
        ("# energy mu\n" + rows(ENERGY - FE, MU), "bad_energy"),
        ("# energy mu\n" + rows(ENERGY * 0 + FE, MU), "bad_energy"),
        ("# time mu\n" + rows(ENERGY, MU, I0), "no_names"),
        ("# energy time\n" + rows(ENERGY, MU), "no_mu"),
        ("# k chi\n" + rows(ENERGY, MU), "bad_k"),
        ("# k chi\n" + rows(ENERGY / 1000, MU * 0), "no_edge"),
    ],
)
def test_what_is_no_spectrum_is_refused(text, kind):
    assert refusal(text).kind == kind


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_a_light_edge_in_energies_without_a_unit():
    energy = energies(284.2)
    i0 = i0_of(energy)
    found = read("# energy i0 it\n" + rows(energy, i0, i0 * np.exp(-edge(energy, 284.2))))
    assert found.energy[0] == pytest.approx(energy[0], abs=1e-3)
