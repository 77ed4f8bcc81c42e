"""What is computed again, and what is not, when settings or crystals change."""

import dataclasses
from typing import Any

import pytest

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.jobs.states import Wanted, wanted_hashes
from exafscn_flows.store.documents import SiteDoc

SITE = SiteDoc(
    campaign="test",
    hash="0",
    site="NiO:Ni:0",
    material_id="NiO",
    absorber="Ni",
    site_index=0,
    multiplicity=1,
    averaged=False,
    formula="NiO",
    elements=["Ni", "O"],
    n_atoms=2,
    active=True,
)


def wanted(site: SiteDoc = SITE, **changes: Any) -> Wanted:
    settings = {"campaign": "test", "absorbers": ["Ni"], "sources": [{"kind": "amcsd"}]}
    return wanted_hashes(CampaignConfig.model_validate(settings | changes), site)


def changed(other: Wanted) -> set[str]:
    """Names of what is another one than with default settings."""
    before, after = (dataclasses.asdict(one) for one in (wanted(), other))
    for hashes in (before, after):
        hashes |= hashes.pop("features")
    return {name for name, hash_ in before.items() if after[name] != hash_}


def test_another_crystal_makes_everything_anew():
    other = SITE.model_copy(update={"hash": "1"})
    assert changed(wanted(other)) == {"label", "spectrum", "r_space", "r_space_chi"}
    assert changed(wanted(SITE.model_copy(update={"n_atoms": 4}))) == set()


@pytest.mark.parametrize(
    ("changes", "anew"),
    [
        ({"labels": {"rivals": ["voronoi_nn"]}}, ["label"]),
        (
            {"spectra": {"kind": "feff", "cards": {"RPATH": 5}}},
            ["spectrum", "r_space", "r_space_chi"],
        ),
        ({"spectra": {"kind": "feff", "time_limit": 5}}, []),
        ({"features": {"xftf": {"kmax": 11.0}}}, ["r_space", "r_space_chi"]),
        ({"features": {"autobk": {"rbkg": 1.2}}}, ["r_space"]),
        ({"models": [], "evaluation": {"seed": 1}}, []),
    ],
    ids=str,
)
def test_other_settings_make_what_depends_on_them_anew(changes: dict[str, Any], anew: list[str]):
    assert changed(wanted(**changes)) == {*anew}
