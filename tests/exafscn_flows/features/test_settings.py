import json
import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from exafscn_flows.features import FeatureSettings, RSpace


def test_default_sets_are_the_published_route_and_the_chi_of_feff() -> None:
    sets = FeatureSettings().sets
    assert [(s.name, s.input) for s in sets] == [("r_space", "mu"), ("r_space_chi", "chi")]


def test_default_axis_has_the_326_points_of_the_source_study() -> None:
    settings = FeatureSettings()
    r, label = settings.sets[0].axis(settings)
    assert label == "R (Å)"
    assert len(r) == 326
    assert r[0] == 0
    np.testing.assert_allclose(np.diff(r), np.pi / (0.05 * 2048))
    assert r[1] == pytest.approx(0.03068, abs=5e-6)


def test_settings_are_read_from_plain_dictionaries() -> None:
    settings = FeatureSettings.model_validate(
        {
            "xftf": {"kmax": 14, "window": "hanning"},
            "sets": [{"kind": "r_space", "input": "chi"}, {"kind": "r_space", "name": "mine"}],
        }
    )
    assert settings.xftf.kmax == 14.0
    assert [s.name for s in settings.sets] == ["r_space_chi", "mine"]


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ({"xftf": {"kmin": 12.0, "kmax": 3.0}}, "kmin (12) must be less than kmax (3)"),
        ({"xftf": {"kmax": 25.0}}, "less than or equal to 20"),
        ({"xftf": {"dk": 0.0}}, "greater than 0"),
        ({"xftf": {"window": "hamming"}}, "'kaiser', 'hanning'"),
        ({"xftf": {"kweight": 2.5}}, "valid integer"),
        ({"xftf": {"nfft": 2000}}, "power of two"),
        ({"xftf": {"nfft": -2048}}, "power of two"),
        ({"xftf": {"nfft": 512}}, "nfft x kstep is 25.6"),
        ({"xftf": {"rmax_out": 40.0}}, "rmax_out (40 Å) is beyond"),
        ({"xftf": {"rmax_out": float("nan")}}, "finite number"),
        ({"xftf": {"kwieght": 2}}, "Extra inputs"),
        ({"autobk": {"rbkg": -1.0}}, "greater than 0"),
        ({"autobk": {"kmin": 5.0, "kmax": 4.0}}, "kmin (5) must be less than kmax (4)"),
        ({"autobk": {"kmax": 10.0}}, "autobk.kmax (10) must not be less than xftf.kmax (12)"),
        ({"sets": []}, "at least 1 item"),
        ({"sets": [{"kind": "r_space"}] * 2}, "two feature sets are named 'r_space'"),
        ({"sets": [{"kind": "r_space", "name": "R space/1"}]}, "should match pattern"),
        ({"sets": [{"kind": "wavlet"}]}, "'wavelet'"),
        ({"sets": [{"input": "chi"}]}, "'kind'"),
        ({"sets": [{"kind": "r_space", "input": "q"}]}, "'mu' or 'chi'"),
    ],
)
def test_wrong_settings_are_refused_with_the_reason(raw: dict, complaint: str) -> None:
    with pytest.raises(ValidationError) as error:
        FeatureSettings.model_validate(raw)
    assert complaint in str(error.value)


def test_parameters_change_with_what_the_vector_depends_on_and_with_nothing_else() -> None:
    plain = FeatureSettings()
    other_autobk = FeatureSettings.model_validate({"autobk": {"rbkg": 1.2}})
    other_xftf = FeatureSettings.model_validate({"xftf": {"kmax": 13.0}})
    mu, chi = RSpace(input="mu"), RSpace(input="chi")
    assert mu.parameters(plain) != mu.parameters(other_autobk)
    assert chi.parameters(plain) == chi.parameters(other_autobk)
    assert mu.parameters(plain) != mu.parameters(other_xftf)
    assert chi.parameters(plain) != chi.parameters(other_xftf)
    assert mu.parameters(plain) != chi.parameters(plain)
    assert RSpace(name="other").parameters(plain) == mu.parameters(plain)
    for feature_set in (mu, chi):
        assert isinstance(feature_set.parameters(plain)["version"], int)
        json.dumps(feature_set.parameters(plain))


def test_settings_import_neither_larch_nor_sklearn() -> None:
    code = (
        "import sys, exafscn_flows.features, exafscn_flows.models\n"
        "print([m for m in ('larch', 'sklearn', 'skops', 'scipy') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
