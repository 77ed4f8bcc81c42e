"""What all targets have in common."""

import numpy as np
import pytest
from crystals import spinel
from pydantic import TypeAdapter, ValidationError
from pymatgen.core import Lattice, Structure

from exafscn_flows.crystal import absorbing_sites, reduce_structure
from exafscn_flows.errors import ItemFailure
from exafscn_flows.targets import TARGETS, Environment, Target, TargetModel
from exafscn_flows.targets.surroundings import Surroundings

SPINEL = spinel(8.084, 0.2631, "Co", "Co")
# Monoclinic, with V off the centre of its octahedron; Longo and Kierkegaard, Acta Chem. Scand. 24
# (1970) 420.
VO2 = Structure.from_spacegroup(
    "P2_1/c",
    Lattice.monoclinic(5.7517, 4.5378, 5.3825, 122.646),
    ["V", "O", "O"],
    [[0.23947, 0.97894, 0.02646], [0.10616, 0.21185, 0.20859], [0.40051, 0.70258, 0.29884]],
)
# Enjalbert and Galy, Acta Cryst. C42 (1986) 1467.
V2O5 = Structure.from_spacegroup(
    "Pmmn:2",
    Lattice.orthorhombic(11.512, 3.564, 4.368),
    ["V", "O", "O", "O"],
    [[0.1012, 0.25, 0.8917], [0.1043, 0.25, 0.531], [-0.0689, 0.25, 0.003], [0.25, 0.25, 0.001]],
)
OF_STRUCTURES = [one for one in TARGETS if issubclass(one, TargetModel)]
KINDS = [*OF_STRUCTURES, lambda: Environment(geometry="reduced")]


def labels(structure: Structure, absorber: str) -> list[str]:
    """Labels by all targets of all inequivalent sites, with the share of each."""
    reduced = reduce_structure(structure, 0.01)
    surroundings = Surroundings(reduced.structure)
    found = []
    for site in absorbing_sites(reduced, absorber):
        share = site.multiplicity / len(reduced.structure)
        for make in KINDS:
            try:
                label = str(make().label_site(surroundings, site.site_index))
            except ItemFailure as failure:
                label = failure.kind
            found.append(f"{share:.4f} {label}")
    return sorted(found)


@pytest.mark.parametrize(
    ("structure", "absorber"),
    [
        pytest.param(SPINEL, "Co", id="Co3O4"),
        pytest.param(VO2, "V", id="VO2"),
        pytest.param(V2O5, "V", id="V2O5"),
    ],
)
def test_labels_are_of_the_crystal_and_not_of_its_cell(structure, absorber):
    rng = np.random.default_rng(0)
    shuffled = Structure.from_sites([structure[i] for i in rng.permutation(len(structure))])
    shuffled.translate_sites(range(len(shuffled)), [0.1, 0.2, 0.3])
    turned = structure.copy()
    turned.make_supercell([[1, 1, 0], [0, 1, 0], [0, 0, 1]])
    expected = labels(structure, absorber)
    assert expected == labels(structure, absorber)
    assert expected == labels(structure * (1, 2, 1), absorber)
    assert expected == labels(shuffled, absorber)
    assert expected == labels(turned, absorber)


@pytest.mark.parametrize("target", OF_STRUCTURES, ids=lambda target: target.__name__)
def test_a_label_is_what_its_task_says(target):
    surroundings = Surroundings(VO2)
    label = target().label_site(surroundings, 0)
    if target.task == "numbers":
        assert (type(label.value), type(label.spread)) == (float, float)
        assert label.weights is None
        return
    assert type(label.value) in (int, str)
    assert label.spread is None
    assert {type(weight) for weight in label.weights.values()} == {float}
    assert sum(label.weights.values()) == pytest.approx(1, abs=1e-9)
    assert max(label.weights, key=lambda name: label.weights[name]) == str(label.value)


def test_a_kind_alone_is_a_target():
    adapter = TypeAdapter(Target)
    for target in OF_STRUCTURES:
        kind = target.model_fields["kind"].default
        assert adapter.validate_python(kind) == target()
        assert target().name == kind
    with pytest.raises(ValidationError, match="valence"):
        adapter.validate_python("valence")
