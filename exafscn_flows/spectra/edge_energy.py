"""Whether an E0 can be that of an element's K edge."""

from exafscn_flows.spectra.edge_table import edge_energy

EDGE_ROOM = 20.0
EDGE_SHARE = 0.01
"""How far E0 may be from the tabulated edge: eV, and a share of the energy.

E0 of 18,600 sites of Ti to Zn, by FEFF 8.5L, is 2 to 15 eV above it; measurements differ by some eV
from compound to compound, and calculations of heavy atoms by more. Neighbouring elements are 2.6 %
apart at least, beyond the lightest.
"""


def e0_fault(element: str, e0: float) -> str:
    """Say what is wrong with an E0, or nothing.

    Parameters
    ----------
    element
        Symbol of the absorber.
    e0
        Energy where k = 0, eV.

    Returns
    -------
    str
        Empty also if no K edge of the element is tabulated.
    """
    edge = edge_energy(element, "K")
    if edge is None or abs(e0 - edge) <= EDGE_ROOM + EDGE_SHARE * edge:
        return ""
    return f"e0 is {e0:.5g} eV, and the K edge of {element} is at {edge:.5g} eV"
