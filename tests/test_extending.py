"""What docs/extending.md says is true: its package works, and holds to what others hold to."""

import json
import os
import tomllib
from pathlib import Path

import pytest
from forks import Command
from pages import ROOT, blocks, sections

PAGE = ROOT / "docs" / "extending.md"
CODE = [text for text in blocks(PAGE, "python") if text.startswith("# exafscn_more/")]
(PROJECT,) = map(tomllib.loads, blocks(PAGE, "toml"))
POINTS = PROJECT["project"]["entry-points"]

# The registries of this process are what they are; another one finds the package.
CHECKS = """\
import json
import sys
from pathlib import Path

import numpy as np
from conformance import features, settings, sources, spectra, targets
from conformance.examples import EXAMPLES, GROUPS, LARCH, NIO
from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.features.columns import Columns
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.jobs.report_study import collect_provenance
from exafscn_flows.models import MODELS
from exafscn_flows.registry import kind_of
from exafscn_flows.report.cards import covered

added = {
    kind_of(one): (group, one)
    for group, classes in {**GROUPS, "models": MODELS}.items()
    for one in classes
    if one.__module__.startswith("exafscn_more.")
}
print(json.dumps({kind: group for kind, (group, _) in added.items()}))

here = Path.cwd()
Path("lines.jsonl").write_text(f"{json.dumps(NIO.as_dict())}\\n" * 2)
EXAMPLES["json_lines"] = {"path": "lines.jsonl"}
(here / "scratch").mkdir()
for group, one in added.values():
    if group == "models":
        continue
    settings.is_described(one)
    settings.survives_json(one)
    settings.refuses_unknown_keys(one, here)
    if group == "features":
        settings.parameters_follow_settings(one, lambda fset: fset.parameters(LARCH))
        features.vectors_are_sound(one)
        features.bad_spectra_fail(one)
    elif group == "spectra":
        settings.parameters_follow_settings(one, lambda way: way.parameters())
        spectra.brings_known_parts(one)
        spectra.computes_spectra(one, here / "scratch")
    elif group == "sources":
        sources.content_follows_settings(one)
        sources.lists_the_same_again(one)
        sources.bad_paths_are_refused(one, here)
    else:
        settings.parameters_follow_settings(one, lambda target: target.parameters(averaged=True))
        targets.labels_are_sound(one)
        targets.bad_structures_fail(one)

file = here / "c.yaml"
file.write_text(
    "campaign: more\\n"
    "absorbers: [Ni]\\n"
    "sources: [{kind: json_lines, path: lines.jsonl}]\\n"
    "targets: [coordination_number, {kind: nearest_atom, cutoff: 4}]\\n"
    "spectra: [{kind: plain_waves}, {kind: feff}]\\n"
    "features: {sets: [{kind: envelope}, {kind: r_space}]}\\n"
    "models: [{kind: logistic_regression, C: 0.5}, {kind: extra_trees}]\\n"
)
config = load_campaign_file(file, ["models.0.C=0.1"])
assert [fset.spectrum for fset in config.features.sets] == ["plain", "exafs"]
assert [model.kind for model in config.models_for("nearest_atom")] == ["extra_trees"]
described = collect_provenance(config).feature_sets
assert [len(covered(described[name])) for name in ("envelope", "r_space")] == [0, 1]
model = config.models[0]
assert model.C == 0.1

rng = np.random.default_rng(0)
y = np.repeat([0, 1, 2], 20)
X = rng.normal(size=(60, 4)) + y[:, None]
rows = TrainingSet(X, y, y, Columns(np.arange(4)), "classes")
fitted = model.fit(rows, 0)
data = type(model).dump(fitted)
again = type(model).load(data)
np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
assert type(model).dump(model.fit(rows, 0)) == data
assert (fitted.predict(X) == y).mean() > 0.6
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Folder in which the package of the page is installed."""
    for text in CODE:
        file = tmp_path / text.splitlines()[0].removeprefix("# ")
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    (tmp_path / "exafscn_more" / "__init__.py").touch()
    name, version = PROJECT["project"]["name"], PROJECT["project"]["version"]
    info = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(metadata)
    lines = (
        line
        for group, points in POINTS.items()
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in points.items()))
    )
    (info / "entry_points.txt").write_text("\n".join(lines))
    return tmp_path


