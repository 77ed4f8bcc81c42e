"""Spectra as targets: what can be learned, and that no model is given the answer."""

from pathlib import Path

import pytest

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.errors import UsageError

HEAD = "campaign: a\nabsorbers: [Ni]\nsources: [{kind: amcsd}]\n"
TREES = "models: [{kind: extra_trees}]\n"


def written(
    sets: str, of: str = "xanes", models: str = TREES, more: str = "", spectra: str = ""
) -> str:
    targets = f"targets: [{{kind: spectrum, of: {of}}}{more}]\n"
    return f"{HEAD}{spectra}features: {{sets: [{sets}]}}\n{targets}{models}"


def loaded(folder: Path, text: str) -> CampaignConfig:
    file = folder / "c.yaml"
    file.write_text(text)
    return load_campaign_file(file)


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(UsageError) as error:
        loaded(folder, text)
    (line,) = str(error.value).splitlines()
    return line.removeprefix(f"{folder / 'c.yaml'}:")


def inputs(config: CampaignConfig, target: str = "spectrum") -> list[str]:
    """Sets that a model is fitted on for a target."""
    return [fset.name for fset in config.features.sets if config.models_on(fset.name, target)]


ALL = (
    "{kind: xanes}, {kind: xanes_derivative}, {kind: xanes_cumulative}, {kind: xanes_polynomials}, "
    "{kind: r_space}, {kind: k_space, input: chi}, {kind: q_space}, {kind: peaks}, "
    "{kind: wavelet}, {kind: running_coordination}, {kind: composition}, {kind: site_descriptor}"
)
OF_STRUCTURE = ["running_coordination", "composition", "site_descriptor"]
OF_XANES = ["xanes", "xanes_derivative", "xanes_cumulative", "xanes_polynomials"]
OF_EXAFS = ["r_space", "k_space_chi", "q_space", "peaks", "wavelet"]


def test_what_is_made_of_the_same_part_of_the_same_spectrum_is_no_input(tmp_path: Path) -> None:
    assert inputs(loaded(tmp_path, written(ALL))) == [*OF_EXAFS, *OF_STRUCTURE]
    config = loaded(tmp_path, written(ALL, "k_space_chi"))
    assert inputs(config) == [*OF_XANES, *OF_STRUCTURE]


def test_a_concatenation_with_the_answer_in_it_is_no_input(tmp_path: Path) -> None:
    parts = "{kind: xanes}, {kind: site_descriptor}"
    both = f"{{kind: concatenation, name: both, parts: [{parts}]}}"
    assert inputs(loaded(tmp_path, written(f"{parts}, {both}"))) == ["site_descriptor"]


def test_the_same_computed_under_another_name_holds_the_answer_and_otherwise_computed_not(
    tmp_path: Path,
) -> None:
    sets = "{kind: xanes, spectrum: one}, {kind: xanes, name: other, spectrum: two}"
    same = "spectra: [{kind: feff, name: one}, {kind: feff, name: two}]\n"
    models = "models: [{kind: extra_trees, feature_sets: [other]}]\n"
    message = complaint(tmp_path, written(sets, models=models, spectra=same))
    assert "models[0].feature_sets[0]: feature set other holds what target spectrum is" in message
    cheaper = same.replace("name: two", "name: two, cards: {RPATH: 4}")
    assert inputs(loaded(tmp_path, written(sets, models=models, spectra=cheaper))) == ["other"]


GRAPH = "{kind: concatenation, name: graph, parts: [{kind: site_graph}, {kind: composition}]}"
CURVES = f"{{kind: xanes}}, {GRAPH}"


MEMBERS = "[{kind: graph_attention}, {kind: graph_attention, name: two}]"


@pytest.mark.parametrize(
    ("of", "answer", "model"),
    [
        ("xanes", "{kind: xanes}, {kind: xanes_derivative}", "{kind: graph_attention}"),
        ("xanes", "{kind: xanes}", f"{{kind: average, members: {MEMBERS}}}"),
        ("k_space", "{kind: k_space, kmin: 0.05, kmax: 16}", "{kind: scattering_paths}"),
    ],
)
def test_a_model_that_takes_sets_of_a_kind_need_not_name_them_beside_the_answer(
    tmp_path: Path, of: str, answer: str, model: str
) -> None:
    sets = f"{answer}, {GRAPH}, {{kind: site_graph}}"
    config = loaded(tmp_path, written(sets, of, f"models: [{model}]\n"))
    assert inputs(config) == ["graph", "site_graph"]


