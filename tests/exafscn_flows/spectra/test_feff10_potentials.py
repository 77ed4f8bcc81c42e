"""Potentials of FEFF 10 that converge to what no atom has."""

from pathlib import Path

import pytest

from exafscn_flows.spectra.feff10_potentials import electrons, free_atom, potentials_fault

LIST = """\
 # it. E_fermi(eV)  Charge Distance  Partial Chg. D.  Convergence
   0      -2.456          0.000         0.0000     0
   1     -11.775         0.0006         0.0001     1
"""


def config(*atoms: tuple[str, list[int], list[int]]) -> str:
    """Write the electrons of atoms as FEFF does: of all orbitals, and of those of valence."""
    lines = ["# Configuration of all atom types in feff.inp.", "# iph, z,name,  iocc/ival (i=1,40)"]
    for number, (symbol, all_, valence) in enumerate(atoms):
        rows = [[*row, *[0] * (40 - len(row))] for row in (all_, valence)]
        all_text, valence_text = ("".join(f"{n:7.2f}" for n in row) for row in rows)
        lines += [f"  {number}   26  {symbol}{all_text}", f"            {valence_text}"]
    return "\n".join([*lines, ""])


IRON = ("Fe", [1, 2, 2, 4, 2, 2, 4, 4, 3, 1, 1], [0, 0, 0, 0, 0, 0, 0, 4, 3, 1, 1])
OXYGEN = ("O ", [2, 2, 2, 2], [0, 2, 2, 2])


def log(*iron: float) -> str:
    """Write what `pot` prints of an oxide: first anything, then these electrons of iron."""
    table = "Electronic configuration\n  type     l     N_el\n"
    after = "Charge transfer:  type  charge\n       0   -1.683\n       1    0.163\n"
    rest = "     1     0    1.877\n     1     1    4.182\n     1     2    0.104\n"
    first = "".join(f"     0     {one}    1.000\n" for one in range(3))
    last = "".join(f"     0     {one}  {number:7.3f}\n" for one, number in enumerate(iron))
    return f"{table}{first}{rest}{after}SCF ITERATION NUMBER  2\n{table}{last}{rest}{after}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "convergence.scf").write_text(LIST)
    (tmp_path / "config.dat").write_text(config(IRON, OXYGEN))
    return tmp_path


def test_electrons_are_those_of_the_last_iteration() -> None:
    found = electrons(log(0.469, 0.737, 7.633))
    assert found[0, 2] == 7.633
    assert found[1, 1] == 4.182
    assert len(found) == 6


def test_free_atoms_have_their_valence_electrons(folder: Path) -> None:
    found = free_atom(folder)
    assert [found[0, one] for one in range(3)] == [1, 1, 7]
    assert [found[1, one] for one in range(3)] == [2, 4, 0]


def test_electrons_in_place_are_no_fault(folder: Path) -> None:
    assert potentials_fault(folder, log(0.469, 0.737, 7.633), 0) is None


def test_d_electrons_that_became_core_are_one(folder: Path) -> None:
    # 3s and 3p have come in their place, and the sum is nearly right.
    fault = potentials_fault(folder, log(1.967, 4.502, 0.847), 0)
    assert fault is not None
    assert fault.text == "potential 0 has 4.5 p electrons, not 1.0"
    assert not fault.bad_counts


def test_without_a_table_of_electrons_nothing_can_be_said(folder: Path) -> None:
    (folder / "config.dat").unlink()
    assert potentials_fault(folder, "", 0) is None


@pytest.mark.parametrize("text", [None, "", "rubbish\n", config(IRON)])
def test_electrons_that_cannot_be_compared_are_a_fault(folder: Path, text: str | None) -> None:
    (folder / "config.dat").unlink()
    if text is not None:
        (folder / "config.dat").write_text(text)
    fault = potentials_fault(folder, log(0.469, 0.737, 7.633), 0)
    assert fault is not None
    assert fault.text.startswith("config.dat does not say what a free atom of potential")
