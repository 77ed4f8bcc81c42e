"""Whatever can be chosen by its kind holds to what everything else relies on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import known_feff
import pytest
from conformance import features, settings, sources, spectra, targets
from conformance.examples import GROUPS, LARCH

from exafscn_flows.registry import kind_of
from exafscn_flows.spectra import feff
from exafscn_flows.targets import TargetModel

EVERY = [
    pytest.param(one, id=f"{group}-{kind_of(one)}")
    for group, classes in GROUPS.items()
    for one in classes
]

LABELLED = [one for one in GROUPS["targets"] if issubclass(one, TargetModel)]
"""Targets whose labels are found from the structure."""

EXTRAS = {"feff10": "feff10", "pdf": "diffpy.pdffit2"}
"""Packages that not every installation has, by the kind that needs them."""


def of(group: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("one", GROUPS[group], ids=kind_of)


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Current folder, with what the examples of sources read."""
    sources.write_examples(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("one", EVERY)
@pytest.mark.parametrize(
    "check", [settings.is_described, settings.is_documented, settings.survives_json]
)
def test_settings(one: type, check: Callable[[Any], None]) -> None:
    check(one)


@pytest.mark.parametrize("one", EVERY)
def test_unknown_keys_are_one_line(one: type, tmp_path: Path) -> None:
    settings.refuses_unknown_keys(one, tmp_path)


@of("features")
def test_parameters_of_feature_sets(one: type) -> None:
    settings.parameters_follow_settings(one, lambda fset: fset.parameters(LARCH))


@of("spectra")
def test_parameters_of_spectra(one: type) -> None:
    settings.parameters_follow_settings(one, lambda way: way.parameters())


@pytest.mark.parametrize("one", LABELLED, ids=kind_of)
def test_parameters_of_targets(one: type) -> None:
    settings.parameters_follow_settings(one, lambda target: target.parameters(averaged=True))


@of("features")
@pytest.mark.parametrize("check", [features.vectors_are_sound, features.bad_spectra_fail])
def test_feature_sets(one: Any, check: Callable[[Any], None]) -> None:
    check(one)


@of("spectra")
def test_parts_of_spectra(one: Any) -> None:
    spectra.brings_known_parts(one)


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(way, id=kind_of(way), marks=[pytest.mark.engine] * (way.seconds > 3))
        for way in GROUPS["spectra"]
    ],
)
def test_spectra(one: Any, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if package := EXTRAS.get(kind_of(one)):
        pytest.importorskip(package)
    monkeypatch.setattr(feff, "_compute", known_feff.compute)  # twice, indeed
    spectra.computes_spectra(one, scratch)


@of("sources")
@pytest.mark.parametrize("check", [sources.content_follows_settings, sources.lists_the_same_again])
def test_sources(one: Any, check: Callable[[Any], None], examples: Path) -> None:
    check(one)


@of("sources")
def test_bad_paths(one: Any, tmp_path: Path) -> None:
    sources.bad_paths_are_refused(one, tmp_path)


@pytest.mark.parametrize("one", LABELLED, ids=kind_of)
@pytest.mark.parametrize("check", [targets.labels_are_sound, targets.bad_structures_fail])
def test_targets(one: Any, check: Callable[[Any], None]) -> None:
    check(one)
