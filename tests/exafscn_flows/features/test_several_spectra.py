"""Feature sets of sites that have more than one spectrum."""

import numpy as np
import pytest

from exafscn_flows.features import FeatureSettings, Inputs
from exafscn_flows.spectra.parts import EVERYTHING, NEAR_EDGE
from exafscn_flows.strict import LocatedError

OFFERS = {"xanes": NEAR_EDGE, "exafs": EVERYTHING, "far": EVERYTHING}


def made_of(raw: dict) -> tuple:
    (fset,) = FeatureSettings.model_validate({"sets": [raw]}).sets
    return fset.resolved(OFFERS).spectra


def test_a_set_takes_the_first_spectrum_that_holds_what_it_needs():
    assert made_of({"kind": "r_space"}) == ("exafs",)
    assert made_of({"kind": "xanes"}) == ("xanes",)
    assert made_of({"kind": "xanes", "spectrum": "exafs"}) == ("exafs",)
    parts = [{"kind": "xanes"}, {"kind": "r_space"}, {"kind": "k_space", "spectrum": "far"}]
    assert made_of({"kind": "concatenation", "parts": parts}) == ("xanes", "exafs", "far")


@pytest.mark.parametrize(
    ("raw", "at", "words"),
    [
        ({"spectrum": "x"}, ("spectrum",), "spectrum 'x' is not computed: there are xanes, exafs"),
        (
            {"spectrum": "xanes"},
            (),
            "r_space is made from EXAFS in mu(E), but xanes holds the near",
        ),
    ],
)
def test_a_spectrum_that_is_not_there_or_holds_something_else(raw, at, words):
    (fset,) = FeatureSettings.model_validate({"sets": [{"kind": "r_space", **raw}]}).sets
    with pytest.raises(LocatedError) as error:
        fset.resolved(OFFERS)
    assert error.value.at == at
    assert words in str(error.value)
    parts = [{"kind": "xanes"}, {"kind": "r_space", **raw}]
    config = FeatureSettings.model_validate({"sets": [{"kind": "concatenation", "parts": parts}]})
    with pytest.raises(LocatedError) as error:
        config.sets[0].resolved(OFFERS)
    assert error.value.at == ("parts", 1, *at)
    assert words in str(error.value)


def test_each_part_is_made_from_its_own_spectrum(read):
    parts = [
        {"kind": "k_space", "input": "chi", "spectrum": "far"},
        {"kind": "k_space", "input": "chi", "spectrum": "exafs"},
    ]
    sets = [{"kind": "concatenation", "name": "both", "parts": parts}]
    sets += [{**part, "name": part["spectrum"]} for part in parts]
    config = FeatureSettings.model_validate({"sets": sets})
    inputs = Inputs({"exafs": read("nio"), "far": read("fcc_cu")})
    both, far, exafs = (fset.vector(inputs, config) for fset in config.sets)
    np.testing.assert_array_equal(both, np.concatenate([far, exafs]))
    assert (far != exafs).any()


def test_which_spectrum_it_is_changes_no_parameter():
    config = FeatureSettings.model_validate(
        {"sets": [{"kind": "r_space"}, {"kind": "r_space", "name": "b", "spectrum": "far"}]}
    )
    one, other = (fset.parameters(config) for fset in config.sets)
    assert one == other
