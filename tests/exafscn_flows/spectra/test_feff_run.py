"""Runs of others: what their input says, and whether it is about a site."""

import numpy as np
import pytest
from pymatgen.core import Structure
from pymatgen.io.feff.sets import MPEXAFSSet, MPXANESSet

from exafscn_flows.errors import ItemFailure
from exafscn_flows.spectra.feff_input import feff_input
from exafscn_flows.spectra.feff_run import check_site, parse_feff_input, run_spectrum

XMU = "# title   FEFF 9.6.4\n# omega e k mu mu0 chi @#\n"


def text_of(sets: type, structure: Structure, site: int, radius: float = 8.0) -> str:
    """``feff.inp`` as pymatgen writes it."""
    parts = sets(site, structure, radius=radius).all_input()
    names = ("HEADER", "PARAMETERS", "POTENTIALS", "ATOMS")
    return "\n\n".join(str(parts[name]) for name in names)


def xmu(kmax: float, kmin: float = -0.8, e0: float = 4966.0) -> str:
    k = np.arange(kmin, kmax + 0.01, 0.05)
    rows = zip(e0 + 3.81 * k * abs(k), k, 0.1 * np.sin(5 * k), strict=True)
    return XMU + "".join(f" {e:.3f} 0 {a:.3f} {1 + c:.5E} 1.0 {c:.5E}\n" for e, a, c in rows)


def test_input_of_pymatgen_is_about_its_own_site(rutile: Structure) -> None:
    for sets, kind in ((MPEXAFSSet, "EXAFS"), (MPXANESSet, "XANES")):
        for site, element in enumerate(s.specie.symbol for s in rutile):
            run = parse_feff_input(text_of(sets, rutile, site))
            assert run.spectrum_type == kind
            check_site(run, rutile, site, element)


def test_cards_that_decide_the_physics_are_kept_as_text(rutile: Structure) -> None:
    assert parse_feff_input(text_of(MPXANESSet, rutile, 0)).cards == {
        "COREHOLE": "FSR",
        "EDGE": "K",
        "EXCHANGE": "0 0.0 0.0 2",
        "FMS": "7.5 0",
        "LDOS": "-30. 15. .1",
        "S02": "0.0",
        "SCF": "4.5 0 30 .2 1",
        "XANES": "3.7 .04 .1",
    }


BY_HAND = """
* written by hand; FEFF needs four letters of a card
 titl  TiO2  # EXAFS
HOLE 1  0.9      ! K
exaf 16
EGRID
  e_grid -10 10 0.1
  k_grid last 16 0.05
POTE
  0 22 Ti
  1  8 O
ATOM
  1.0 1.0 1.0  0 Ti
  2.9 1.0 1.0  1 O   * nearest
  1.0 3.0 1.0  1 O
END
ATOMS
  0 0 0 9
"""


def test_input_of_a_person_is_read_as_feff_reads_it() -> None:
    run = parse_feff_input(BY_HAND)
    grid = "e_grid -10 10 0.1 k_grid last 16 0.05"
    assert run.cards == {"HOLE": "1 0.9", "EXAFS": "16", "EGRID": grid}
    assert run.absorber == 22
    np.testing.assert_allclose(run.distances, [1.9, 2.0])
    assert run.numbers.tolist() == [8, 8]
    longer = parse_feff_input(BY_HAND.replace("exaf", "RMULT 1.1\nexaf"))
    np.testing.assert_allclose(longer.distances, [2.09, 2.2])


def test_names_that_a_database_would_refuse_are_no_cards() -> None:
    run = parse_feff_input(BY_HAND.replace("HOLE", "$where 1\na.b 2\nHOLE"))
    assert sorted(run.cards) == ["EGRID", "EXAFS", "HOLE"]


def mismatch(text: str, structure: Structure, site: int, element: str) -> str:
    with pytest.raises(ItemFailure) as error:
        check_site(parse_feff_input(text), structure, site, element)
    assert error.value.kind == "site_mismatch"
    assert error.value.hint
    assert "\n" not in error.value.message
    return error.value.message


def test_another_site_is_not_taken_for_this_one(rutile: Structure) -> None:
    text = text_of(MPEXAFSSet, rutile, 0)
    assert mismatch(text, rutile, 2, "Ti") == "site 2 of the structure is O, not Ti"
    assert mismatch(text, rutile, 99, "Ti") == "site 99 of the structure is nothing, not Ti"
    assert mismatch(text, rutile, 2, "O") == "the absorber in feff.inp is Ti, not O"
    # Moved a little, or stretched: the site has other surroundings.
    moved = rutile.copy()
    moved.translate_sites([0], [0.02, 0, 0])
    assert "in the structure" in mismatch(text, moved, 0, "Ti")
    assert mismatch(text, moved, 0, "Ti") != mismatch(text, moved, 1, "Ti")
    stretched = rutile.copy()
    stretched.apply_strain(0.02)
    assert mismatch(text, stretched, 0, "Ti").startswith("O at 1.948 Å from the absorber")
    zirconium = rutile.copy()
    zirconium.replace(1, "Zr")
    assert mismatch(text, zirconium, 0, "Ti").startswith("14 Ti within 5.00 Å")


