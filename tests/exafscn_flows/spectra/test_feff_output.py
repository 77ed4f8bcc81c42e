import numpy as np
import pytest

from exafscn_flows.errors import ItemFailure
from exafscn_flows.spectra.feff_output import parse_chi, parse_xmu

HEADER = "# Null title         Feff8L (EXAFS)       0.1      \n#  k  chi  mag  phase @#\n"
K = np.arange(401) * 0.05


def chi_text(k: np.ndarray = K, chi: np.ndarray | None = None) -> str:
    chi = np.sin(2 * 2.5 * k) if chi is None else chi
    rows = (f"{a:11.4f} {b:14.6E} {abs(b):13.6E} {0:13.6E}" for a, b in zip(k, chi, strict=True))
    return HEADER + "\n".join(rows) + "\n"


def xmu_text(k: np.ndarray = K, e0: float = 8980.0) -> str:
    rows = (
        f"{e0 + 3.80998 * x * abs(x):12.3f} {0:10.3f} {x:8.3f} {1:12.5E} {0.9:12.5E} {0.1:12.5E}"
        for x in k
    )
    return HEADER + "\n".join(rows) + "\n"


def test_chi_is_read_as_written() -> None:
    chi = parse_chi(chi_text(), 19.9)
    np.testing.assert_allclose(chi.k, K)
    np.testing.assert_allclose(chi.chi, np.sin(5 * K), atol=1e-6)


@pytest.mark.parametrize(
    "k",
    [K, K[1:], K - 0.02, np.concatenate([[-0.5, -0.2], K])],
    ids=["from 0", "from 0.05", "around 0", "below the edge"],
)
def test_e0_is_the_energy_where_k_is_zero(k: np.ndarray) -> None:
    k = np.append(k[k < 20], 20.0)
    xmu = parse_xmu(xmu_text(k), 19.9)
    assert xmu.e0 == pytest.approx(8980.0, abs=0.003)
    np.testing.assert_allclose(xmu.energy_rel, 3.80998 * k * abs(k), atol=0.004)
    assert (xmu.program, xmu.version) == ("Feff8L (EXAFS)", "0.1")
    assert set(xmu.mu) == {1.0}
    assert set(xmu.mu0) == {0.9}


def kind(text: str) -> str:
    with pytest.raises(ItemFailure) as error:
        parse_chi(text, 19.9)
    return error.value.kind


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Inf", "*" * 14])
def test_values_that_are_no_numbers(bad: str) -> None:
    lines = chi_text().splitlines()
    words = lines[200].split()
    lines[200] = " ".join([words[0], bad, *words[2:]])
    assert kind("\n".join(lines) + "\n") == "feff_not_finite"


def test_file_cut_at_any_page_or_row_is_not_taken_for_whole() -> None:
    text = chi_text()
    for length in range(0, len(text), 1024):
        assert kind(text[:length]) in {"feff_incomplete", "feff_not_finite"}
    rows = text.splitlines()
    for count in (2, 3, 100, 390):
        assert kind("\n".join(rows[:count]) + "\n") == "feff_incomplete"


def test_fortran_drops_the_letter_of_long_exponents() -> None:
    lines = chi_text().splitlines()
    k = lines[200].split()[0]
    for word, value in (("5.99522-105", 0.0), ("-1.5D-01", -0.15), ("2.5d0", 2.5)):
        lines[200] = f"{k} {word} 1.0E+00 0.0E+00"
        chi = parse_chi("\n".join(lines) + "\n", 19.9)
        assert chi.chi[198] == pytest.approx(value)
    lines[200] = f"{k} 5.99522+105 1.0E+00 0.0E+00"
    assert kind("\n".join(lines) + "\n") == "feff_not_finite"


def test_the_last_end_of_line_may_be_missing_and_nothing_else() -> None:
    text = chi_text()
    np.testing.assert_array_equal(parse_chi(text[:-1], 19.9).chi, parse_chi(text, 19.9).chi)
    np.testing.assert_array_equal(parse_chi(text + "\n \n", 19.9).k, parse_chi(text, 19.9).k)
    for cut in range(2, 50):
        assert kind(text[:-cut]) == "feff_incomplete"


def test_a_file_without_its_beginning_is_not_whole() -> None:
    rows = chi_text().splitlines(keepends=True)
    assert kind("".join(rows[2:])) == "feff_incomplete"
    assert kind("".join(rows[:2] + rows[100:])) == "feff_incomplete"
    parse_chi("".join(rows[:2] + rows[5:]), 19.9)


def test_k_must_increase() -> None:
    assert kind(chi_text(np.append(K[:-2], [K[-1], K[-1]]))) == "feff_incomplete"
    assert kind(chi_text(K[::-1])) == "feff_incomplete"


def test_chi_that_is_zero_everywhere() -> None:
    assert kind(chi_text(chi=np.zeros_like(K))) == "feff_zero"


FEFF6 = """\
 nickel oxide                                             Feff 6.01  potph 4.12
 Abs   Z=28 Rmt= 1.291 Rnm= 1.427 K shell
    1/  1 paths used
 -----------------------------------------------------------------------
  omega    e    k    mu    mu0     chi     @#
"""
FEFF9 = """\
# # Source: by FEFF 7 of old                                     FEFF 9.6   \t
# # POT  SCF  30  6.0000   0, core-hole, AFOLP (folp(0)= 1.150)
#  omega    e    k    mu    mu0     chi     @#
"""
FEFF10 = """\
# # Cu                                                           FEFF 10.0.0
#  omega    e    k    mu    mu0     chi     @#
"""


@pytest.mark.parametrize(
    ("header", "program", "version"),
    [
        (FEFF6, "Feff", "6.01"),
        (HEADER.replace("k  chi", "omega"), "Feff8L (EXAFS)", "0.1"),
        (HEADER.replace("Feff8L (EXAFS)       0.1", "Feff 8.50L"), "Feff", "8.50L"),
        (FEFF9, "FEFF", "9.6"),
        (FEFF10, "FEFF", "10.0.0"),
        ("#  omega @#\n", "FEFF", "unknown"),
    ],
)
def test_all_versions_of_feff_are_read(header: str, program: str, version: str) -> None:
    # FEFF 10 writes more digits of each number than the others.
    digits = 10 if "10." in version else 3
    rows = [
        f"{8980 + 3.80998 * k * abs(k):20.{digits}f} 0.000 {k:14.{digits}f} 1.1E+00 1.0E+00 1.0E-01"
        for k in np.arange(-0.8, 3.7, 0.04)
    ]
    text = header + "\n".join(rows) + "\n"
    xmu = parse_xmu(text, 0.0)
    assert (xmu.program, xmu.version) == (program, version)
    assert xmu.e0 == pytest.approx(8980.0, abs=0.01)
    assert len(xmu.mu) == len(rows)
    np.testing.assert_allclose(xmu.chi, 0.1)


def test_a_fine_grid_may_have_equal_rounded_k() -> None:
    text = "@#\n 10.000 0 2.000 1 1 0\n 10.001 0 2.000 1 1 0\n 10.002 0 2.001 1 1 0\n"
    assert len(parse_xmu(text, 0.0).k) == 3
    with pytest.raises(ItemFailure):
        parse_xmu(text.replace("10.001", "10.000"), 0.0)


def test_chi_dat_with_the_complex_wave_number_is_read() -> None:
    # FEFF writes it with PRINT ... 4.
    text = "@#\n" + "".join(f" {k:.4f} 0.1 0.1 0.0 {k:.4f} 0.01\n" for k in K)
    np.testing.assert_allclose(parse_chi(text, 19.9).chi, 0.1)
