"""What is computed again, and what is not, when settings or crystals change."""

import dataclasses
from typing import Any

import pytest

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.store.documents import SiteDoc
from exafscn_flows.store.wanted import Wanted, wanted_hashes

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


def changed(other: Wanted, first: Wanted | None = None) -> set[str]:
    """Names of what is another one than with default settings, or than before."""
    before, after = (dataclasses.asdict(one) for one in (first or wanted(), other))
    return {
        name
        for stage, hashes in before.items()
        for name, hash_ in hashes.items()
        if after[stage].get(name) != hash_
    }


EVERYTHING = {"coordination_number", "exafs", "r_space", "r_space_chi"}


def test_another_crystal_makes_everything_anew():
    other = SITE.model_copy(update={"hash": "1"})
    assert changed(wanted(other)) == EVERYTHING
    assert changed(wanted(SITE.model_copy(update={"n_atoms": 4}))) == set()


SHORT = {"kind": "feff", "name": "short", "cards": {"RPATH": 4}}
TWO = {
    "spectra": [{"kind": "feff"}, SHORT],
    "features": {
        "sets": [
            {"kind": "r_space"},
            {"kind": "k_space", "spectrum": "short"},
            {
                "kind": "concatenation",
                "name": "both",
                "parts": [{"kind": "r_space"}, {"kind": "r_space", "spectrum": "short"}],
            },
        ]
    },
}


def test_only_what_is_made_from_a_spectrum_depends_on_it():
    before = wanted(**TWO)
    other = TWO | {"spectra": [{"kind": "feff"}, SHORT | {"cards": {"RPATH": 5}}]}
    assert changed(wanted(**other), before) == {"short", "k_space", "both"}
    first = TWO | {"spectra": [{"kind": "feff", "cards": {"RPATH": 5}}, SHORT]}
    assert changed(wanted(**first), before) == {"exafs", "r_space", "both"}
    # Which is which counts, too.
    swapped = {
        "kind": "concatenation",
        "name": "both",
        "parts": [{"kind": "r_space", "spectrum": "short"}, {"kind": "r_space"}],
    }
    sets = [*TWO["features"]["sets"][:2], swapped]
    assert changed(wanted(**TWO | {"features": {"sets": sets}}), before) == {"both"}


def test_a_name_is_no_input():
    renamed = wanted(spectra={"kind": "feff", "name": "ours"})
    assert renamed.spectra == {"ours": wanted().spectra["exafs"]}
    assert renamed.features == wanted().features


def test_only_a_stored_spectrum_depends_on_what_the_source_stores():
    table = {"kind": "table", "path": "x.parquet"}
    settings = {"sources": [table], "spectra": [{"kind": "stored"}, SHORT]}
    one, other = (
        wanted(SITE.model_copy(update={"stored": hash_}), **settings) for hash_ in ("1", "2")
    )
    assert changed(other, one) == {"stored", "r_space", "r_space_chi"}


@pytest.mark.parametrize(
    ("changes", "anew"),
    [
        (
            {"targets": [{"kind": "coordination_number", "rivals": ["voronoi_nn"]}]},
            ["coordination_number"],
        ),
        (
            {"spectra": {"kind": "feff", "cards": {"RPATH": 5}}},
            ["exafs", "r_space", "r_space_chi"],
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
