"""The container recipe, as far as it can be checked where no container can be built."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# https://apptainer.org/docs/user/main/definition_files.html
SCRIPTS = {"%pre", "%setup", "%post", "%test", "%runscript", "%startscript"}
SECTIONS = SCRIPTS | {"%files", "%environment", "%labels", "%help", "%arguments"}


def sections() -> tuple[list[str], dict[str, list[str]]]:
    """Part the recipe into its header and its sections."""
    header: list[str] = []
    found: dict[str, list[str]] = {}
    lines = header
    for line in (ROOT / "exafscn.def").read_text().splitlines():
        if line.startswith("%"):
            name = line.split()[0]
            assert name not in found, f"{name} is there twice"
            lines = found[name] = []
        else:
            lines.append(line)
    return header, found


def test_the_header_names_where_the_image_begins() -> None:
    header, _ = sections()
    keys = dict(line.split(": ", 1) for line in header if line)
    assert keys["Bootstrap"] == "docker"
    python = re.fullmatch(r"python:(3\.\d+)-slim-\w+", keys["From"])
    assert python is not None
    assert f'requires-python = ">={python[1]}"' in (ROOT / "pyproject.toml").read_text()


def test_every_section_is_one_that_apptainer_knows_and_a_shell_can_read() -> None:
    _, found = sections()
    assert set(found) <= SECTIONS
    for name in {*SCRIPTS, "%environment"} & set(found):
        script = "\n".join(found[name])
        done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), name
    assert any('"$@"' in line for line in found["%runscript"])


def test_it_installs_what_there_is() -> None:
    _, found = sections()
    script = "\n".join(found["%post"])
    extras = re.search(r"'\.\[([a-z0-9,]+)\]'", script)
    assert extras is not None
    project = (ROOT / "pyproject.toml").read_text()
    for extra in extras[1].split(","):
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE), extra
    assert (ROOT / re.search(r"--constraint (\S+)", script)[1]).is_file()  # type: ignore[index]
