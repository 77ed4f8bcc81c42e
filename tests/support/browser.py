"""A real browser, and a page that it shows as users see it."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from campaigns import EXAFSCN
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium")

HERE = ("http://127.0.0.1:", "data:", "blob:", "about:")


def why_not() -> str:
    """Why there is no browser; empty if there is one."""
    return "" if CHROMIUM else "chromium is not installed"


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Start a browser without a window."""
    # Without a graphics card, WebGL is computed; the sandbox needs a user who is not root.
    options = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    options += ["--no-sandbox"] * (os.getuid() == 0)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def serving(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """Run `exafscn serve` at a free port; yields the address that it prints."""
    command = [EXAFSCN, "serve", "--port", "0"]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found
            yield found[0]
        finally:
            process.terminate()


@dataclass
class Watched:
    """A page, and what must not happen on it."""

    page: Page
    outside: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", self._requested)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._said)
        # Long, for machines that are busy with other things.
        self.page.set_default_timeout(120_000)

    def _requested(self, request: object) -> None:
        address = request.url  # type: ignore[attr-defined]
        if not address.startswith(HERE):
            self.outside.append(address)

    def _said(self, message: object) -> None:
        if message.type == "error":  # type: ignore[attr-defined]
            self.complaints.append(message.text)  # type: ignore[attr-defined]

    def check(self) -> None:
        """Fail if the page has asked another machine, or the browser has complained."""
        assert self.outside == []
        assert self.complaints == []

    def check_accessible(self) -> None:
        """Fail if axe-core finds something serious."""
        found = Axe().run(self.page).response["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        assert serious == [], [(one["id"], one["nodes"][0]["html"]) for one in serious]

    def is_scrolled_sideways(self) -> bool:
        """Whether the page is wider than the window."""
        wide = "() => document.documentElement.scrollWidth > window.innerWidth"
        return bool(self.page.evaluate(wide))
