"""Minerals and compounds whose sites the literature knows.

Structures are those of the American Mineralogist database, by their number there, with the
reference that it gives; their mean bond lengths follow from the published coordinates. What
CrystalNN, or bonds and formula alone, see otherwise than textbooks is said in the case.
"""

from contextlib import suppress
from typing import NamedTuple

import pytest
from crystals import cesium_chloride
from pymatgen.core import Structure

from exafscn_flows.crystal import absorbing_sites, reduce_structure
from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources import AmcsdSource
from exafscn_flows.targets import BondLength, CoordinationNumber, Environment, OxidationState
from exafscn_flows.targets.surroundings import Surroundings

METALS = {"Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn"}
NONE = None
"""No oxidation state that is sure."""


class Site(NamedTuple):
    element: str
    cn: int
    environment: str
    oxidation_state: int | None
    bond_length: float


Known = list[Site]

# Name, number in the database, reference, sites.
MINERALS: list[tuple[str, int, str, Known]] = [
    ("bunsenite NiO", 11371, "Wyckoff 1963", [Site("Ni", 6, "octahedron", 2, 2.084)]),
    ("manganosite MnO", 7528, "Pacalo 1991", [Site("Mn", 6, "octahedron", 2, 2.222)]),
    ("wustite FeO", 11314, "Wyckoff 1963", [Site("Fe", 6, "octahedron", 2, 2.155)]),
    ("CoO", 11296, "Wyckoff 1963", [Site("Co", 6, "octahedron", 2, 2.133)]),
    (
        "franklinite ZnFe2O4, a normal spinel",
        8475,
        "Levy 2000",
        [Site("Fe", 6, "octahedron", 3, 2.026), Site("Zn", 4, "tetrahedron", 2, 1.981)],
    ),
    (
        "Co3O4",
        7469,
        "Liu 1990",
        [Site("Co", 4, "tetrahedron", 2, 1.928), Site("Co", 6, "octahedron", 3, 1.923)],
    ),
    (
        "hausmannite Mn3O4",
        2024,
        "Baron 1998",
        [Site("Mn", 4, "tetrahedron", 2, 2.044), Site("Mn", 6, "octahedron", 3, 2.049)],
    ),
    # An inverse spinel: 3+ in tetrahedra, 2.5+ in octahedra. The sums in the ICSD for Fe2+ scatter
    # too much to tell it from a normal one.
    (
        "magnetite Fe3O4",
        945,
        "Wechsler 1984",
        [Site("Fe", 4, "tetrahedron", NONE, 1.886), Site("Fe", 6, "octahedron", NONE, 2.060)],
    ),
    (
        "chromite FeCr2O4",
        8918,
        "Lenaz 2004",
        [Site("Cr", 6, "octahedron", 3, 1.994), Site("Fe", 4, "tetrahedron", 2, 1.997)],
    ),
    (
        "zincochromite ZnCr2O4",
        7765,
        "O'Neill 1994",
        [Site("Cr", 6, "octahedron", 3, 1.994), Site("Zn", 4, "tetrahedron", 2, 1.963)],
    ),
    ("tausonite SrTiO3", 2895, "Yamanaka 2002", [Site("Ti", 6, "octahedron", 4, 1.952)]),
    ("perovskite CaTiO3", 2890, "Yamanaka 2002", [Site("Ti", 6, "octahedron", 4, 1.953)]),
    ("rutile TiO2", 9161, "Baur 1956", [Site("Ti", 6, "octahedron", 4, 1.959)]),
    ("anatase TiO2", 10735, "Horn 1972", [Site("Ti", 6, "octahedron", 4, 1.949)]),
    ("fresnoite Ba2TiSi2O8", 10704, "Moore 1969", [Site("Ti", 5, "square_pyramid", 4, 1.928)]),
    ("benitoite BaTiSi3O9", 10684, "Fisher 1969", [Site("Ti", 6, "octahedron", 4, 1.942)]),
    (
        "ilmenite FeTiO3",
        925,
        "Wechsler 1984",
        [Site("Fe", 6, "octahedron", 2, 2.140), Site("Ti", 6, "octahedron", 4, 1.982)],
    ),
    ("vanadinite Pb5(VO4)3Cl", 5225, "Dai 1989", [Site("V", 4, "tetrahedron", 5, 1.702)]),
    ("shcherbinaite V2O5", 13890, "Shklover 1996", [Site("V", 5, "square_pyramid", 5, 1.832)]),
    ("VO2, rutile type", 11768, "Wyckoff 1963", [Site("V", 6, "octahedron", 4, 1.931)]),
    ("karelianite V2O3", 10595, "Newnham 1962", [Site("V", 6, "octahedron", 3, 2.013)]),
    ("crocoite PbCrO4", 9297, "Quareni 1965", [Site("Cr", 4, "tetrahedron", 6, 1.652)]),
    ("tarapacaite K2CrO4", 9457, "McGinnety 1972", [Site("Cr", 4, "tetrahedron", 6, 1.643)]),
    ("eskolaite Cr2O3", 10596, "Newnham 1962", [Site("Cr", 6, "octahedron", 3, 1.990)]),
    ("guyanaite CrOOH", 13339, "Christensen 1976", [Site("Cr", 6, "octahedron", 3, 2.010)]),
    ("pyrolusite MnO2", 11760, "Wyckoff 1963", [Site("Mn", 6, "octahedron", 4, 1.887)]),
    ("ramsdellite MnO2", 3565, "Post 2004", [Site("Mn", 6, "octahedron", 4, 1.899)]),
    ("rhodochrosite MnCO3", 100, "Graf 1961", [Site("Mn", 6, "octahedron", 2, 2.196)]),
    ("hematite Fe2O3", 17806, "Maslen 1994", [Site("Fe", 6, "octahedron", 3, 2.029)]),
    ("goethite FeOOH", 2226, "Gualtieri 1999", [Site("Fe", 6, "octahedron", 3, 2.013)]),
    # The same mineral without its H: nothing says that, but Fe4+ would have shorter bonds.
    ("goethite without H", 3165, "Nagai 2003", [Site("Fe", 6, "octahedron", NONE, 2.032)]),
    ("siderite FeCO3", 101, "Graf 1961", [Site("Fe", 6, "octahedron", 2, 2.143)]),
    # Textbooks call the eight O of garnets a distorted cube, or a dodecahedron with triangular
    # faces; both fit about as well.
    ("almandine Fe3Al2(SiO4)3", 1464, "Armbruster 1992", [Site("Fe", 8, "cube", 2, 2.292)]),
    ("gillespite BaFeSi4O10", 429, "Hazen 1974", [Site("Fe", 4, "square_plane", 2, 1.996)]),
    # Fe2+ and S2 with two charges.
    ("pyrite FeS2", 12728, "Rieder 2007", [Site("Fe", 6, "octahedron", 2, 2.263)]),
    ("cattierite CoS2", 9852, "Nowack 1991", [Site("Co", 6, "octahedron", 2, 2.325)]),
    ("spherocobaltite CoCO3", 104, "Graf 1961", [Site("Co", 6, "octahedron", 2, 2.109)]),
    ("heterogenite CoOOH", 12991, "Delaplane 1969", [Site("Co", 6, "octahedron", 3, 1.897)]),
    ("gaspeite NiCO3", 105, "Graf 1961", [Site("Ni", 6, "octahedron", 2, 2.072)]),
    ("millerite NiS", 5097, "Grice 1974", [Site("Ni", 5, "square_pyramid", 2, 2.306)]),
    # As shares its electrons with Ni.
    ("nickeline NiAs", 11580, "Wyckoff 1963", [Site("Ni", 6, "octahedron", NONE, 2.428)]),
    ("tenorite CuO", 18812, "Asbrink 1970", [Site("Cu", 4, "square_plane", 2, 1.956)]),
    ("cuprite Cu2O", 9326, "Kirfel 1990", [Site("Cu", 2, "linear", 1, 1.848)]),
    (
        "azurite Cu3(CO3)2(OH)2",
        8598,
        "Belokoneva 2001",
        [Site("Cu", 4, "square_plane", 2, 1.942), Site("Cu", 5, "square_pyramid", 2, 2.040)],
    ),
    (
        "cuprorivaite CaCuSi4O10",
        13768,
        "Chakoumakos 1993",
        [Site("Cu", 4, "square_plane", 2, 1.929)],
    ),
    (
        "libethenite Cu2PO4(OH)",
        5154,
        "Cordsen 1978",
        [Site("Cu", 5, "trigonal_bipyramid", 2, 2.003), Site("Cu", 6, "octahedron", 2, 2.112)],
    ),
    # Cu+ and Fe3+ are what most say, but some measure Cu2+ and Fe2+; bonds leave it open, too.
    (
        "chalcopyrite CuFeS2",
        9476,
        "Hall 1973",
        [Site("Cu", 4, "tetrahedron", NONE, 2.302), Site("Fe", 4, "tetrahedron", NONE, 2.257)],
    ),
    # Nobody agrees on charges of Cu and S in it.
    (
        "covellite CuS",
        534,
        "Evans 1976",
        [Site("Cu", 3, "trigonal_plane", NONE, 2.190), Site("Cu", 4, "tetrahedron", NONE, 2.312)],
    ),
    ("zincite ZnO", 5203, "Kihara 1985", [Site("Zn", 4, "tetrahedron", 2, 1.978)]),
    ("sphalerite ZnS", 110, "Skinner 1961", [Site("Zn", 4, "tetrahedron", 2, 2.342)]),
    (
        "willemite Zn2SiO4",
        9645,
        "Klaska 1978",
        [Site("Zn", 4, "tetrahedron", 2, 1.950), Site("Zn", 4, "tetrahedron", 2, 1.961)],
    ),
    ("smithsonite ZnCO3", 102, "Graf 1961", [Site("Zn", 6, "octahedron", 2, 2.111)]),
    ("copper", 11145, "Wyckoff 1963", [Site("Cu", 12, "cuboctahedron", 0, 2.556)]),
    # 6 more atoms are 15 % farther; CrystalNN counts them in part.
    ("iron", 670, "Wilburn 1978", [Site("Fe", 8, "cube", 0, 2.482)]),
    ("zinc", 11200, "Wyckoff 1963", [Site("Zn", 12, "anticuboctahedron", 0, 2.789)]),
]


