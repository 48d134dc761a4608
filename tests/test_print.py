"""The book on paper: what a page prints, read back from the PDF."""

from __future__ import annotations

import pytest
import yaml
from browsing import ROOT, paper


def test_pages_are_printed_in_the_order_of_the_contents():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    names = list(paper.chapters(contents))
    assert names[0] == ("book/index", "")
    assert names[1] == ("book/actions", "The course")
    assert len(names) == len(set(names)) == (ROOT / "_toc.yml").read_text().count("book/")


def test_a_printed_chapter_has_its_folded_solutions_and_fits_the_paper(book):
    try:
        browser = paper.start_browser()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    try:
        pages = paper.printed(browser, book / "book" / "essences.html").pages
    finally:
        browser.quit()
    text = " ".join(" ".join(page.extract_text() for page in pages).split())
    assert "Solution to Exercise" in text
    assert "A mirrored room contains the same things" in text
    sizes = {tuple(float(side) for side in page.mediabox[2:]) for page in pages}
    assert all(size == pytest.approx((595.3, 841.9), abs=1) for size in sizes)  # A4
    assert all(page.extract_text().strip() for page in pages)
