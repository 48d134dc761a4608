"""The built book, and a browser that reads it; nothing is ever downloaded to have one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from selenium import webdriver

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


def is_up_to_date() -> bool:
    """Whether the book that `make book` left is newer than all that it is made from."""
    files = [*(ROOT / "book").rglob("*"), *(ROOT / "quest82").rglob("*.py"), *ROOT.glob("_*.yml")]
    made = ("checkpoint", "__pycache__")
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
    source = Path(__file__).with_name("pages.js").read_text("utf-8")
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": source})
    return driver


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