def labels(structure: Structure) -> Known:
    reduced = reduce_structure(structure, 0.01)
    surroundings = Surroundings(reduced.structure)
    found = []
    for element in sorted(METALS & set(reduced.elements)):
        for site in absorbing_sites(reduced, element):
            where = surroundings, site.site_index
            state = None
            with suppress(ItemFailure):
                state = OxidationState().label_site(*where).value
            cn = CoordinationNumber().label_site(*where).value
            environment = Environment().label_site(*where).value
            length = BondLength().label_site(*where).value
            found.append(Site(element, cn, environment, state, length))
    return sorted(found, key=lambda one: (one.element, one.cn, one.bond_length))


@pytest.fixture(scope="module")
def amcsd() -> AmcsdSource:
    return AmcsdSource(kind="amcsd")


def test_all_metals_are_among_them():
    assert {site.element for *_, sites in MINERALS for site in sites} == METALS


@pytest.mark.parametrize(
    ("number", "reference", "sites"),
    [pytest.param(*rest, id=name) for name, *rest in MINERALS],
)
def test_sites_are_those_of_the_literature(amcsd, number, reference, sites):
    name, year = reference.split()
    material = f"amcsd-{number}"
    cited = amcsd.provenance(material)["reference"]
    assert cited.startswith(name)
    assert f"({year})" in cited
    found = labels(amcsd.load(material))
    assert [site[:4] for site in found] == [site[:4] for site in sites]
    for site, known in zip(found, sites, strict=True):
        assert site.bond_length == pytest.approx(known.bond_length, abs=0.05)


def test_alloys_have_no_oxidation_states():
    assert {site.oxidation_state for site in labels(cesium_chloride("Cu", "Zn", 2.95))} == {None}
