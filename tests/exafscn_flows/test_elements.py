import subprocess
import sys

import pytest
from pymatgen.core import Element

from exafscn_flows.elements import check_absorber


@pytest.mark.parametrize("atomic_number", [2, 22, 29, 57, 92, 99])
def test_elements_that_feff_can_do_pass(atomic_number: int) -> None:
    check_absorber(Element.from_Z(atomic_number).symbol)


@pytest.mark.parametrize(("symbol", "atomic_number"), [("H", 1), ("Fm", 100), ("Og", 118)])
def test_elements_that_feff_cannot_do_are_told_the_range(symbol: str, atomic_number: int) -> None:
    with pytest.raises(ValueError, match=rf"'{symbol}' \(Z = {atomic_number}\).*He .* to Es"):
        check_absorber(symbol)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        *[("CU", "Cu"), ("Cuu", "Cu"), ("fe", "Fe"), (" Zn", "Zn")],
        # Names, of which some begin like the symbol of another element.
        *[("Copper", "Cu"), ("iron", "Fe"), ("Tin", "Sn"), ("lead", "Pb"), ("Aluminum", "Al")],
        *[("Sulphur", "S"), ("Nikel", "Ni")],
    ],
)
def test_misspelling_gets_the_nearest_symbol(wrong: str, right: str) -> None:
    with pytest.raises(ValueError, match=f"'{wrong}' is not an element.*mean '{right}'") as error:
        check_absorber(wrong)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("atomic_number", range(2, 100))
def test_names_are_those_of_their_symbols(atomic_number: int) -> None:
    element = Element.from_Z(atomic_number)
    with pytest.raises(ValueError, match=f"mean '{element.symbol}'"):
        check_absorber(element.long_name)


def test_symbols_are_in_the_order_of_the_periodic_table() -> None:
    for atomic_number in range(100, 119):
        with pytest.raises(ValueError, match=f"Z = {atomic_number}\\)"):
            check_absorber(Element.from_Z(atomic_number).symbol)


def test_settings_and_elements_import_nothing_heavy() -> None:
    code = (
        "import sys; import exafscn_flows.spectra, exafscn_flows.elements;"
        "print([m for m in ('pymatgen', 'larch', 'numpy', 'xraydb') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
