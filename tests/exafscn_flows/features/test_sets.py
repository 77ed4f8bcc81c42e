"""What all feature sets have in common."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import FeatureSettings, Inputs, transformed
from exafscn_flows.spectra.base import Spectrum

KINDS = ("r_space", "r_space_complex", "k_space", "q_space", "wavelet", "peaks")
SOURCES: dict[str, dict[str, str]] = {
    "": {},
    "_as_published": {"route": "as_published"},
    "_chi": {"input": "chi"},
}
PARTS = [{"kind": "r_space"}, {"kind": "peaks", "input": "chi"}]
SETS: list[dict[str, Any]] = [
    *({"kind": kind, **source} for kind in KINDS for source in SOURCES.values()),
    {"kind": "concatenation", "parts": PARTS},
]


def settings(*sets: dict[str, Any], **larch: Any) -> FeatureSettings:
    return FeatureSettings.model_validate({"sets": list(sets) or SETS, **larch})


def of(spectrum: Spectrum) -> Inputs:
    return Inputs({"exafs": spectrum})


def vectors(spectrum: Spectrum, config: FeatureSettings) -> dict[str, np.ndarray]:
    return {s.name: s.vector(of(spectrum), config) for s in config.sets}


def test_all_sets_fit_into_one_campaign_under_their_default_names() -> None:
    names = [f"{kind}{suffix}" for kind in KINDS for suffix in SOURCES]
    assert [s.name for s in settings().sets] == [*names, "r_space+peaks_chi"]


def test_settings_survive_being_stored() -> None:
    config = settings()
    assert FeatureSettings.model_validate(config.model_dump(mode="json")) == config


def test_every_value_has_a_coordinate(spectrum: Spectrum) -> None:
    config = settings()
    for feature_set in config.sets:
        vector = feature_set.vector(of(spectrum), config)
        axis, label = feature_set.axis(config)
        assert vector.shape == axis.shape
        assert vector.dtype == np.float32
        assert np.isfinite(vector).all()
        assert label
        assert feature_set.value_label(config)


@pytest.mark.parametrize("kind", ["r_space", "r_space_complex", "peaks"])
@pytest.mark.parametrize("source", [{}, {"input": "chi"}], ids=["mu", "chi"])
def test_a_transform_of_a_set_counts_as_if_it_were_that_of_all(
    spectrum: Spectrum, kind: str, source: dict[str, str]
) -> None:
    own = {"kmin": 2.0, "kmax": 10.0, "kweight": 1, "rmax_out": 6.0}
    plain = {"kind": kind, **source}
    config = settings({**plain, "name": "own", "xftf": own}, plain)
    other = settings(plain, xftf=own)
    found, common = config.sets
    (expected,) = other.sets
    assert found.transform(spectrum, config).tolist() == (
        expected.transform(spectrum, other).tolist()
    )
    assert found.axis(config)[0].tolist() == expected.axis(other)[0].tolist()
    assert found.value_label(config) == expected.value_label(other)
    assert found.parameters(config) == expected.parameters(other) != common.parameters(config)


def test_a_transform_of_a_set_must_fit_the_background() -> None:
    with pytest.raises(ValidationError, match=r"autobk.kmax \(13\) must not be less than"):
        settings({"kind": "r_space", "xftf": {"kmax": 14.0}}, autobk={"kmax": 13.0})


def test_nothing_depends_on_the_order_of_calls(read) -> None:
    config = settings(*SETS[:3], {"kind": "k_space"}, SETS[-1])
    nio, copper = read("nio"), read("fcc_cu")
    forward = [vectors(spectrum, config) for spectrum in (nio, copper)]
    other = settings(xftf={"kmax": 10.0}, autobk={"rbkg": 1.3})
    for feature_set in reversed(config.sets):
        for spectrum, before in ((copper, forward[1]), (nio, forward[0])):
            feature_set.vector(of(spectrum), other)
            again = feature_set.vector(of(replace(spectrum)), config)
            np.testing.assert_array_equal(again, before[feature_set.name])


def test_what_is_kept_of_another_transform_is_not_taken(read, monkeypatch) -> None:
    """The background is the same; chi(R) comes out as if nothing had been kept."""
    spectrum = read("nio")
    sets = {"kind": "r_space"}, {"kind": "r_space", "input": "chi"}
    configs = [settings(*sets, xftf={"kweight": kweight}) for kweight in (1, 2)]
    fresh = []
    for config in configs:
        monkeypatch.setattr(transformed, "_last", (None, {}))
        fresh.append(vectors(spectrum, config))
    for config, expected in zip(configs * 2, fresh * 2, strict=True):
        for name, vector in vectors(spectrum, config).items():
            np.testing.assert_array_equal(vector, expected[name])


def test_a_spectrum_changed_in_place_is_another_one(read) -> None:
    config = settings({"kind": "k_space", "input": "chi"})
    spectrum = read("nio")
    (feature_set,) = config.sets
    before = feature_set.transform(spectrum, config)
    spectrum.chi[:] *= 0.5
    np.testing.assert_allclose(feature_set.transform(spectrum, config), before / 2)


def test_autobk_runs_once_for_all_sets_of_a_route(read, monkeypatch) -> None:
    calls = []
    larch = transformed.larch_xafs

    def counted(function):
        return lambda *args: calls.append(function.__name__) or function(*args)

    for name in ("autobk", "autobk_as_published"):
        monkeypatch.setattr(larch, name, counted(getattr(larch, name)))
    config = settings(autobk={"rbkg": 1.05})
    # As a campaign does it: the same numbers in another object for every set.
    for feature_set in config.sets:
        feature_set.vector(of(read("nio")), config)
    assert sorted(calls) == ["autobk", "autobk_as_published"]


def test_the_published_route_gives_another_size_than_the_normalised_one(spectrum) -> None:
    config = settings({"kind": "r_space"}, {"kind": "r_space", "route": "as_published"})
    normalised, published = vectors(spectrum, config).values()
    # The edge step that larch finds in FEFF's mu(E) is not 1.
    assert not 0.9 < np.linalg.norm(published) / np.linalg.norm(normalised) < 1.1


def test_the_published_route_is_what_larch_does_by_default(spectrum: Spectrum) -> None:
    from larch import Group
    from larch.xafs import autobk, pre_edge, xftf

    energy = spectrum.energy_rel.astype(float) + spectrum.e0
    group = Group(energy=energy, mu=spectrum.mu.astype(float))
    pre_edge(group)
    autobk(group)
    xftf(group, kmin=3, kmax=12, kweight=2, dk=1, window="kaiser")
    config = settings({"kind": "r_space", "route": "as_published"})
    found = config.sets[0].transform(spectrum, config)
    np.testing.assert_allclose(found, group.chir_mag, rtol=1e-5)


def test_the_published_route_keeps_a_background_that_is_wrong(spectrum: Spectrum) -> None:
    both = settings({"kind": "r_space"}, {"kind": "r_space", "route": "as_published"})
    normalised, published = both.sets
    for wrong in (
        replace(spectrum, mu=spectrum.mu * 3e4),
        replace(spectrum, mu=spectrum.mu - 0.9),
        replace(spectrum, energy_rel=spectrum.energy_rel - np.float32(10)),
    ):
        with pytest.raises(ItemFailure):
            normalised.transform(wrong, both)
        assert np.isfinite(published.transform(wrong, both)).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_published_route_fails_where_there_are_no_numbers(spectrum: Spectrum) -> None:
    config = settings({"kind": "r_space", "route": "as_published"})
    few = replace(spectrum, energy_rel=spectrum.energy_rel[:3], mu=spectrum.mu[:3])
    with pytest.raises(ItemFailure) as error:
        config.sets[0].transform(few, config)
    assert error.value.kind == "background_failed"


# What a change of the settings must change, by set; everything else must stay.
EVERY = frozenset(KINDS)
OF_R = EVERY - {"k_space", "wavelet"}
CHANGES: list[tuple[dict[str, Any], frozenset[str], frozenset[str]]] = [
    # change, sets from mu that change, sets from chi that change
    ({"autobk": {"rbkg": 1.2}}, EVERY, frozenset()),
    ({"xftf": {"dk": 2.0}}, EVERY, OF_R),
    ({"xftf": {"kweight": 3}}, EVERY, EVERY),
    ({"xftf": {"kmax": 11.0}}, EVERY, EVERY),
    ({"xftf": {"rmax_out": 9.0}}, OF_R - {"q_space"}, OF_R - {"q_space"}),
]


@pytest.mark.parametrize(("change", "mu", "chi"), CHANGES, ids=[str(c) for c, *_ in CHANGES])
def test_parameters_change_where_the_vector_may(change, mu, chi) -> None:
    plain, other = settings(), settings(**change)
    for feature_set in plain.sets[:-1]:
        changed = feature_set.parameters(plain) != feature_set.parameters(other)
        expected = chi if feature_set.curve == "chi" else mu
        if feature_set.curve == "as_published" and feature_set.kind in EVERY - OF_R:
            # No background is judged, so only what enters the vector counts.
            expected = mu if "autobk" in change else chi
        assert changed == (feature_set.kind in expected), feature_set.name


@pytest.mark.parametrize("change", [change for change, *_ in CHANGES], ids=str)
def test_a_vector_that_changes_has_other_parameters(read, change) -> None:
    plain, other, spectrum = settings(), settings(**change), read("nio")
    for feature_set in plain.sets:
        if feature_set.parameters(plain) == feature_set.parameters(other):
            np.testing.assert_array_equal(
                feature_set.transform(spectrum, plain), feature_set.transform(spectrum, other)
            )


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("r_space", {"rmin": 1.0}),
        ("r_space", {"rmax": 6.0}),
        ("r_space_complex", {"rmax": 6.0}),
        ("k_space", {"kmin": 4.0}),
        ("k_space", {"kmax": 14.0}),
        ("k_space", {"kweight": 3}),
        ("q_space", {"rmin": 1.5}),
        ("q_space", {"rmax": 4.0}),
        ("q_space", {"dr": 0.2}),
        ("q_space", {"window": "hanning"}),
        ("q_space", {"kmax": 10.0}),
        ("wavelet", {"rmin": 1.5}),
        ("wavelet", {"rmax": 5.0}),
        ("wavelet", {"n_r": 20}),
        ("wavelet", {"n_k": 5}),
        ("wavelet", {"kweight": 1}),
        ("wavelet", {"kmin": 4.0}),
        ("wavelet", {"kmax": 14.0}),
        ("peaks", {"rmin": 3.0}),
        ("peaks", {"rmax": 3.0}),
        ("peaks", {"n": 3}),
        ("peaks", {"prominence": 0.5}),
        ("peaks", {"n": 20, "filler": -1.0}),
    ],
)
def test_every_key_changes_vector_and_parameters(spectrum: Spectrum, kind, change) -> None:
    config = settings({"kind": kind}, {"kind": kind, "name": "other", **change})
    plain, other = config.sets
    assert plain.parameters(config) != other.parameters(config)
    first, second = vectors(spectrum, config).values()
    assert first.shape != second.shape or (first != second).any()


def test_names_change_nothing_and_parameters_can_be_hashed() -> None:
    config = settings()
    for feature_set in config.sets:
        renamed = feature_set.model_copy(update={"name": "other"})
        assert renamed.parameters(config) == feature_set.parameters(config)
        assert isinstance(feature_set.parameters(config)["version"], int)
        json.dumps(feature_set.parameters(config))


def test_the_same_limits_have_the_same_parameters() -> None:
    config = settings({"kind": "r_space"}, {"kind": "r_space", "name": "to_10", "rmax": 10.0})
    assert config.sets[0].parameters(config) == config.sets[1].parameters(config)


WRONG = [
    ({"kind": "r_space", "input": "chi", "route": "as_published"}, "route as_published begins"),
    ({"kind": "r_space", "rmin": 3.0, "rmax": 2.0}, "rmin (3) must be less than rmax (2)"),
    ({"kind": "r_space", "rmax": 12.0}, "set r_space: rmax (12 Å) is beyond xftf.rmax_out (10 Å)"),
    ({"kind": "r_space", "rmin": 10.0}, "chi(R) has no point from rmin (10) to rmax (10 Å)"),
    ({"kind": "k_space", "kmin": 12.0}, "set k_space: kmin (12) must be less than kmax (12)"),
    ({"kind": "k_space", "kmin": 3.01, "kmax": 3.02}, "no point of k from kmin (3.01)"),
    ({"kind": "k_space", "kmax": 30.0}, "less than or equal to 20"),
    ({"kind": "q_space", "rmin": 3.0}, "rmin (3) must be less than rmax (3)"),
    ({"kind": "q_space", "rmax": 12.0}, "rmax (12 Å) is beyond xftf.rmax_out (10 Å)"),
    ({"kind": "wavelet", "n_r": 200}, "n_r (200) is too many: larch has 163 points there"),
    ({"kind": "wavelet", "n_k": 300}, "n_k (300) is too many: larch has 181 points there"),
    ({"kind": "wavelet", "rmin": 0.0}, "greater than or equal to 0.5"),
    ({"kind": "peaks", "n": 0}, "greater than or equal to 1"),
    ({"kind": "peaks", "filler": float("nan")}, "finite number"),
    ({"kind": "peaks", "kmin": 2.0}, "Extra inputs"),
    ({"kind": "concatenation", "parts": PARTS[:1]}, "at least 2 items"),
    ({"kind": "concatenation"}, "Field required"),
    ({"kind": "concatenation", "parts": [PARTS[0], {"kind": "peeks"}]}, "'peaks'"),
    (
        {"kind": "concatenation", "parts": [PARTS[0], {"kind": "peaks", "rmax": 12.0}]},
        "feature set r_space+peaks: part peaks: rmax (12 Å) is beyond xftf.rmax_out",
    ),
]


@pytest.mark.parametrize(("wrong", "complaint"), WRONG, ids=lambda value: str(value)[:60])
def test_wrong_sets_are_refused_with_the_reason(wrong, complaint) -> None:
    with pytest.raises(ValidationError) as error:
        settings(wrong)
    assert complaint in str(error.value)


def test_a_range_beyond_the_end_of_autobk_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"kmax \(16\) is beyond autobk.kmax \(14\)"):
        settings({"kind": "k_space", "kmax": 16.0}, autobk={"kmax": 14.0})
    settings({"kind": "k_space", "kmax": 16.0, "input": "chi"}, autobk={"kmax": 14.0})


@pytest.mark.parametrize("source", ["", "_chi"])
def test_a_k_range_beyond_the_spectrum_is_a_failure(spectrum: Spectrum, source: str) -> None:
    config = settings({"kind": "k_space", "kmax": 16.0, **SOURCES[source]})
    to_14, to_15 = spectrum.k <= 14, spectrum.energy_rel <= 15**2 / 0.2625
    short = replace(
        spectrum,
        k=spectrum.k[to_14],
        chi=spectrum.chi[to_14],
        energy_rel=spectrum.energy_rel[to_15],
        mu=spectrum.mu[to_15],
    )
    assert len(config.sets[0].transform(spectrum, config)) == 261
    with pytest.raises(ItemFailure, match=r"before kmax = 16"):
        config.sets[0].transform(short, config)
