"""The reference of the campaign file says what the code does."""

import ast
import re
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pages import PAGES, ROOT, blocks, prose, rows, sections
from pydantic import BaseModel
from ruamel.yaml import YAML
from typer.main import get_command

from exafscn_flows.config.campaign import CampaignConfig, Sample
from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.features import Concatenation, XftfSettings
from exafscn_flows.models import Average, KernelTrees, LateFusion, TwoStage
from exafscn_flows.simulation.surrogate import Surrogate
from exafscn_flows.sources import (
    FeffRunsSource,
    MaterialsProjectSource,
    MeasuredSource,
    TableSource,
)
from exafscn_flows.spectra import Feff10Settings, PdfSettings, StoredSettings
from exafscn_flows.spectra.feff_cards import EXTERNAL_CARDS, FEFF10_CARDS
from exafscn_flows.store.documented import DOCUMENTED_QUERIES
from exafscn_flows.store.documents import DOCUMENTS, STAGES, CampaignDoc
from exafscn_flows.targets import Spectrum
from launcher.cli import app

REFERENCE = [
    ROOT / "docs" / f"{name}.md" for name in ("campaign", "failures", "screening", "documents")
]
SECTIONS = {title: text for page in REFERENCE for title, text in sections(page).items()}
BASE = {"campaign": "x", "absorbers": ["Cu"], "sources": [{"kind": "amcsd"}]}


