"""The built book, and a browser that reads it; nothing is ever downloaded to have one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from urllib3.exceptions import ReadTimeoutError

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book"))
import paper  # noqa: E402

BUILT = ROOT / "_build" / "html"
BUILD = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"

OPTIONS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # a reader without a network
)
PATIENCE = 60  # seconds that an answer may take; a page takes two on a busy core
HANGS = (ReadTimeoutError, TimeoutException)


def is_up_to_date() -> bool:
    """Whether the book that `make book` left is newer than all that it is made from."""
    files = [*(ROOT / "book").rglob("*"), *(ROOT / "quest82").rglob("*.py"), *ROOT.glob("_*.yml")]
    made = ("checkpoint", "__pycache__", "locale")
    changed = max(
        f.stat().st_mtime for f in files if f.is_file() and not any(m in str(f) for m in made)
    )
    mark = BUILT / "searchindex.js"
    return mark.exists() and mark.stat().st_mtime > changed


def build(folder: Path) -> tuple[Path, str]:
    """The book in a folder, and what the builder complained about."""
    flags = ("-W", "--keep-going", "--quiet", "--path-output", folder)
    command = [sys.executable, "-c", BUILD, "build", ROOT, *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return (folder / "_build" / "html").resolve(), done.stderr if done.returncode else ""


def start_browser(folder: Path, *, log_requests: bool = False) -> webdriver.Chrome:
    """A headless Chromium from the distribution, which knows the functions of pages.js.

    Args:
        folder: an empty one, for its profile.
        log_requests: have a log "performance" of every request, too.
    """
    logs = {"browser": "SEVERE", **({"performance": "ALL"} if log_requests else {})}
    try:
        driver = paper.start_browser(*OPTIONS, f"--user-data-dir={folder}", logs=logs)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    driver.command_executor.client_config.timeout = PATIENCE
    driver.set_page_load_timeout(PATIENCE / 2)
    source = Path(__file__).with_name("pages.js").read_text("utf-8")
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": source})
    return driver


class Browsers:
    """One Chromium at a time, and another one when it hangs, so that a hang costs one page."""

    def __init__(self, make_folder):
        self.make_folder, self.driver = make_folder, None

    def see(self, path: Path, *, width: int) -> webdriver.Chrome:
        """Opens a page as `see` does; if the browser does not answer, once more in a new one."""
        try:
            return self._see(path, width)
        except HANGS:
            self.discard()
            return self._see(path, width)

    def _see(self, path: Path, width: int) -> webdriver.Chrome:
        self.driver = self.driver or start_browser(self.make_folder("chromium"))
        self.driver.get_log("browser")  # what an earlier page said is not this one's
        see(self.driver, path, width=width)
        return self.driver

    def discard(self):
        """Stop the browser, whether it still answers or not."""
        if self.driver is None:
            return
        service = psutil.Process(self.driver.service.process.pid)
        for process in [*service.children(recursive=True), service]:
            process.kill()
        self.driver = None


def see(browser, path: Path, *, width: int):
    """Opens a page as a file and waits until it is at rest."""
    set_width(browser, width)
    browser.get("about:blank")  # or the same page, opened again, is taken for the one before
    browser.get(path.as_uri())
    browser.execute_script("look.stopMotion()")
    paper.settle(browser)


def set_width(browser, width: int):
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)


def set_media(browser, *features: str):
    """What a reader's system prefers, such as "prefers-color-scheme: dark"; else its defaults."""
    pairs = [dict(zip(("name", "value"), f.split(": "), strict=True)) for f in features]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": pairs})
