"""What a run prints at its end: a table for each target, whole on a terminal of 80 columns."""

import io
import json

import pytest
from rich.console import Console

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.store.results import MetricsDoc
from exafscn_flows.targets import CoordinationNumber
from launcher import show
from launcher.versions import show_versions

CONFIG = CampaignConfig.model_validate(
    {
        "campaign": "test",
        "absorbers": ["Zn", "Cu"],
        "sources": [{"kind": "amcsd"}],
        "models": [{"kind": "random_forest"}, {"kind": "gradient_boosting", "per": "campaign"}],
    }
)


class Length(CoordinationNumber):
    """A number."""

    task = "numbers"
    title = "mean bond length"
    unit = "Å"


def metrics(absorber: str, target: str, model: str, scores: dict[str, float]) -> MetricsDoc:
    task = "numbers" if "rmse" in scores else "classes"
    return MetricsDoc(
        campaign="test",
        hash="x",
        target=target,
        absorber=absorber,
        feature_set="r_space_as_published",
        model=model,
        task=task,
        unit="Å" if task == "numbers" else "neighbours",
        n_sites=13374,
        n_formulas=9999,
        classes=[],
        class_counts=[],
        splits={"grouped": scores, "random": scores},
    )


ACCURACY = {"accuracy": 0.8126, "accuracy_std": 0.0123, "majority": 0.5, "macro_f1": 0.61}
ERROR = {"rmse": 0.02088, "rmse_std": 0.0021, "mean_rmse": 0.125, "r2": 0.94}


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> str:
    """Tables and legends of both targets, as they are printed."""
    targets = [CoordinationNumber(), Length(name="length")]
    config = CONFIG.model_copy(update={"targets": targets})
    docs = [
        metrics(absorber, target.name, model, scores)
        for absorber in ("Cu", "Zn")
        for model in ("random_forest", "gradient_boosting")
        for target, scores in zip(targets, (ACCURACY, ERROR), strict=True)
    ]
    monkeypatch.setattr(show, "current_metrics", lambda store, campaign: iter(docs))
    terminal = Console(file=io.StringIO(), width=80)
    for table, legend in show._score_tables(None, config):
        terminal.print(table)
        terminal.print(legend)
    return terminal.file.getvalue()


def test_every_target_has_a_table_in_its_measure(printed):
    assert "accuracy of coordination number, %" in printed
    assert "RMSE of mean bond length, Å" in printed
    assert printed.count("81.3 ± 1.2") == printed.count("0.0209 ± 0.0021") == 4
    assert printed.count("0.125") == printed.count("0.94") == 4


def test_joint_models_are_named_as_such(printed):
    assert printed.count("Fitted on all absorbers together: gradient_boosting.") == 2


def test_tables_are_whole_on_80_columns(printed):
    assert "…" not in printed
    assert max(map(len, printed.splitlines())) <= 80
    assert printed.count("13374") == 8


def test_absorbers_are_in_the_order_of_the_file(printed):
    first = [line for line in printed.splitlines() if " Zn " in line or " Cu " in line]
    assert [("Zn" in line) for line in first] == [True, True, False, False] * 2


def test_the_model_of_the_package_is_listed_and_no_server_started_for_it(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.delenv("EXAFSCN_MONGODB_URI", raising=False)
    monkeypatch.setenv("EXAFSCN_DATA_DIR", str(tmp_path / "data"))
    show_versions(None, as_json=True)
    row, other = json.loads(capsys.readouterr().out)
    assert (row["model"], row["shipped"]) == ("general", True)
    assert (row["target"], row["score_name"]) == ("coordination_number", "accuracy")
    assert (other["model"], other["shipped"]) == ("xanes", True)
    assert (other["target"], other["score_name"]) == ("spectrum", "rmse")
    assert "Fe" in row["absorbers"]
    assert "Fe" in other["absorbers"]
    show_versions(None, as_json=False)
    assert "general" in capsys.readouterr().out
    assert not (tmp_path / "data").exists()


def test_it_stands_beside_the_versions_of_a_campaign(finished):
    rows = json.loads(finished.exafscn("models", "list", "--json"))
    assert [one["shipped"] for one in rows] == [False] * (len(rows) - 2) + [True] * 2
    assert set(rows[0]) < set(rows[-1])  # which has `absorbers`, too
    assert len(rows) > 2
    assert "comes with exafscn" in finished.exafscn("models", "list")


def test_a_finished_campaign_is_watched_once(finished):
    shown = finished.exafscn("status", "--watch")
    assert shown.count("spectra") == 1
    assert "all is done" in shown
    assert "go together" in finished.exafscn("status", "--watch", "--json", rc=2)


def test_sites_of_all_campaigns_have_their_files_beside_them(finished):
    for width in ("200", "60"):
        shown = finished.script(f"COLUMNS={width} exafscn query --all-campaigns --absorber Ni")
        assert {row["site"] for row in json.loads(finished.exafscn("query", "--json"))} <= set(
            shown.split()
        )
        assert "NiO-rs.cif" in shown
