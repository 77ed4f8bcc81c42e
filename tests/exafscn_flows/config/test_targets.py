"""Targets, spectra and models that do not go together are one line with file, line and key."""

from pathlib import Path

import pytest

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.errors import UsageError
from exafscn_flows.models import RandomForest
from exafscn_flows.models.base import ModelBase
from exafscn_flows.targets import CoordinationNumber

HEAD = "campaign: a\nabsorbers: [Ni]\nsources: [{kind: amcsd}]\n"

SPECTRA = "spectra: [{kind: feff}, {kind: feff, command: x, cards: {XANES: 4, FMS: 6}}]\n"


def loaded(folder: Path, text: str) -> CampaignConfig:
    file = folder / "c.yaml"
    file.write_text(HEAD + text)
    return load_campaign_file(file)


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(UsageError) as error:
        loaded(folder, text)
    (line,) = str(error.value).splitlines()
    file, _, rest = line.partition(":")
    assert file == str(folder / "c.yaml")
    return rest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("targets:\n  - bond_lenght\n", "5: targets[0]"),
        ("targets:\n  - kind: bond_lenght\n", "5: targets[0].kind: "),
        ("targets: []\n", "4: targets: list should have at least 1 item"),
        ("targets: coordination_number\n", "4: targets: input should be a valid list"),
        (
            "targets:\n  - coordination_number\n  - coordination_number\n",
            "6: targets[1]: two targets are named 'coordination_number': give one a `name`",
        ),
        (
            "spectra:\n  - {kind: feff}\n  - {kind: feff, time_limit: 5}\n",
            "6: spectra[1]: two spectra are named 'exafs': give one a `name`",
        ),
        ("spectra: []\n", "4: spectra: list should have at least 1 item"),
        (
            "spectra: [{kind: feff}, {kind: stored}]\n",
            "3: sources[0]: amcsd brings no spectra, which `spectra: {kind: stored}` asks",
        ),
        (
            "models: [{kind: pretrained}]\n",
            "4: models[0]: pretrained takes features of kind k_space, and r_space is of kind "
            "r_space: add {kind: k_space, kmin: 0.05, kmax: 16, kweight: 2} to features.sets, and",
        ),
        (
            "features: {sets: [{kind: k_space}]}\nmodels: [{kind: pretrained}]\n",
            "5: models[0]: feature set k_space: it must begin above 0, at most at 1 1/Å",
        ),
        (
            "features: {sets: [{kind: k_space, kmin: 0.05, kmax: 5}]}\n"
            "models: [{kind: pretrained}]\n",
            "5: models[0]: feature set k_space: it must reach 6 1/Å, and ends at 5",
        ),
        (
            "features: {sets: [{kind: k_space, kmin: 0.05}], xftf: {kweight: 3}}\n"
            "models: [{kind: measured_network}]\n",
            "5: models[0]: feature set k_space: chi(k) must be weighted by k^2, and is by k^3",
        ),
        (
            "features: {sets: [{kind: k_space, kmin: 0.05, kweight: 1}]}\n"
            "models: [{kind: average, members: [{kind: mlp}, {kind: pretrained}]}]\n",
            "5: models[0]: feature set k_space: chi(k) must be weighted by k^2, and is by k^1",
        ),
        (
            "features: {sets: [{kind: k_space, kmin: 0.05}]}\ntargets: [bond_length]\n"
            "models: [{kind: mlp}, {kind: pretrained}]\n",
            "6: models[1]: pretrained is for coordination_number, and no target here is",
        ),
        (
            "features: {sets: [{kind: k_space, kmin: 0.05}]}\n"
            "targets: [coordination_number, environment]\n"
            "models: [{kind: pretrained, targets: [environment]}]\n",
            "6: models[0].targets[0]: pretrained is for coordination_number, and environment is "
            "environment",
        ),
        (
            "features: {sets: [{kind: k_space, kmin: 0.05}]}\n"
            "models: [{kind: pretrained, search: {refine: [true, false]}}]\n",
            "5: models[0].search: a model that comes trained has no parameters to search",
        ),
        (
            "features: {sets: [{kind: concatenation, parts: [{kind: k_space, kmin: 0.05}, "
            "{kind: peaks}]}]}\nmodels: [{kind: late_fusion, member: {kind: pretrained}}]\n",
            "5: models[0].member: late fusion trains its member on every part, and this one comes",
        ),
        (
            "features: {sets: [{kind: k_space, kmin: 0.05}]}\nmodels: [{kind: pretrained}]\n"
            "study: {}\n",
            "6: study: no model of coordination_number is fitted on feature set k_space alone",
        ),
        (
            "features:\n  sets:\n    - kind: r_space\n      spectrum: far\n",
            "7: features.sets[0].spectrum: spectrum 'far' is not computed: there are exafs",
        ),
        (
            "features:\n  sets:\n    - kind: concatenation\n      parts:\n        - kind: peaks\n"
            "        - kind: xanes\n          spectrum: xanes\n",
            "10: features.sets[0].parts[1].spectrum: spectrum 'xanes' is not computed",
        ),
        (
            f"{SPECTRA}features:\n  sets:\n    - {{kind: r_space, spectrum: xanes}}\n",
            "7: features.sets[0]: r_space is made from EXAFS in mu(E), but xanes holds the near",
        ),
        (
            "spectra: {kind: feff, command: x, cards: {XANES: 4, FMS: 6}}\n"
            "features:\n  sets:\n    - {kind: xanes}\n    - {kind: r_space}\n",
            "8: features.sets[1]: r_space is made from EXAFS in mu(E), but xanes holds the near",
        ),
        (
            "models:\n  - kind: mlp\n    targets:\n      - coordination\n",
            "7: models[0].targets[0]: target 'coordination' is not in this file, which has "
            "coordination_number",
        ),
        ("models: [{kind: mlp, targets: []}]\n", "4: models[0].targets: list should have at least"),
        ("models: [{kind: mlp, per: site}]\n", "4: models[0].per: input should be 'absorber' or"),
        (
            "study:\n  target: other\n",
            "5: study.target: target 'other' is not in this file, which has coordination_number",
        ),
        (
            "labels: {mode: uniform}\n",
            "4: labels: unknown key; ",
        ),
    ],
)
def test_what_does_not_go_together(tmp_path, text, message):
    assert complaint(tmp_path, text).startswith(message)


