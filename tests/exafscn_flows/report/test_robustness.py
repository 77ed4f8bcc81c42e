"""Scores on changed spectra: numbers, figure, section of the page."""

from exafscn_flows.evaluation.changes import CHANGES
from exafscn_flows.report.html import render
from exafscn_flows.report.robustness import robustness, robustness_figure
from exafscn_flows.report.study_data import StudyData
from exafscn_flows.report.summary import to_json
from exafscn_flows.report.views import view_of

CN = "coordination_number"
VIEW = view_of("classes")


def changed(experiment, element, model, first):
    """An experiment whose accuracy falls by 0.1 with each value of each change."""
    points = {
        name: [{"value": value, "accuracy": first - 0.1 * n} for n, value in enumerate(one.values)]
        for name, one in CHANGES.items()
        if name in ("noise", "kmax")
    }
    doc = experiment(element, model, "robustness", None, first)
    return doc.model_copy(update={"changed": points})


def test_models_stand_side_by_side_with_their_means(study, experiment):
    found = [
        changed(experiment, element, model, first)
        for element, model, first in (
            ("Ti", "augmented", 0.9),
            ("V", "augmented", 0.7),
            ("Ti", "plain", 0.6),
        )
    ]
    looked = StudyData(CN, "r_space", [*found, experiment("Ti", "plain", "rmax", 3.0, 0.5)])
    noise, kmax = robustness(looked, VIEW)
    assert (noise["change"], kmax["change"], kmax["values"]) == ("noise", "kmax", [6, 8, 10, 12])
    assert noise["models"]["augmented"]["absorbers"]["Ti"][:2] == [0.9, 0.8]
    assert [round(one, 9) for one in noise["models"]["augmented"]["mean"]][:2] == [0.8, 0.7]
    assert set(noise["models"]) == {"augmented", "plain"}
    svg = robustness_figure([noise, kmax], VIEW, "")
    for text in ("End of χ(k) (1/Å)", "Noise of χ(k)", "augmented", "plain", "0.003"):
        assert f">{text}<" in svg
    data = study(["Ti", "V"], study=looked)
    (numbers,) = to_json(data)["targets"].values()
    assert numbers["robustness"] == [noise, kmax]
    assert [one["experiment"] for one in numbers["curves"]] == ["rmax"]
    assert "How far spectra may be changed" in render(data)
    assert "How far spectra" not in render(study(["Ti"], study=StudyData(CN, "r_space", [])))
