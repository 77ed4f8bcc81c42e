"""The page in a real browser, as users see it."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from browser import Watched, running_browser, serving, why_not
from measurements import absorption, energies
from xas_files import COLUMNS, IRON, project, record, rows, xdi

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(bool(why_not()), reason=f"no browser here: {why_not()}"),
]

SHARED = Path(__file__).parents[2] / "shared" / "data" / "experimental"
ENERGY = energies()
MU = absorption(ENERGY)
I0 = np.full(len(ENERGY), 1e5)


@pytest.fixture(scope="module")
def browser():
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Address of a page without a database."""
    folder = tmp_path_factory.mktemp("serve")
    with serving(folder, {**os.environ, "EXAFSCN_DATA_DIR": str(folder / "none")}) as address:
        yield address
    assert not (folder / "none").exists()


@pytest.fixture
def watched(browser, address):
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    watched = Watched(context.new_page())
    watched.page.goto(address)
    watched.page.wait_for_selector("#drop")
    yield watched
    watched.check()
    context.close()


@pytest.fixture
def files(tmp_path):
    """Measured spectra: those at hand, or made ones."""
    found = sorted(SHARED.glob("*.xdi"))[:3]
    if not found:
        for name in ("one", "two", "three"):
            path = tmp_path / f"{name}.xdi"
            path.write_bytes(xdi(rows(ENERGY, I0, I0 * np.exp(-MU)), *COLUMNS, *IRON))
            found.append(path)
    both = tmp_path / "both.prj"
    both.write_bytes(project(record("first", ENERGY, MU), record("second", ENERGY, 2 * MU)))
    return [*found, both]


def drop(page, files):
    page.set_input_files("#drop input[type=file]", files)


def test_spectra_are_dropped_looked_at_and_taken_along(watched, files, tmp_path):
    page = watched.page
    text = tmp_path / "notes.txt"
    text.write_text("no spectrum\n")
    drop(page, [*files, text])
    page.wait_for_selector("#verdict h2")
    assert page.locator("#answers tbody tr").count() == len(files) + 2
    assert page.locator("#drop-said .alert").all_inner_texts()[0].startswith("notes.txt")
    page.wait_for_selector("#figure-mu .scatterlayer")
    page.wait_for_selector("#figure-probability .barlayer .point")
    watched.check_accessible()

    with page.expect_file_chooser():
        page.click("#drop")
    with page.expect_file_chooser():
        page.locator("#drop input").press("Space")

    # By keyboard: the second spectrum, and another end of k.
    page.get_by_role("button", name="second").focus()
    page.keyboard.press("Enter")
    page.locator("#as-command", has_text="--group second").wait_for()
    kmax = page.locator("#give-kmax")
    kmax.focus()
    kmax.press("ControlOrMeta+a")
    kmax.press_sequentially("9.5")
    page.locator("#as-command", has_text="--kmax 9.5").wait_for()
    assert "3 to 9.5" in page.locator("#verdict").inner_text()
    assert "kmax=9.5" in page.locator("#as-python").inner_text()
    # What makes no sense is said, and what is shown stays.
    kmax.fill("2")
    page.locator("#redo-said .alert", has_text="kmax").wait_for()
    assert "3 to 9.5" in page.locator("#verdict").inner_text()

    with page.expect_download() as download:
        page.get_by_text("All answers, CSV").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0].startswith("file,group,absorber")
    assert len(lines) == len(files) + 3


def test_drops_that_are_too_much_are_a_sentence_and_the_page_lives(watched, files, tmp_path):
    page = watched.page
    many = [tmp_path / f"{number}.dat" for number in range(200)]
    for path in many:
        path.write_bytes(b"1 2\n")
    drop(page, many)
    page.locator("#drop-said", has_text="200 files at once").wait_for()
    large = tmp_path / "large.dat"
    with large.open("wb") as file:
        file.truncate(31_000_000)
    drop(page, [large])
    page.locator("#drop-said", has_text="too much at once").wait_for()
    drop(page, files[:1])
    page.wait_for_selector("#verdict h2")
    assert page.locator("#drop-said .alert").count() == 0


def test_a_narrow_window_shows_all_of_it(watched, files):
    page = watched.page
    page.set_viewport_size({"width": 420, "height": 800})
    drop(page, files)
    page.wait_for_selector("#figure-mu .scatterlayer")
    assert not watched.is_scrolled_sideways()
    assert page.locator("#figure-mu").bounding_box()["width"] < 420


def test_the_address_without_the_token_shows_nothing(browser, address):
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(re.sub(r"\?.*", "", address))
    assert answer.status == 403
    assert "holds" in page.inner_text("body") or "token" in page.inner_text("body")
    context.close()