@pytest.mark.parametrize("radius", [2.0, 2.5, 4.0, 12.0])
def test_lists_may_end_at_any_radius(rutile: Structure, radius: float) -> None:
    text = text_of(MPEXAFSSet, rutile, 1, radius)
    check_site(parse_feff_input(text), rutile, 1, "Ti")
    stretched = rutile.copy()
    stretched.apply_strain(0.03)
    mismatch(text, stretched, 1, "Ti")


def test_an_atom_left_out_is_seen(rutile: Structure) -> None:
    lines = feff_input(rutile, 0, {"RPATH": "4"}).splitlines()
    assert "5 O within" in mismatch("\n".join(lines[:-1][:13] + lines[14:]), rutile, 0, "Ti")


@pytest.mark.parametrize("digits", [2, 3, 5])
def test_coordinates_may_be_rounded_and_lie_anywhere(rutile: Structure, digits: int) -> None:
    lines = feff_input(rutile, 3, {"RPATH": "4"}).splitlines()
    start = lines.index("ATOMS") + 1
    for i in range(start, len(lines) - 1):
        *xyz, potential = lines[i].split()
        x, y, z = (float(word) - 3.3 for word in xyz)
        lines[i] = f"{x:.{digits}f} {y:.{digits}f} {z:.{digits}f} {potential}"
    lines[start:-1] = lines[start:-1][::-1]
    check_site(parse_feff_input("\n".join(lines)), rutile, 3, "O")


@pytest.mark.parametrize(
    ("old", "new", "kind", "message"),
    [
        ("EDGE K", "EDGE L3", "other_spectrum", "it is the L3 edge, not K"),
        ("EDGE K", "HOLE 4 1.0", "other_spectrum", "it is the 4 edge"),
        ("EDGE K", "EDGE K\nELNES 4", "other_spectrum", "ELNES asks for another spectrum"),
        ("EDGE K", "EDGE K\nRIXS", "other_spectrum", "RIXS asks for another spectrum"),
        ("EDGE K", "EDGE K\nCOMPTON", "other_spectrum", "COMPTON asks for another spectrum"),
        ("EDGE K", "EDGE K\nabsolute", "other_spectrum", "ABSOLUTE leaves mu(E) as a cross"),
        ("EDGE K", "EDGE K\nPOLA 1 0 0", "other_spectrum", "POLARIZATION makes the spectrum"),
        ("EDGE K", "EDGE K\nSS 1 1 6 2.0", "other_spectrum", "SS takes paths"),
        ("EDGE K", "EDGE K\nRECIPROCAL\nCIF a.cif", "other_spectrum", "names a crystal instead"),
        ("EDGE K", "CFAV 0 8 0", "other_spectrum", "averages over several sites"),
        ("ATOMS", "TITLE", "site_mismatch", "ATOMS lists 0 atoms, 0 of potential 0"),
        ("POTENTIALS", "TITLE", "site_mismatch", "its atoms cannot be read (KeyError"),
        (" 1\n", " 0\n", "site_mismatch", "7 of potential 0"),
        (" 1\n", "\n", "site_mismatch", "its atoms cannot be read (IndexError"),
        ("0 0 0 0", "0 0 1e 0", "site_mismatch", "its atoms cannot be read (ValueError"),
        ("0 0 0 0", "0 0 1d999 0", "site_mismatch", "its atoms cannot be read (ValueError"),
    ],
)
def test_input_that_is_not_about_one_k_edge_is_refused(
    rutile: Structure, old: str, new: str, kind: str, message: str
) -> None:
    text = feff_input(rutile, 0, {"RPATH": "2.2", "SCF": "1"})
    text = "".join([*text.splitlines(keepends=True)[:17], "END\n"])  # six atoms will do
    assert parse_feff_input(text).absorber == 22
    with pytest.raises(ItemFailure) as error:
        parse_feff_input(text.replace(old, new))
    assert error.value.kind == kind
    assert message in error.value.message


@pytest.mark.parametrize(
    ("card", "kmax", "kind"),
    [
        ("EXAFS 16", 16.0, "EXAFS"),
        ("XANES 4", 4.0, "XANES"),
        ("XANES 12", 12.0, "XANES"),
        ("EXAFS 2.0d1", 20.0, "EXAFS"),
        ("EXAFS", 20.0, "EXAFS"),
        ("", 20.0, "EXAFS"),
    ],
)
def test_cards_tell_the_type_which_is_exafs_otherwise(card: str, kmax: float, kind: str) -> None:
    run = parse_feff_input(BY_HAND.replace("exaf 16", card))
    spectrum = run_spectrum(run, xmu(kmax), None)
    assert spectrum.spectrum_type == kind
    assert (spectrum.program, spectrum.version, spectrum.seconds) == ("FEFF", "9.6.4", 0.0)
    assert spectrum.cards == run.cards
    assert spectrum.e0 == pytest.approx(4966, abs=0.01)
    if kind == "XANES":
        assert len(spectrum.k) == len(spectrum.chi) == 0
    else:
        assert spectrum.k[0] >= 0
        np.testing.assert_allclose(spectrum.chi, 0.1 * np.sin(5 * spectrum.k), atol=1e-3)


