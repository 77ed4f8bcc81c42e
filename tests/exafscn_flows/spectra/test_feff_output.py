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
    chi = parse_chi(chi_text())
    np.testing.assert_allclose(chi.k, K)
    np.testing.assert_allclose(chi.chi, np.sin(5 * K), atol=1e-6)


@pytest.mark.parametrize(
    "k",
    [K, K[1:], K - 0.02, np.concatenate([[-0.5, -0.2], K])],
    ids=["from 0", "from 0.05", "around 0", "below the edge"],
)
def test_e0_is_the_energy_where_k_is_zero(k: np.ndarray) -> None:
    k = np.append(k[k < 20], 20.0)
    xmu = parse_xmu(xmu_text(k))
    assert xmu.e0 == pytest.approx(8980.0, abs=0.003)
    np.testing.assert_allclose(xmu.energy_rel, 3.80998 * k * abs(k), atol=0.004)
    assert (xmu.program, xmu.version) == ("Feff8L (EXAFS)", "0.1")
    assert set(xmu.mu) == {1.0}
    assert set(xmu.mu0) == {0.9}


def kind(text: str) -> str:
    with pytest.raises(ItemFailure) as error:
        parse_chi(text)
    return error.value.kind


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Inf", "*" * 14])
def test_values_that_are_no_numbers(bad: str) -> None:
    lines = chi_text().splitlines()
    words = lines[200].split()
    lines[200] = " ".join([words[0], bad, *words[2:]])
    assert kind("\n".join(lines)) == "feff_not_finite"


def test_file_cut_at_any_page_or_row_is_not_taken_for_whole() -> None:
    text = chi_text()
    for length in range(0, len(text), 1024):
        assert kind(text[:length]) in {"feff_incomplete", "feff_not_finite"}
    rows = text.splitlines()
    for count in (2, 3, 100, 390):
        assert kind("\n".join(rows[:count])) == "feff_incomplete"


def test_k_must_increase() -> None:
    assert kind(chi_text(np.append(K[:-2], [K[-1], K[-1]]))) == "feff_incomplete"
    assert kind(chi_text(K[::-1])) == "feff_incomplete"


def test_chi_that_is_zero_everywhere() -> None:
    assert kind(chi_text(chi=np.zeros_like(K))) == "feff_zero"
