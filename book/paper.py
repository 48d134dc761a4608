"""The built book as one PDF, to print or to read without a browser: `make pdf`.

Chromium prints each page, with everything unfolded; the pages are joined in the order of the
contents, which becomes the outline.
"""

from __future__ import annotations

import base64
import io
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from pypdf import PdfReader, PdfWriter
from selenium import webdriver

ROOT = Path(__file__).resolve().parents[1]
BUILT, OUT = ROOT / "_build" / "html", ROOT / "_build" / "quest82.pdf"
A4 = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True, "scale": 0.72}
HEADLESS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
MARGINS = dict.fromkeys(("marginTop", "marginBottom", "marginLeft", "marginRight"), 0.6)  # inches
FOOT = (
    '<div style="font-size: 8px; width: 100%; text-align: center">'
    '<span class="title"></span> &middot; <span class="pageNumber"></span></div>'
)
# Unfolds what is folded, has all images load, and waits for them, for formulas and fonts.
SETTLE = """
const done = arguments[0];
(async () => {
  if (document.readyState !== 'complete')
    await new Promise(loaded => addEventListener('load', loaded));
  for (const folded of document.querySelectorAll('details')) folded.open = true;
  for (const folded of document.querySelectorAll('.toggle-hidden'))
    folded.classList.remove('toggle-hidden');
  for (const image of document.images) image.loading = 'eager';
  await Promise.all([...document.images].map(image => image.complete || new Promise(loaded => {
    image.onload = image.onerror = loaded;
  })));
  await window.MathJax?.startup?.promise;
  await document.fonts.ready;
})().then(() => done(), error => done(String(error)));
"""


def chapters(entry: dict, part: str = "") -> Iterator[tuple[str, str]]:
    """Each page of a table of contents, with the part that it belongs to."""
    if name := entry.get("root", entry.get("file")):
        yield name, part
    for inner in (e for key in ("parts", "chapters", "sections") for e in entry.get(key, [])):
        yield from chapters(inner, inner.get("caption", part))


def start_browser(*arguments: str, logs: Mapping[str, str] | None = None) -> webdriver.Chrome:
    """A Chromium without a window, from this machine's PATH.

    Args:
        arguments: more of them for its command line.
        logs: what it is to log -> from which level.

    Raises:
        FileNotFoundError: if there is none, or no chromedriver.
    """
    names = ("chromium", "chromium-browser", "google-chrome")
    program, driver = (
        next(filter(None, map(shutil.which, names)), None),
        shutil.which("chromedriver"),
    )
    if not program or not driver:
        raise FileNotFoundError("Chromium and chromedriver are not both on the PATH; install them")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", dict(logs or {}))
    for argument in (*HEADLESS, *arguments):
        options.add_argument(argument)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def settle(browser: webdriver.Chrome) -> None:
    """Wait until a page is at rest, with everything unfolded and loaded.

    Raises:
        RuntimeError: what went wrong in the page.
    """
    if error := browser.execute_async_script(SETTLE):
        raise RuntimeError(error)


def printed(browser: webdriver.Chrome, path: Path) -> PdfReader:
    """A page of the book as a PDF."""
    browser.get(path.as_uri())
    browser.set_script_timeout(120)
    settle(browser)
    browser.execute_script("document.documentElement.dataset.theme = 'light'")
    how = {**A4, **MARGINS, "displayHeaderFooter": True, "footerTemplate": FOOT}
    answer = browser.execute_cdp_cmd("Page.printToPDF", {**how, "headerTemplate": "<span></span>"})
    return PdfReader(io.BytesIO(base64.b64decode(answer["data"])))


def main() -> None:
    """Print the whole book into `_build/quest82.pdf`."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    book, parts, browser = PdfWriter(), {}, start_browser()
    for name, part in chapters(contents):
        path = BUILT / f"{name}.html"
        if not path.exists():
            sys.exit(f"{path}: is missing; build the book first, with `make book`")
        first, pages = len(book.pages), printed(browser, path)
        for page in pages.pages:
            book.add_page(page)
        if part and part not in parts:
            parts[part] = book.add_outline_item(title=part, page_number=first)
        title = (pages.metadata and pages.metadata.title) or name
        book.add_outline_item(
            title=title.split(" — ")[0], page_number=first, parent=parts.get(part)
        )
    browser.quit()
    book.add_metadata({"/Title": "quest82", "/Author": "The quest82 authors"})
    book.compress_identical_objects()
    book.write(OUT)
    print(f"{len(book.pages)} pages in {OUT}")


if __name__ == "__main__":
    main()
