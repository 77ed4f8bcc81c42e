import pytest
import xraydb

from exafscn_flows.spectra.edge_table import edge_energy, edges


def test_the_table_is_that_of_xraydb() -> None:
    for edge in edges():
        assert edge.energy == xraydb.xray_edge(edge.element, edge.name).energy, edge
    names = {(edge.element, edge.name) for edge in edges()}
    assert len(names) == len(edges())
    for symbol in ("H", "Fe", "Cf"):
        assert (symbol, "K") in names
    assert {("Pb", name) for name in ("K", "L3", "L2", "L1")} <= names
    assert ("Fe", "L3") in names
    assert ("Mg", "L3") not in names, "below 0.1 keV"


@pytest.mark.parametrize(("element", "energy"), [("Fe", 7112.0), ("H", 13.6), ("Es", None)])
def test_k_edges(element: str, energy: float | None) -> None:
    assert edge_energy(element, "K") == energy