@pytest.fixture
def numbers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random forests that learn numbers alone."""
    monkeypatch.setattr(RandomForest, "tasks", frozenset({"numbers"}))


def test_a_model_that_lists_what_it_cannot_learn(tmp_path, numbers_only):
    text = (
        "models:\n  - {kind: mlp}\n  - kind: random_forest\n    targets:\n"
        "      - coordination_number\n"
    )
    assert complaint(tmp_path, text) == (
        "8: models[1].targets[0]: random_forest learns numbers, and target coordination_number is "
        "classes"
    )


def test_a_target_that_no_model_learns(tmp_path, numbers_only):
    assert complaint(tmp_path, "targets:\n  - {kind: coordination_number, name: cn}\n") == (
        "5: targets[0]: no model here learns target cn, which is classes: add one"
    )
    text = "targets:\n  - {kind: coordination_number, name: cn}\nmodels: []\n"
    assert loaded(tmp_path, text).models == []


def test_models_of_a_target(tmp_path, monkeypatch):
    text = (
        "targets: [coordination_number, {kind: coordination_number, name: cn, mode: averaged}]\n"
        "models: [{kind: bagging}, {kind: mlp, targets: [cn]}, "
        "{kind: extra_trees, per: campaign}]\n"
    )
    config = loaded(tmp_path, text)

    def kinds(models: list[ModelBase]) -> list[str]:
        return [model.kind for model in models]

    assert kinds(config.models_for("coordination_number")) == ["bagging", "extra_trees"]
    assert kinds(config.models_for("cn")) == ["bagging", "mlp", "extra_trees"]
    assert kinds(config.models_on("r_space", "cn")) == ["bagging", "mlp", "extra_trees"]
    assert config.joint
    assert config.studied_target == "coordination_number"


def test_a_kind_alone_is_a_target(tmp_path):
    config = loaded(tmp_path, "targets: [coordination_number]\n")
    assert config.targets == [CoordinationNumber()] == loaded(tmp_path, "").targets


def test_sets_are_written_down_with_their_spectra(tmp_path):
    text = f"{SPECTRA}features: {{sets: [{{kind: r_space}}, {{kind: xanes, spectrum: xanes}}]}}\n"
    config = loaded(tmp_path, text)
    assert [fset.spectrum for fset in config.features.sets] == ["exafs", "xanes"]
    assert CampaignConfig.model_validate(config.model_dump(mode="json")) == config
