"""The package as users install it: the wheel, the command's start, declared dependencies."""

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("exafscn_flows", "workflows", "launcher")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HEAVY = {"dask", "larch", "numpy", "pandas", "pymatgen", "pymongo", "sklearn", "torch"}


def run(*command: str | Path, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess:
    env = {**os.environ, "PYTHONPATH": str(path) if path else ""}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True
    )


def locked_versions() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pins}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Wheel built from a copy of the sources, where no older build can leak into it."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    pip = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index")
    built = run(*pip, "--wheel-dir", source / "dist", source, cwd=source)
    assert built.returncode == 0, built.stderr
    return next((source / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """Folder with the unpacked wheel, as pip installs it, without its dependencies."""
    target = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", target)
    done = run(*pip, wheel, cwd=target)
    assert done.returncode == 0, done.stderr
    return target


def test_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel):
    sources = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == sources
    assert {f"{package}/py.typed" for package in PACKAGES} <= packed


def test_type_checkers_and_editors_find_what_is_installed_to_be_edited(tmp_path):
    """As `make campaign` installs it; they run nothing, so that a finder of Python hides it."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for package in PACKAGES:
        (source / package).mkdir()
        (source / package / "__init__.py").write_text("")
        (source / package / "py.typed").write_text("")
    (source / "launcher" / "later.py").write_text("ANSWER: int = 42\n")
    code = "from setuptools.build_meta import build_editable; build_editable('.')"
    built = run(sys.executable, "-W", "ignore", "-c", code, cwd=source)
    assert built.returncode == 0, built.stderr
    made = run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    (site_packages,) = (tmp_path / "venv" / "lib").glob("*/site-packages")
    ZipFile(next(source.glob("*.whl"))).extractall(site_packages)
    checked = run(
        *(sys.executable, "-m", "mypy", "--python-executable", tmp_path / "venv/bin/python"),
        *("--cache-dir", os.devnull, "--strict"),
        *("-c", "import exafscn_flows, workflows; from launcher.later import ANSWER"),
        cwd=tmp_path,
    )
    assert checked.returncode == 0, checked.stdout


def test_installed_packages_import(installed, tmp_path):
    code = f"import {', '.join(PACKAGES)}; print(exafscn_flows.__file__)"
    done = run(sys.executable, "-c", code, cwd=tmp_path, path=installed)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(installed)


def test_help_starts_without_heavy_imports(installed, tmp_path):
    command = (sys.executable, "-X", "importtime", installed / "bin" / "exafscn", "--help")
    done = run(*command, cwd=tmp_path, path=installed)
    assert done.returncode == 0, done.stderr
    assert "run" in done.stdout
    imported = re.findall(r"^import time:.*\| +(\w+)", done.stderr, flags=re.MULTILINE)
    assert "launcher" in imported
    assert HEAVY.isdisjoint(imported)


def test_version_is_that_of_the_package(installed, tmp_path):
    done = run(
        sys.executable, installed / "bin" / "exafscn", "--version", cwd=tmp_path, path=installed
    )
    assert done.returncode == 0, done.stderr
    assert PROJECT["version"] in done.stdout.split()


def test_every_imported_library_is_a_declared_dependency():
    declared = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    extras = PROJECT["optional-dependencies"]
    lines = [line for name, some in extras.items() if name != "dev" for line in some]
    declared |= {canonicalize_name(Requirement(line).name) for line in lines}
    providers = importlib.metadata.packages_distributions()
    undeclared = {}
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            else:
                continue
            for top in {module.partition(".")[0] for module in modules}:
                if top in PACKAGES or top in sys.stdlib_module_names:
                    continue
                found = {canonicalize_name(name) for name in providers.get(top, [top])}
                if found.isdisjoint(declared):
                    undeclared[top] = path.relative_to(ROOT).as_posix()
    assert undeclared == {}


def test_lock_pins_a_version_in_range_for_every_dependency():
    locked = locked_versions()
    extras = PROJECT["optional-dependencies"]
    for line in [*PROJECT["dependencies"], *extras["mongod"], *extras["dev"]]:
        requirement = Requirement(line)
        if requirement.name != PROJECT["name"]:
            assert locked[canonicalize_name(requirement.name)] in requirement.specifier, line


def test_lock_fits_any_index_and_holds_no_cuda():
    locked = locked_versions()
    assert not [name for name, version in locked.items() if "+" in version]
    assert not [name for name in locked if name.startswith(("cuda", "nvidia", "triton"))]


def test_citation_names_the_version_of_the_package():
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {PROJECT['version']}\n" in citation


def test_the_picture_of_the_house_is_what_lint_checks():
    """Rooms in the README, from above to below, as the contracts for imports have them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = [one["layers"] for one in contracts["contracts"] if one["type"] == "layers"]
    (text,) = re.findall(r"```text\n(launcher .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    floors = re.findall(r"^(\w+)", text, re.MULTILINE)
    rooms = re.findall(r"^ {4}(\w+(?: \| \w+)*)", text, re.MULTILINE)
    assert [floors, rooms] == layers
    folders = {path.parent.name for path in (ROOT / "exafscn_flows").glob("*/__init__.py")}
    assert folders <= {room for line in rooms for room in line.split(" | ")}
