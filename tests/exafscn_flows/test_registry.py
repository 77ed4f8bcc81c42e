"""What other packages add by entry points, and what becomes of those that are broken."""

from pathlib import Path

import pytest

from exafscn_flows import registry
from exafscn_flows.errors import UsageError
from exafscn_flows.features import SETS
from exafscn_flows.registry import kind_of, one_of, registered
from exafscn_flows.targets import TARGETS

TARGET = """\
from typing import Literal

from exafscn_flows.targets.base import Label, TargetModel, TargetName


class Mine(TargetModel):
    task = "numbers"
    title = "mine"
    short = "mine"
    version = 1

    kind: Literal["{kind}"] = "{kind}"
    name: TargetName = "mine"

    def {method}(self, surroundings, site_index):
        return Label(1.0)
"""


class Packages:
    """A folder of installed packages that Python looks into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(
        self, name: str, text: str, value: str = "{}:Mine", group: str = "exafscn.targets"
    ) -> None:
        (self.folder / f"{name}.py").write_text(text)
        info = self.folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        entry = f"[{group}]\nmine = {value.format(name)}\n"
        (info / "entry_points.txt").write_text(entry)
        registry._entry_points.cache_clear()


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._entry_points.cache_clear()
    yield Packages(tmp_path)
    registry._entry_points.cache_clear()


def good(kind: str) -> str:
    return TARGET.format(kind=kind, method="label_site")


def test_a_package_adds_a_kind(packages):
    assert registered("targets", TARGETS) == TARGETS
    packages.add("added_kind", good("mine"))
    *ours, added = registered("targets", TARGETS)
    assert tuple(ours) == TARGETS
    assert (kind_of(added), added.__module__) == ("mine", "added_kind")
    # Nothing is added to other groups.
    assert registered("features", SETS) == SETS


@pytest.mark.parametrize(
    ("name", "text", "value", "why"),
    [
        ("b_syntax", "def", "{}:Mine", "invalid syntax"),
        ("b_import", "import nowhere_to_be_found", "{}:Mine", "No module named 'nowhere_to_be"),
        ("b_raises", "1 / 0", "{}:Mine", "division by zero"),
        ("b_silent", "raise RuntimeError", "{}:Mine", "RuntimeError"),
        ("b_long", "raise ValueError('a\\nb ' * 999)", "{}:Mine", "a b a b"),
        ("b_name", good("mine"), "{}:Other", "has no attribute 'Other'"),
        ("b_nothing", good("mine"), "no_such_module:Mine", "No module named 'no_such_module'"),
        ("b_object", "Mine = 3", "{}:Mine", "it is no TargetBase"),
        ("b_class", "class Mine: pass", "{}:Mine", "it is no TargetBase"),
        (
            "b_set",
            "from exafscn_flows.features import RSpace as Mine",
            "{}:Mine",
            "it is no TargetBase",
        ),
        (
            "b_abstract",
            TARGET.format(kind="mine", method="label"),
            "{}:Mine",
            "it does not say what a TargetBase must: label_site",
        ),
        (
            "b_kind",
            good("mine").replace('Literal["mine"]', "str"),
            "{}:Mine",
            'Mine has no `kind: Literal["..."]`',
        ),
        (
            "b_kinds",
            good("mine").replace('Literal["mine"]', 'Literal["mine", "yours"]'),
            "{}:Mine",
            'Mine has no `kind: Literal["..."]`',
        ),
        (
            "b_taken",
            good("coordination_number"),
            "{}:Mine",
            "its kind 'coordination_number' is taken by exafscn",
        ),
    ],
)
def test_a_broken_package_is_one_line_that_names_it(packages, name, text, value, why):
    packages.add(name, text, value)
    with pytest.raises(UsageError) as error:
        registered("targets", TARGETS)
    (line,) = str(error.value).splitlines()
    assert line.startswith(
        f"package {name} cannot be used: {value.format(name)} of its entry point exafscn.targets: "
    )
    assert why in line
    assert line.endswith(f"; mend it, or remove it by `pip uninstall {name}`")
    assert len(line) < 500


def test_two_packages_of_one_kind_are_both_named(packages):
    packages.add("first_of_two", good("mine"))
    packages.add("second_of_two", good("mine"))
    with pytest.raises(UsageError, match=r"package second_of_two .* taken by first_of_two; mend"):
        registered("targets", TARGETS)


def test_a_kind_that_stands_beside_a_registry_is_taken(packages):
    packages.add(
        "another_concatenation",
        "from typing import Literal\n"
        "from exafscn_flows.features.r_space import RSpace\n"
        "class Mine(RSpace):\n"
        '    kind: Literal["concatenation"] = "concatenation"\n',
        group="exafscn.features",
    )
    with pytest.raises(UsageError, match="'concatenation' is taken by exafscn"):
        registered("features", SETS, reserved=["concatenation"])


def test_one_class_alone_is_chosen_without_a_word():
    assert one_of(TARGETS[:1]) is TARGETS[0]
