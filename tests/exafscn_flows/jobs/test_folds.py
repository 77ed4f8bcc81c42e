"""Which sites are held out together, as the evaluation section says."""

from collections.abc import Collection

import numpy as np

from exafscn_flows.config.campaign import Evaluation
from exafscn_flows.errors import ItemFailure
from exafscn_flows.jobs.dataset import Dataset
from exafscn_flows.jobs.folds import Folds, folds_of
from exafscn_flows.store.documents import SiteDoc
from exafscn_flows.targets import CoordinationNumber

ALL = Evaluation(chemical_systems=True)
SYSTEMS = [["Cu", x] for x in ("As", "Br", "Cl", "F", "I", "O", "S", "Se", "Sb", "Te")]


def dataset(n: int = 300, systems: list[list[str]] = SYSTEMS) -> Dataset:
    """Sites of several formulas in each chemical system, e.g. CuO2 and Cu3O2."""
    rng = np.random.default_rng(0)
    sites = []
    for number in range(n):
        elements = systems[rng.integers(len(systems))]
        name = f"m{number:03}"
        sites.append(
            SiteDoc(
                campaign="x",
                hash="",
                site=f"{name}:Cu:0",
                material_id=name,
                absorber="Cu",
                site_index=0,
                multiplicity=1,
                formula=f"{elements[0]}{rng.integers(1, 7)}{elements[1]}2",
                elements=elements,
                n_atoms=2,
                active=True,
            )
        )
    formulas = np.array([site.formula for site in sites])
    y = rng.choice(2, n)
    values = [(4, 6)[one] for one in y]
    target = CoordinationNumber()
    return Dataset(
        target, ("Cu",), "r_space", None, sites, values, [4, 6], y, np.eye(2)[y], formulas, [], ""
    )


def made(evaluation: Evaluation, data: Dataset, splits: Collection[str]) -> Folds | ItemFailure:
    return folds_of(evaluation, {"set": data}, splits)["set"]


def spread_over(folds: np.ndarray, groups: np.ndarray) -> int:
    return max(len(set(folds[groups == group])) for group in set(groups))


def test_whole_chemical_systems_are_held_out_if_asked_for():
    data = dataset()
    assert set(data.systems) == {"-".join(elements) for elements in SYSTEMS}
    assert list(made(Evaluation(), data, Evaluation().splits)) == ["grouped", "random"]
    folds = made(ALL, data, ALL.splits)
    assert list(folds) == ["grouped", "random", "chemical_system"]
    assert spread_over(folds["chemical_system"], data.systems) == 1
    assert spread_over(folds["grouped"], data.groups) == 1
    # So a formula's neighbours in its system are no help, while in the other splits they are.
    assert spread_over(folds["grouped"], data.systems) > 1
    assert spread_over(folds["random"], data.groups) > 1
    for name in ("grouped", "random"):
        np.testing.assert_array_equal(folds[name], made(Evaluation(), data, [name])[name])


def test_too_few_chemical_systems_are_named_as_such():
    data = dataset(systems=SYSTEMS[:3])
    failure = made(ALL, data, ALL.splits)
    assert failure.kind == "too_few_sites"
    assert "3 chemical systems cannot fill 5 folds" in failure.message
    assert set(made(ALL, data, ["grouped"])["grouped"]) == set(range(5))


def test_data_sets_fail_for_themselves():
    found = folds_of(ALL, {"few": dataset(systems=SYSTEMS[:3]), "many": dataset()}, ALL.splits)
    assert isinstance(found["few"], ItemFailure)
    assert list(found["many"]) == ["grouped", "random", "chemical_system"]