def test_of_another_target_the_spectrum_is_an_input_that_a_graph_network_refuses(
    tmp_path: Path,
) -> None:
    models = "models: [{kind: graph_attention}]\n"
    message = complaint(tmp_path, written(CURVES, models=models, more=", bond_length"))
    assert "models[0]: graph_attention takes features of kind site_graph, and xanes is" in message
    models = "models: [{kind: graph_attention, targets: [spectrum]}, {kind: extra_trees}]\n"
    config = loaded(tmp_path, written(CURVES, models=models, more=", bond_length"))
    fitted = config.models_on("xanes", "bond_length")
    assert [one.kind for one in fitted] == ["extra_trees"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            written(CURVES, models="models: [{kind: graph_attention, feature_sets: [xanes]}]\n"),
            "6: models[0].feature_sets[0]: feature set xanes holds what target spectrum is, xanes: "
            "name others, such as a site_descriptor",
        ),
        (
            written(
                f"{CURVES}, {{kind: site_descriptor}}", models="models: [{kind: graph_attention}]\n"
            ),
            "6: models[0]: graph_attention takes features of kind site_graph, and site_descriptor "
            "is of kind site_descriptor: list the sets that it is for in feature_sets",
        ),
        (
            written("{kind: xanes}, {kind: site_descriptor}", "other"),
            "5: targets[0].of: feature set 'other' is not in this file, which has xanes, site_des",
        ),
        (
            written("{kind: xanes}, {kind: site_descriptor}", "site_descriptor"),
            "5: targets[0].of: feature set site_descriptor is made of no spectrum: name a curve",
        ),
        (
            written("{kind: peaks}, {kind: site_descriptor}", "peaks"),
            "5: targets[0].of: feature set peaks is no curve, since its axis is feature (0-",
        ),
        (
            written("{kind: r_space_complex}, {kind: site_descriptor}", "r_space_complex"),
            "5: targets[0].of: feature set r_space_complex is no curve, since its axis is R",
        ),
        (
            written("{kind: xanes}"),
            "6: models[0]: every feature set holds what target spectrum is, xanes: add another, "
            "such as a site_descriptor",
        ),
        (
            written(
                "{kind: xanes}, {kind: site_descriptor}",
                models="models: [{kind: mlp, feature_sets: [site_descriptor, xanes]}]\n",
            ),
            "6: models[0].feature_sets[1]: feature set xanes holds what target spectrum is, xanes: "
            "name others, such as a site_descriptor",
        ),
        (
            written(
                "{kind: xanes}, {kind: site_descriptor}",
                models="models: [{kind: bagging, targets: [spectrum]}]\n",
            ),
            "6: models[0].targets[0]: bagging learns classes and numbers, and target spectrum is "
            "curves",
        ),
        (
            written("{kind: xanes}, {kind: site_descriptor}", models="models: [{kind: bagging}]\n"),
            "5: targets[0]: no model here learns target spectrum, which is curves: add one",
        ),
        (
            written(
                "{kind: xanes}, {kind: site_descriptor}",
                models="models: [{kind: mlp, feature_sets: [xanes]}]\n",
                more=", bond_length",
            ),
            "5: targets[0]: no model learns spectrum from a set that does not hold xanes: add one",
        ),
        (
            f"{HEAD}targets: [spectrum]\n",
            "4: targets[0]",
        ),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    assert message in complaint(tmp_path, text)


def test_other_targets_may_be_learned_from_the_spectrum_beside_it(tmp_path: Path) -> None:
    sets = "{kind: xanes}, {kind: site_descriptor}"
    config = loaded(tmp_path, written(sets, more=", bond_length"))
    assert inputs(config) == ["site_descriptor"]
    assert inputs(config, "bond_length") == ["xanes", "site_descriptor"]
