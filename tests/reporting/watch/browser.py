"""A real browser for tests: Debian's chromium without a window, where it and Playwright are there."""

import contextlib
import re
import shutil
import signal
import subprocess
import sys

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextlib.contextmanager
def serving(folder, *options):
    """The address of ``gluonlab watch`` over ``folder``."""
    pytest.importorskip("uvicorn")
    pytest.importorskip("starlette")
    command = [sys.executable, "-m", "gluonlab.cli.main", "watch", str(folder), "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            yield re.match(r"http://\S+", server.stdout.readline()).group()
        finally:
            server.send_signal(signal.SIGINT)
            server.communicate(timeout=20)


class Seen:
    """What a page said on its console, and whom it asked."""

    def __init__(self, page):
        self.said, self.asked = [], []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def said_but_404(self):
        """All but what chromium says of requests for a run that is gone."""
        return [text for text in self.said if "404" not in text]

    def elsewhere(self, address):
        """Requests that left for another place than ``address``."""
        home = address.partition("?")[0]
        return [url for url in self.asked if not url.startswith((home, "data:"))]


@contextlib.contextmanager
def opened(address, width=1100, height=1000, color_scheme="light"):
    """A page at ``address``, and what was `Seen` of it."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no chromium here")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=color_scheme)
        page.set_default_timeout(60_000)
        seen = Seen(page)
        page.goto(address, wait_until="domcontentloaded")
        try:
            yield page, seen
        finally:
            browser.close()
