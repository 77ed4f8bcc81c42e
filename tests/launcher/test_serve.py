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


def test_who_comes_back_finds_the_spectra_and_what_was_changed(watched, files):
    page = watched.page
    drop(page, files)
    page.wait_for_selector("#verdict h2")
    page.get_by_role("button", name="second").click()
    page.locator("#as-command", has_text="--group second").wait_for()
    page.locator("#give-kmax").fill("9.5")
    page.locator("#as-command", has_text="--kmax 9.5").wait_for()
    page.get_by_role("link", name="Watch").click()
    page.wait_for_selector("#watch-folder")
    page.get_by_role("link", name="Spectrum").click()
    page.locator("#as-command", has_text="--group second --kmax 9.5").wait_for()
    page.locator("#answers tbody tr").nth(len(files)).wait_for()
    assert page.locator("#give-kmax").input_value() == "9.5"
    # The figures are seen below any number of spectra.
    assert page.locator("#answers .scrolls").bounding_box()["height"] <= 450


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
    assert answer.status == 401
    assert "holds" in page.inner_text("body") or "token" in page.inner_text("body")
    context.close()


@pytest.fixture(scope="module")
def screening(tmp_path_factory, finished):
    """Address of a page with the finished campaign."""
    with serving(tmp_path_factory.mktemp("serve"), finished.environment) as address:
        yield address


@pytest.fixture
def on_campaign(browser, screening):
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    watched = Watched(context.new_page())
    watched.page.goto(screening.replace("/?", "/screening?"))
    watched.page.wait_for_selector("#ask-absorber")
    yield watched
    watched.check()
    context.close()


def test_a_table_is_filtered_to_one_row_and_its_crystal_turns(on_campaign):
    page = on_campaign.page
    rows = page.locator("table").first.locator("tbody tr")
    assert rows.count() == 8
    page.wait_for_selector("#plot-scatter .scatterlayer .point")
    page.get_by_role("heading", name="Confusion").wait_for()
    on_campaign.check_accessible()

    # By keyboard alone: a formula, sent by Enter; then the one site that is left.
    formula = page.locator("#ask-formula")
    formula.focus()
    page.keyboard.type("NiO")
    page.keyboard.press("Enter")
    page.wait_for_url("**formula=NiO*")
    page.wait_for_selector("#ask-formula")
    assert page.locator("#ask-formula").input_value() == "NiO"
    page.locator("#as-command", has_text="--formula NiO").wait_for()
    found = page.locator("table").first.locator("tbody tr")
    page.select_option("#ask-sort", "doubtful")
    page.get_by_role("button", name="Find").click()
    page.wait_for_url("**sort=doubtful*")
    page.locator("#as-command", has_text="--sort doubtful").wait_for()
    one = found.first.locator("a").first
    key = one.inner_text()
    one.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/site?**")
    page.get_by_role("heading", name=key).wait_for()

    canvas = page.locator("#crystal canvas").first
    canvas.wait_for()
    page.wait_for_timeout(500)
    on_campaign.check_accessible()
    before = canvas.screenshot()
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 60, y - 40)
    page.mouse.down()
    page.mouse.move(x + 60, y + 30, steps=5)
    page.mouse.up()
    page.wait_for_timeout(300)
    assert canvas.screenshot() != before
    with page.expect_download() as download:
        page.get_by_role("link", name="CIF").click()
    assert "_cell_length_a" in Path(download.value.path()).read_text()


def test_going_back_shows_what_was_asked_before(on_campaign):
    page = on_campaign.page
    page.get_by_role("link", name="expected error").click()
    page.wait_for_url("**sort=expected_error*")
    page.get_by_role("link", name="Campaigns").click()
    page.get_by_role("link", name="test", exact=True).click()
    page.get_by_role("heading", name="Campaign test").wait_for()
    on_campaign.check_accessible()
    page.go_back()
    page.go_back()
    page.locator("#as-command", has_text="--sort expected_error").wait_for()


def test_pages_of_a_campaign_fit_a_narrow_window(on_campaign):
    page = on_campaign.page
    page.set_viewport_size({"width": 420, "height": 800})
    page.wait_for_selector("#plot-scatter .scatterlayer .point")
    assert not on_campaign.is_scrolled_sideways()
    page.locator("table a").nth(4).wait_for()
    page.locator("tbody a").first.click()
    page.locator("#crystal canvas").first.wait_for()
    assert not on_campaign.is_scrolled_sideways()