def parse(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def nested(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from nested(argument)


def literals(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif not list(nested(annotation)):
        for argument in get_args(annotation):
            yield from literals(argument)


def fields(model: type[BaseModel], path: str, own: str, seen: set[type]) -> Iterator[Any]:
    """Every field that can be written: its section, name, model and description."""
    seen.add(model)
    for name, field in model.model_fields.items():
        # Kinds with keys of their own have a section each, beside that of the common keys.
        titles = (t for t in (own, path) if f"`{name}`" in {row[0] for row in rows(SECTIONS[t])})
        yield next(titles, own), name, model, field
        inside = f"{path}.{name}".removeprefix("Top level.")
        # Parts of a feature set are written like sets, and are not described again.
        for inner in (each for each in nested(field.annotation) if each not in seen):
            kind = inner.model_fields.get("kind")
            title = f"{inside}: {next(literals(kind.annotation))}" if kind else inside
            yield from fields(inner, inside, title if title in SECTIONS else inside, seen)


FIELDS = list(fields(CampaignConfig, "Top level", "Top level", set()))
IDS = [f"{model.__name__}.{name}" for _, name, model, _ in FIELDS]


def row_of(section: str, name: str) -> list[str]:
    (row,) = (row for row in rows(SECTIONS[section]) if row[0] == f"`{name}`")
    return row


def required(model: type[BaseModel], name: str) -> dict[str, Any]:
    """Values without which a model is not valid, other than the field in question."""
    if model is CampaignConfig:
        return BASE
    if model is Concatenation and name != "parts":
        return {"parts": [{"kind": "r_space"}, {"kind": "peaks"}]}
    if model is Average and name != "members":
        return {"members": [{"kind": "mlp"}, {"kind": "extra_trees"}]}
    if model is LateFusion and name != "member":
        return {"member": {"kind": "extra_trees"}}
    if model in (TwoStage, KernelTrees) and name != "first":
        return {"first": "running_coordination"}
    if model is Spectrum and name != "of":
        return {"of": "xanes"}
    if model is MaterialsProjectSource:
        return {"kind": "materials_project"}
    if model is FeffRunsSource:
        return {"kind": "feff_runs", "path": "x"}
    if model is Feff10Settings:
        return {"kind": "feff10"}
    if model is Surrogate:
        return {"kind": "surrogate"}
    if model is PdfSettings:
        return {"kind": "pdf"}
    if model is StoredSettings:
        return {"kind": "stored"}
    if model is TableSource:
        return {"kind": "table", "path": "x"}
    if model is MeasuredSource:
        return {"kind": "measured", "path": "x"}
    if model is Sample:
        return {"structures": 1} if name == "per_absorber" else {"per_absorber": 1}
    return {}


@pytest.mark.parametrize(("section", "name", "model", "field"), FIELDS, ids=IDS)
def test_reference_gives_every_key_with_its_default(section, name, model, field):
    _, default, _, allowed, meaning = row_of(section, name)
    assert meaning or name == "kind"
    if field.is_required():
        assert default == "required"
    else:
        written = parse(default.strip("`"))
        expected = field.get_default(call_default_factory=True)
        if model is CampaignConfig:  # which writes down what feature sets are made from
            expected = getattr(CampaignConfig.model_validate(BASE), name)
        found = model.model_validate({**required(model, name), name: written})
        assert getattr(found, name) == expected
        # A plain value stands there as it is, not as something that is converted to it.
        assert isinstance(expected, dict | list | BaseModel) or written == expected
    assert all(f"`{value}`" in allowed for value in literals(field.annotation))
    for rule in field.metadata:
        for bound in (getattr(rule, kind, None) for kind in ("gt", "ge", "lt", "le")):
            number = str(bound) if isinstance(bound, int) else f"{bound or 0:g}"
            assert bound is None or re.search(rf"\b{number}\b", allowed), (bound, allowed)


def test_reference_has_no_keys_that_do_not_exist():
    known = {(section, name) for section, name, *_ in FIELDS}
    names = {section for section, _ in known}
    found = {(s, row[0].strip("`")) for s in names for row in rows(SECTIONS[s])}
    assert found == known


@pytest.mark.parametrize(
    ("section", "table"), [("FEFF cards", EXTERNAL_CARDS), ("FEFF 10's cards", FEFF10_CARDS)]
)
def test_reference_gives_every_feff_card(section, table):
    found = list(rows(SECTIONS[section]))
    assert {card for row in found for card in re.findall(r"\w+", row[0])} == set(table.cards)
    for name, card in table.cards.items():
        (row,) = (row for row in found if f"`{name}`" in row[0])
        bounds = {f"{bound:g}" for pair in card.limits for bound in pair if isfinite(bound)}
        assert bounds <= set(re.findall(r"-?[\d.]*\d", row[1])), name


def failure_kinds() -> set[str]:
    calls = (
        node
        for path in (ROOT / "exafscn_flows").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ItemFailure"
    )
    # A kind that is no constant repeats that of a failure raised elsewhere.
    # Read from another process, it has that of the failure there.
    kinds = (call.args[0] for call in calls if call.args)
    return {kind.value for kind in kinds if isinstance(kind, ast.Constant)}


def test_reference_gives_every_kind_of_failure_and_no_other():
    table = {row[0].strip("`"): row for row in rows(SECTIONS["Failures"])}
    assert set(table) == failure_kinds()
    for _, stage, cause, advice in table.values():
        assert set(stage.split(", ")) <= {*STAGES, "any"}
        assert cause
        assert advice


@pytest.mark.parametrize("document", [CampaignDoc, *DOCUMENTS], ids=lambda d: d.collection)
def test_reference_gives_every_field_of_every_collection(document):
    common = {"campaign", "hash", "created_at"}
    assert all(f"`{name}`" in SECTIONS["Collections and documents"] for name in common)
    named = {row[0].strip("`") for row in rows(SECTIONS[f"Collection {document.collection}"])}
    stored = {*document.model_fields, *document.model_computed_fields}
    assert named == stored - common


def test_reference_names_times_and_timings():
    times = {
        name
        for document in (CampaignDoc, *DOCUMENTS)
        for name, field in document.model_fields.items()
        if name == "seconds" or "datetime" in str(field.annotation)
    }
    (sentence,) = re.findall(
        r"Time stamps and timings are (.*?):", SECTIONS["Collections and documents"], re.DOTALL
    )
    assert set(re.findall(r"`(\w+)`", sentence)) == times


EXAMPLES = [(page, text) for page in PAGES for text in blocks(page, "yaml")]


@pytest.mark.parametrize(("page", "text"), EXAMPLES, ids=lambda value: getattr(value, "name", ""))
def test_yaml_examples_are_valid_campaigns(page, text, tmp_path):
    file = tmp_path / "example.yaml"
    file.write_text(text)
    config = load_campaign_file(file)
    paths = [Path(source.path) for source in config.sources if hasattr(source, "path")]
    assert all(path.parent == tmp_path for path in paths)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", prose(page)):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        place = page.parent / path if path else page
        assert place.exists(), target
        if anchor:
            titles = (re.sub(r"[^\w -]", "", title) for title in sections(place))
            assert anchor in {title.lower().replace(" ", "-") for title in titles}, target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_text_exist(page):
    """What stands between backticks in a sentence; fenced commands are run elsewhere."""
    for text in re.findall(r"`(?:\.venv/bin/)?exafscn ([^`]+)`", prose(page)):
        command: Any = get_command(app)
        for word in text.split():
            if hasattr(command, "commands") and word in command.commands:
                command = command.commands[word]
        options = _options(command)
        assert not hasattr(command, "commands"), text
        assert set(re.findall(r"--[a-z0-9-]+", text)) <= options, text
    every = set().union(*map(_options, get_command(app).commands.values()))
    assert set(re.findall(r"`(--[a-z0-9-]+)", prose(page))) <= every


def _options(command: Any) -> set[str]:
    return {name for option in command.params for name in (*option.opts, *option.secondary_opts)}


OPPOSITES = {
    "--disagrees": "--agrees",
    "--in-distribution": "--out-of-distribution",
    "--seen": "--unseen",
}


def test_documented_queries_are_those_that_indexes_are_made_for():
    found = {tuple(row[:2]) for row in rows(SECTIONS["Screening"])}
    assert found == {(_command(each), _call(each)) for each in DOCUMENTED_QUERIES}


def _command(conditions: dict[str, Any]) -> str:
    words = ["exafscn query"]
    for name, value in conditions.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(option if value else OPPOSITES.get(option, f"--no{option[1:]}"))
        else:
            words += [
                f"{option} {each}" for each in (value if isinstance(value, tuple) else [value])
            ]
    return f"`{' '.join(words)}`"


def _call(conditions: dict[str, Any]) -> str:
    values = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in conditions.items()
    }
    arguments = ", ".join(f"{name}={value!r}" for name, value in values.items())
    return f"`predictions({arguments})`".replace("'", '"')


def test_numbers_that_code_decides():
    text = " ".join(prose(page) for page in PAGES)
    points = XftfSettings().r()
    assert f"{len(points)} values" in text
    assert f"{points[1]:.5f} Å" in text
    quickstart = load_campaign_file(ROOT / "configs" / "quickstart.yaml")
    assert len(quickstart.absorbers) == 6
    assert "minerals of six metals" in " ".join(text.split())
