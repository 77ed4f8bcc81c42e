"""Take the pictures of the page from a finished campaign, whose spectra FEFF has computed.

python docs/web_pictures.py --campaign quickstart --absorber Zn

The spectra that are dropped are made of those of its sites. The folder that is watched
holds mixtures of the first and the last of them: a reaction as it could be. Needs the Debian
package `chromium`, and playwright.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
from computed_spectra import write_spectra
from playwright.sync_api import Page, sync_playwright
from waitress.server import create_server

from exafscn_flows.processing import process
from exafscn_flows.sources.measured import MeasuredSpectrum, read_measured
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.queries import find_page
from exafscn_flows.store.store import Store
from exafscn_flows.web.access import HOST, Access
from exafscn_flows.web.app import make_server
from exafscn_flows.web.library import Library

IMAGES = Path(__file__).parent / "images"
WIDTH = 1200
SCANS = 12
MOST = 3
"""Spectra that are dropped."""
OPTIONS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--campaign", default="quickstart")
    parser.add_argument("--absorber", default="Zn")
    arguments = parser.parse_args()
    campaign = arguments.campaign
    best = find_page(Store.open(), PredictionQuery(campaign=campaign), limit=1).rows[0]
    with (
        tempfile.TemporaryDirectory(prefix="spectra-") as spectra,
        tempfile.TemporaryDirectory(prefix="reaction-") as folder,
        serving() as access,
    ):
        files = write_spectra(campaign, arguments.absorber, MOST, Path(spectra))
        write_reaction(files[0], files[-1], Path(folder))
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=OPTIONS)
            page = browser.new_page(viewport={"width": WIDTH, "height": 1000})
            page.set_default_timeout(120_000)  # of a machine that is busy
            page.goto(access.link)
            page.set_input_files("#drop input[type=file]", files)
            page.wait_for_selector("#verdict h2")
            page.fill("#known-campaign", campaign)
            page.keyboard.press("Enter")
            page.locator("#known table, #known .alert").first.wait_for()
            take(page, "spectrum", 1700)
            page.goto(f"{access.address}watch?{urlencode({'folder': folder})}")
            page.locator("#watch-table tbody tr").nth(SCANS - 1).wait_for(timeout=120_000)
            take(page, "watch", 1000)
            page.goto(f"{access.address}screening?{urlencode({'campaign': campaign, 'limit': 10})}")
            page.wait_for_selector("#confusion h2")
            take(page, "screening", 1900)
            place = urlencode({"campaign": campaign, "site": best["site"]})
            page.goto(f"{access.address}site?{place}")
            page.wait_for_selector("#crystal canvas")
            take(page, "site", 1900)
            page.goto(f"{access.address}campaign?{urlencode({'campaign': campaign})}")
            page.wait_for_selector("table")
            take(page, "campaign", 1000)
            page.goto(f"{access.address}api/")
            take(page, "api", 900)
            browser.close()


@contextmanager
def serving() -> Iterator[Access]:
    """Serve the page in this process."""
    library = Library()
    server = create_server(lambda *asked: application(*asked), host=HOST, port=0, threads=8)
    access = Access(int(server.effective_port))
    application = make_server(access, library)
    threading.Thread(target=server.run, daemon=True).start()
    yield access
    library.close()


def take(page: Page, name: str, height: int) -> None:
    """Take a picture of a page, of its beginning if it is long."""
    page.wait_for_timeout(2500)
    path = IMAGES / f"web-{name}.png"
    whole = page.evaluate("() => document.documentElement.scrollHeight")
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": min(height, whole)}
    page.screenshot(path=path, full_page=True, clip=clip)
    print(path)


def write_reaction(first: str, last: str, folder: Path) -> None:
    """Write mixtures of two spectra, from the one to the other, as scans one after the other."""
    begin, end = (process(*_mu(path)) for path in (first, last))
    after = np.interp(begin.energy, end.energy, end.norm)
    for number, share in enumerate(np.linspace(0, 1, SCANS), 1):
        mixed = (1 - share) * begin.norm + share * after
        rows = "".join(f"{x:.3f} {y:.6f}\n" for x, y in zip(begin.energy, mixed, strict=True))
        (folder / f"scan_{number:03d}.dat").write_text(f"# energy norm\n{rows}")
        time.sleep(0.01)


def _mu(path: str) -> tuple[np.ndarray, np.ndarray, str]:
    spectrum = read_measured(path)[0]
    assert isinstance(spectrum, MeasuredSpectrum)
    assert spectrum.energy is not None
    assert spectrum.mu is not None
    assert spectrum.absorber is not None
    return spectrum.energy, spectrum.mu, spectrum.absorber


if __name__ == "__main__":
    main()