def test_e0_of_another_element_is_refused() -> None:
    run = parse_feff_input(BY_HAND)
    copper = xmu(16.0, e0=8979.0)
    with pytest.raises(ItemFailure, match="e0 is 8979 eV, and the K edge of Ti is at 4966 eV"):
        run_spectrum(run, copper, None)


def test_exafs_that_ends_early_is_refused() -> None:
    run = parse_feff_input(BY_HAND)
    run_spectrum(run, xmu(15.5), None)
    with pytest.raises(ItemFailure, match="ends at k = 12"):
        run_spectrum(run, xmu(12.0), None)


@pytest.mark.parametrize("card", ["", "EXAFS", "EXAFS 2d1"])
@pytest.mark.parametrize("kmax", [4.0, 6.0, 7.5, 9.9, 18.0])
def test_exafs_goes_to_20_unless_a_card_says_otherwise(card: str, kmax: float) -> None:
    text = BY_HAND.replace("exaf 16", card).replace("EGRID", "TITLE")
    with pytest.raises(ItemFailure, match=rf"ends at k = {kmax:g}/Å, not at 19/Å") as error:
        run_spectrum(parse_feff_input(text), xmu(kmax), None)
    assert error.value.kind == "feff_incomplete"


def chi(kmax: float) -> str:
    k = np.arange(0, kmax + 0.01, 0.05)
    return "# k chi mag phase @#\n" + "".join(f"{a:.4f} {np.sin(a):.6E} 1 1\n" for a in k)


@pytest.mark.parametrize(("of_xmu", "of_chi"), [(7.5, 20.0), (20.0, 7.5), (16.0, 18.0)])
def test_both_files_end_together(of_xmu: float, of_chi: float) -> None:
    run = parse_feff_input(BY_HAND)
    assert run_spectrum(run, xmu(16.0), chi(16.0)).k[-1] == pytest.approx(16.0)
    with pytest.raises(ItemFailure, match=r"(xmu|chi)\.dat: ends at k = (7.5|16)/Å") as error:
        run_spectrum(run, xmu(of_xmu), chi(of_chi))
    assert error.value.kind == "feff_incomplete"


def test_of_a_grid_of_ones_own_the_end_is_that_of_the_other_file() -> None:
    run = parse_feff_input(BY_HAND.replace("exaf 16", ""))
    assert "EGRID" in run.cards
    assert run_spectrum(run, xmu(14.0), chi(14.0)).spectrum_type == "EXAFS"
    with pytest.raises(ItemFailure, match=r"xmu\.dat: ends at k = 7.5/Å, not at 13/Å"):
        run_spectrum(run, xmu(7.5), chi(14.0))


def test_chi_dat_of_an_earlier_run_does_not_matter_for_xanes() -> None:
    run = parse_feff_input(BY_HAND.replace("exaf 16", "XANES 4"))
    assert run_spectrum(run, xmu(4.0), chi(20.0)).spectrum_type == "XANES"


@pytest.mark.parametrize("card", ["XANES 2.5", "XANES 4", "EXAFS 16"])
@pytest.mark.parametrize("factor", [1e-4, 0.3, 3.0])
def test_mu_that_is_not_normalised_is_refused(card: str, factor: float) -> None:
    run = parse_feff_input(BY_HAND.replace("exaf 16", card))
    text = xmu(float(card.split()[1]))
    assert run_spectrum(run, text, None).mu.any()
    rows = [line.split() for line in text.removeprefix(XMU).splitlines()]
    scaled = [[*row[:3], f"{factor * float(row[3]):.5E}", *row[4:]] for row in rows]
    with pytest.raises(ItemFailure, match=r"the edge step is .*, outside 0.5 to 1.6") as error:
        run_spectrum(run, XMU + "".join(" ".join(row) + "\n" for row in scaled), None)
    assert error.value.kind == "bad_spectrum"


def test_exponents_may_be_those_of_fortran(rutile: Structure) -> None:
    text = text_of(MPEXAFSSet, rutile, 0).replace("ATOMS", "RMULTIPLIER 5.0D-1\nATOMS")
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("ATOMS")) + 1
    for i in range(start, len(lines)):
        words = lines[i].split()
        if len(words) > 4 and words[0][-1].isdigit():
            doubled = (f"{2 * float(word):.6e}".replace("e", "d") for word in words[:3])
            lines[i] = " ".join([*doubled, *words[3:]])
    run = parse_feff_input("\n".join(lines))
    check_site(run, rutile, 0, "Ti")
    np.testing.assert_allclose(run.distances[:2], 1.948, atol=1e-3)