def python(code: str, package: Path, *words: str) -> tuple[int, str, str]:
    """Return exit code, output and errors of a process that finds the package."""
    paths = [str(package), str(ROOT), str(ROOT / "tests" / "support")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    arguments = ["-c", code, *words]
    with Command(arguments, program="python", known=False, cwd=package, env=environment) as process:
        out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def test_the_package_of_the_page_works(package):
    code, out, err = python(CHECKS, package)
    assert code == 0, err[-3000:]
    expected = {key: group.removeprefix("exafscn.") for group, ps in POINTS.items() for key in ps}
    assert json.loads(out) == expected


FIRST = """\
import pickle
import sys
from importlib import import_module

added = [
    getattr(import_module(module), name)
    for module, _, name in (value.partition(":") for value in sys.argv[1:])
]
from exafscn_flows.features import SETS
from exafscn_flows.models import MODELS
from exafscn_flows.sources import SOURCES
from exafscn_flows.config.ways import WAYS
from exafscn_flows.targets import TARGETS

known = {*SETS, *MODELS, *SOURCES, *WAYS, *TARGETS}
assert known.issuperset(added), added
for one in added:
    assert pickle.loads(pickle.dumps(one)) is one
"""


@pytest.mark.parametrize("group", ["exafscn.features", "exafscn.targets"])
def test_modules_of_the_package_may_be_imported_first(package, group):
    """As by its own tests, or by a process that reads one of its classes from a pickle."""
    (value,) = POINTS[group].values()
    code, _, err = python(FIRST, package, value)
    assert code == 0, err


def test_every_example_is_an_entry_point_and_a_line_of_a_list():
    page = " ".join(PAGE.read_text().split())
    for group, points in POINTS.items():
        folder = group.removeprefix("exafscn.")
        for kind, value in points.items():
            module, _, name = value.partition(":")
            file = module.replace(".", "/") + ".py"
            assert any(code.startswith(f"# {file}\n") for code in CODE)
            assert f"`exafscn_flows/{folder}/{kind}.py`, and the line `{name},`" in page
    (table,) = (text for title, text in sections(PAGE).items() if title == "Extending exafscn")
    for group, lists in (line.split(" | ")[2:4] for line in table.splitlines() if "a [" in line):
        listed = ROOT / "exafscn_flows" / lists.strip("| `")
        assert f'registered(\n    "{group.strip("`").removeprefix("exafscn.")}"' in (
            listed.read_text().replace('registered("', 'registered(\n    "')
        )


@pytest.mark.parametrize(
    ("module", "old", "new", "what", "why"),
    [
        (
            "nearest_atom",
            "from typing",
            "import nowhere_to_be_found\nfrom typing",
            "exafscn_more.nearest_atom:NearestAtom of its entry point exafscn.targets",
            "No module named 'nowhere_to_be_found'",
        ),
        (
            "envelope",
            'Literal["envelope"] = "envelope"',
            'Literal["concatenation"] = "concatenation"',
            "exafscn_more.envelope:Envelope of its entry point exafscn.features",
            "its kind 'concatenation' is taken by exafscn",
        ),
    ],
    ids=["import", "kind"],
)
def test_a_broken_package_ends_commands_in_one_line_and_leaves_help_alone(
    package, module, old, new, what, why
):
    file = package / "exafscn_more" / f"{module}.py"
    file.write_text(file.read_text().replace(old, new, 1))
    code = "import sys; sys.argv[1:] = {}; from launcher.cli import main; main()"
    assert python(code.format(["--help"]), package)[0] == 0
    done, _, err = python(code.format(["run", "c.yaml"]), package)
    assert done == 2
    assert err == (
        f"exafscn: package exafscn-more cannot be used: {what}: {why}; mend it, or remove it by "
        "`pip uninstall exafscn-more`\n"
    )
