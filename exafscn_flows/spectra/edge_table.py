"""Where the K and L edges of the elements are, eV.

The energies are those of xraydb (Elam, Ravel and Sieber, Radiat. Phys. Chem. 63, 121 (2002)), which
takes most of a second to import.
"""

from dataclasses import dataclass
from functools import cache

_NAMES = ("K", "L3", "L2", "L1")

# Energies of K, L3, L2 and L1; L edges from 0.1 keV on.
_TABLE = """
H 13.6, He 24.6, Li 54.7, Be 111.5, B 188, C 284.2, N 409.9, O 543.1, F 696.7, Ne 870.2,
Na 1070.8, Mg 1303, Al 1559, Si 1839, P 2145.5/135/136/189, S 2472/162.5/163.6/230.9,
Cl 2822/200/202/270, Ar 3205.9/248.4/250.6/326.3, K 3608.4/294.6/297.3/378.6,
Ca 4038.5/346.2/349.7/438.4, Sc 4492/398.7/403.6/498, Ti 4966/453.8/460.2/560.9,
V 5465/512.1/519.8/626.7, Cr 5989/574.1/583.8/696, Mn 6539/638.7/649.9/769.1,
Fe 7112/706.8/719.9/844.6, Co 7709/778.1/793.2/925.1, Ni 8333/852.7/870/1008.6,
Cu 8979/932.7/952.3/1096.7, Zn 9659/1021.8/1044.9/1196.2, Ga 10367/1116.4/1143.2/1299,
Ge 11103/1217/1248.1/1414.6, As 11867/1323.6/1359.1/1527, Se 12658/1433.9/1474.3/1652,
Br 13474/1550/1596/1782, Kr 14326/1678.4/1730.9/1921, Rb 15200/1804/1864/2065,
Sr 16105/1940/2007/2216, Y 17038/2080/2156/2373, Zr 17998/2223/2307/2532,
Nb 18986/2371/2465/2698, Mo 20000/2520/2625/2866, Tc 21044/2677/2793/3043,
Ru 22117/2838/2967/3224, Rh 23220/3004/3146/3412, Pd 24350/3173/3330/3604,
Ag 25514/3351/3524/3806, Cd 26711/3538/3727/4018, In 27940/3730/3938/4238,
Sn 29200/3929/4156/4465, Sb 30491/4132/4380/4698, Te 31814/4341/4612/4939,
I 33169/4557/4852/5188, Xe 34561/4786/5107/5453, Cs 35985/5012/5359/5714,
Ba 37441/5247/5624/5989, La 38925/5483/5891/6266, Ce 40443/5723/6164/6548,
Pr 41991/5964/6440/6835, Nd 43569/6208/6722/7126, Pm 45184/6459/7013/7428,
Sm 46834/6716/7312/7737, Eu 48519/6977/7617/8052, Gd 50239/7243/7930/8376,
Tb 51996/7514/8252/8708, Dy 53789/7790/8581/9046, Ho 55618/8071/8918/9394,
Er 57486/8358/9264/9751, Tm 59390/8648/9617/10116, Yb 61332/8944/9978/10486,
Lu 63314/9244/10349/10870, Hf 65351/9561/10739/11271, Ta 67416/9881/11136/11682,
W 69525/10207/11544/12100, Re 71676/10535/11959/12527, Os 73871/10871/12385/12968,
Ir 76111/11215/12824/13419, Pt 78395/11564/13273/13880, Au 80725/11919/13734/14353,
Hg 83102/12284/14209/14839, Tl 85530/12658/14698/15347, Pb 88005/13035/15200/15861,
Bi 90526/13419/15711/16388, Po 93105/13814/16244/16939, At 95730/14214/16785/17493,
Rn 98404/14619/17337/18049, Fr 101137/15031/17907/18639, Ra 103922/15444/18484/19237,
Ac 106755/15871/19083/19840, Th 109651/16300/19693/20472, Pa 112601/16733/20314/21105,
U 115606/17166/20948/21757, Np 118669/17610/21600/22427, Pu 121791/18057/22266/23104,
Am 124982/18510/22952/23808, Cm 128241/18970/23651/24526, Bk 131556/19435/24371/25256,
Cf 134939/19907/25108/26010
"""


@dataclass(frozen=True)
class Edge:
    """A tabulated edge.

    Attributes
    ----------
    element
        Symbol.
    name
        ``K``, ``L3``, ``L2`` or ``L1``.
    energy
        In eV.
    """

    element: str
    name: str
    energy: float

    def __str__(self) -> str:
        return f"the {self.name} edge of {self.element} ({self.energy:.5g} eV)"


@cache
def edges() -> tuple[Edge, ...]:
    """Return all tabulated edges: K from H to Cf, and L edges from 0.1 keV on."""
    found = []
    for cell in _TABLE.replace("\n", " ").split(","):
        element, energies = cell.split()
        pairs = zip(_NAMES, energies.split("/"), strict=False)
        found += [Edge(element, name, float(energy)) for name, energy in pairs]
    return tuple(found)


def edge_energy(element: str, name: str) -> float | None:
    """Return the tabulated energy of an edge, eV.

    Parameters
    ----------
    element
        Symbol.
    name
        Such as "K" or "L3".

    Returns
    -------
    float or None
        None if the edge is not tabulated here.
    """
    return _energies().get((element, name))


@cache
def _energies() -> dict[tuple[str, str], float]:
    return {(edge.element, edge.name): edge.energy for edge in edges()}
