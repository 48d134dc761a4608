"""The built book as one PDF, to print or to read without a browser: `make pdf`.

Chromium prints each page, with everything unfolded; the pages are joined in the order of the
contents, which becomes the outline.
"""

from __future__ import annotations

import base64
import io
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from pypdf import PdfReader, PdfWriter
from selenium import webdriver

ROOT = Path(__file__).resolve().parents[1]
BUILT, OUT = ROOT / "_build" / "html", ROOT / "_build" / "quest82.pdf"
A4 = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True, "scale": 0.72}
MARGINS = dict.fromkeys(("marginTop", "marginBottom", "marginLeft", "marginRight"), 0.6)  # inches
FOOT = (
    '<div style="font-size: 8px; width: 100%; text-align: center">'
    '<span class="title"></span> &middot; <span class="pageNumber"></span></div>'
)
# Waits for formulas and images, and unfolds what paper cannot.
READY = """
const done = arguments[0];
for (const folded of document.querySelectorAll('details')) folded.open = true;
for (const folded of document.querySelectorAll('.toggle-hidden'))
  folded.classList.remove('toggle-hidden');
document.documentElement.dataset.theme = 'light';
const images = [...document.querySelectorAll('img:not(.only-dark)')];
for (const image of images) image.loading = 'eager';
Promise.allSettled([window.MathJax?.startup?.promise, ...images.map(i => i.decode())]).then(done);
"""


def chapters(entry: dict, part: str = "") -> Iterator[tuple[str, str]]:
    """Each page of a table of contents, with the part that it belongs to."""
    if name := entry.get("root", entry.get("file")):
        yield name, part
    for inner in (*entry.get("parts", []), *entry.get("chapters", [])):
        yield from chapters(inner, inner.get("caption", part))


def start_browser() -> webdriver.Chrome:
    """A Chromium without a window, from this machine's PATH.

    Raises:
        FileNotFoundError: if there is none, or no chromedriver.
    """
    options = webdriver.ChromeOptions()
    names = ("chromium", "chromium-browser", "google-chrome")
    program, driver = (
        next(filter(None, map(shutil.which, names)), None),
        shutil.which("chromedriver"),
    )
    if not program or not driver:
        raise FileNotFoundError(
            "printing needs Chromium and chromedriver on the PATH; install both"
        )
    options.binary_location = program
    for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(option)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def printed(browser: webdriver.Chrome, path: Path) -> PdfReader:
    """A page of the book as a PDF."""
    browser.get(path.as_uri())
    browser.set_script_timeout(120)
    browser.execute_async_script(READY)
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
