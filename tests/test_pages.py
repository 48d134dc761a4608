"""The built book, page by page: what a reader would trip over, without and with a browser."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import product, takewhile
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
import yaml
from browsing import ROOT, Browsers, paper, see
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

# How a page fetches a file: by these attributes, by these kinds of <link>, from a style sheet.
LOADS = {"img": "src", "script": "src", "source": "src", "video": "src", "iframe": "src"}
LOADING_LINKS = {"stylesheet", "preload", "icon", "shortcut icon"}
FOREIGN_STYLE = re.compile(r"(?:url\(|@import)\s*['\"]?\s*(?:https?:)?//[^)'\"]*")

# What stays in the text when a role, a fence, a link, an image or a formula is not understood.
LEFTOVER = re.compile(r"\{[a-z][a-z:_-]*\}|:::|```|\]\(|!\[|\\\(|\\\[|\$\$")
NOT_PROSE = {"script", "style", "pre", "code", "math", "onlyprint"}  # elements and classes
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
MIN_WORDS = 100  # that the search index knows of a chapter

WIDTHS = (390, 1440)  # a telephone, a desk
NUM_STOPS = 15  # presses of Tab on each page
THEMES = ("light", "dark")
MOST_BYTES = 2 * 1024**2  # of a page and the images that one theme shows
MIN_CONTRAST = 4.5  # WCAG 2, level AA


NAMES = [name for name, _ in paper.chapters(yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8")))]
NOTEBOOKS = [name for name in NAMES if (ROOT / f"{name}.ipynb").exists()]
ALL_NAMES = list(dict.fromkeys([*NAMES, "genindex", "search"]))


class Page(HTMLParser):
    """The elements of a built page, and its text outside code and formulas."""

    def __init__(self, path: Path):
        super().__init__()
        self.path, self.open, self.elements, self.prose = path, [], [], ""
        self.feed(path.read_text("utf-8"))
        self.ids = {attributes.get("id") for _, attributes in self.elements}

    def handle_starttag(self, tag, attributes):
        attributes = {key: value or "" for key, value in attributes}
        kinds = {tag, *attributes.get("class", "").split()}
        if tag not in VOID:
            self.open.append((tag, kinds))
        if not any("onlyprint" in kinds for _, kinds in self.open):
            self.elements.append((tag, attributes))

    def handle_endtag(self, tag):
        if any(tag == opened for opened, _ in self.open):
            while self.open.pop()[0] != tag:
                pass

    def handle_data(self, data):
        if not any(kinds & NOT_PROSE for _, kinds in self.open):
            self.prose += data

    def values(self, tag: str, attribute: str) -> list[str]:
        return [a[attribute] for t, a in self.elements if t == tag and attribute in a]

    def links(self, kind: str) -> list[str]:
        """Addresses of the links of a class."""
        return [a["href"] for t, a in self.elements if t == "a" and kind in a.get("class", "")]

    def loads(self) -> list[str]:
        """Addresses of what the page fetches by itself."""
        links = [a["href"] for t, a in self.elements if t == "link" and a["rel"] in LOADING_LINKS]
        return links + [value for item in LOADS.items() for value in self.values(*item)]

    def weight(self) -> int:
        """Bytes of the page and its images, as the light theme shows them."""
        shown = {
            a["src"]
            for t, a in self.elements
            if t == "img" and "only-dark" not in a.get("class", "")
        }
        files = [self.follow(address)[0] for address in shown if is_local(address)]
        return sum(file.stat().st_size for file in [self.path, *files])

    def follow(self, address: str) -> tuple[Path, str]:
        """The file, and the id in it, that an address on this page means."""
        address, fragment = urldefrag(address)
        path = unquote(urlsplit(address).path)
        return (self.path.parent / path).resolve() if path else self.path, unquote(fragment)


def is_local(address: str) -> bool:
    return not urlsplit(address).scheme and not urlsplit(address).netloc


@pytest.fixture(scope="session")
def pages(book) -> dict[Path, Page]:
    paths = [path for path in book.rglob("*.html") if "_static" not in path.parts]
    return {path: Page(path) for path in paths}


def test_the_builder_has_nothing_to_complain_about(built):
    assert built[1] == ""


def test_every_page_of_the_contents_is_built(book, pages):
    assert {book / f"{name}.html" for name in ALL_NAMES} <= set(pages)


def test_the_front_door_opens_on_the_first_page(book):
    assert f"url={NAMES[0]}.html" in (book / "index.html").read_text("utf-8")


def test_every_link_leads_somewhere(pages):
    dead = []
    for page in pages.values():
        for address in filter(is_local, page.values("a", "href") + page.values("link", "href")):
            path, fragment = page.follow(address)
            if not path.exists() or fragment and path in pages and fragment not in pages[path].ids:
                dead.append(f"{page.path.name} -> {address}")
    assert dead == []


def test_every_image_script_and_style_is_there(pages):
    missing = [
        f"{page.path.name} -> {address}"
        for page in pages.values()
        for address in filter(is_local, page.loads())
        if not page.follow(address)[0].is_file()
    ]
    assert missing == []


def test_nothing_is_fetched_from_another_host(book, pages):
    """A reader on a train sees the whole book, and nobody learns who reads it."""
    fetched = {a for page in pages.values() for a in page.loads() if not is_local(a)}
    assert [address for address in fetched if not address.startswith("data:")] == []
    for path in [*pages, *book.rglob("*.css")]:
        assert FOREIGN_STYLE.findall(path.read_text("utf-8")) == [], path.name


def test_every_image_has_words_for_those_who_do_not_see_it(pages):
    images = [
        (page.path.name, attributes)
        for page in pages.values()
        for tag, attributes in page.elements
        if tag in ("img", "video")
    ]
    assert [p for p in images if not (p[1].get("alt") or p[1].get("aria-label"))] == []


@pytest.mark.parametrize("name", ALL_NAMES)
def test_a_page_says_its_language_and_has_one_title(book, pages, name):
    page = pages[book / f"{name}.html"]
    assert page.values("html", "lang") == ["en"]
    assert [tag for tag, _ in page.elements].count("h1") == 1


@pytest.mark.parametrize("name", NAMES)
def test_no_markup_is_left_in_the_text(book, pages, name):
    """A role or a formula that was not understood stands in the page as it was typed."""
    page = pages[book / f"{name}.html"]
    assert LEFTOVER.findall(page.prose) == []
    kinds = {kind for _, a in page.elements for kind in a.get("class", "").split()}
    assert not kinds & {"problematic", "system-message"}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_chapter_can_be_downloaded_as_a_notebook(book, pages, name):
    page = pages[book / f"{name}.html"]
    (address,) = page.links("btn-download-source-button")
    path, _ = page.follow(address)
    assert path.name == Path(f"{name}.ipynb").name
    assert json.loads(path.read_text("utf-8"))["cells"]


def test_next_and_previous_lead_through_the_whole_book_in_order(book, pages):
    paths = [book / f"{name}.html" for name in NAMES]
    for path, before, after in zip(paths, [None, *paths], [*paths[1:], None], strict=False):
        page = pages[path]
        assert [page.follow(a)[0] for a in page.links("left-prev")] == [before] * bool(before)
        assert [page.follow(a)[0] for a in page.links("right-next")] == [after] * bool(after)


def test_the_search_knows_the_words_of_every_chapter(book):
    text = (book / "searchindex.js").read_text("utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    found = [[where] if isinstance(where, int) else where for where in index["terms"].values()]
    words = Counter(index["docnames"][number] for numbers in found for number in numbers)
    assert {name: words[name] for name in NOTEBOOKS if words[name] < MIN_WORDS} == {}


@pytest.fixture(scope="module")
def browsers(tmp_path_factory):
    browsers = Browsers(tmp_path_factory.mktemp)
    yield browsers
    browsers.discard()


# With a browser. Each page is opened once at each width, and every law is tried on it.
# What is asked of a page there is in pages.js.


@pytest.fixture(scope="module", params=product(ALL_NAMES, WIDTHS), ids=lambda p: f"{p[0]}-{p[1]}")
def view(request, browsers, book):
    name, width = request.param
    return browsers.see(book / f"{name}.html", width=width)


def test_no_script_fails_and_no_file_is_missing(view):
    assert [entry["message"] for entry in view.get_log("browser")] == []


def test_every_image_is_shown(view):
    assert view.execute_script("return look.lostImages()") == []


def test_every_formula_is_set(view):
    assert view.execute_script("return look.badFormulas()") == []


def test_nobody_has_to_scroll_sideways(view):
    assert view.execute_script("return look.tooWide()") == []


def test_only_code_is_scrolled_sideways(view):
    assert view.execute_script("return look.scrolledSideways()") == []


def test_every_caption_can_be_read(view):
    assert view.execute_script("return look.lostCaptions()") == []


def test_no_formula_and_no_output_is_cut_off(view):
    assert view.execute_script("return look.cutOff()") == []


def test_drawings_stand_on_the_page_itself_in_the_dark(view):
    assert set(view.execute_script("return look.grounds()")) <= {"rgba(0, 0, 0, 0) 0px"}


def test_every_image_keeps_its_place_while_it_loads(view):
    assert view.execute_script("return look.unsized()") == []


def press_tab(view) -> dict:
    ActionChains(view, duration=0).send_keys(Keys.TAB).perform()
    return view.execute_script("return look.tabStop()")


def test_a_reader_without_a_mouse_sees_where_they_are(view):
    """Tab moves through links and buttons that are in sight and ringed, until the page ends."""
    stops = (press_tab(view) for _ in range(NUM_STOPS))
    stops = list(takewhile(lambda stop: stop["tag"] != "BODY", stops))
    assert [stop["name"] for stop in stops if not (stop["seen"] and stop["ringed"])] == []
    assert "A" in {stop["tag"] for stop in stops}


@pytest.mark.parametrize("theme", THEMES)
def test_text_stands_out_from_its_ground(view, theme):
    assert view.execute_script("return look.faintText(...arguments)", theme, MIN_CONTRAST) == []


def test_photographs_keep_their_colours_on_a_white_card_in_the_dark(view):
    assert set(view.execute_script("return look.cards()")) <= {"rgb(255, 255, 255) none"}


def test_every_drawing_has_a_light_and_a_dark_variant_and_one_is_shown(view):
    light, dark = (view.execute_script("return look.drawings(arguments[0])", t) for t in THEMES)
    assert [address.replace(".dark.svg", ".svg") for address in dark] == light
    assert all(address.endswith(".dark.svg") for address in dark)


def test_a_page_is_light_enough_for_a_phone(pages):
    weights = {page.path.name: page.weight() for page in pages.values()}
    assert {name: weight for name, weight in weights.items() if weight > MOST_BYTES} == {}


def test_a_reader_whose_system_is_dark_gets_dark_pages(browser, book):
    dark = {"name": "prefers-color-scheme", "value": "dark"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [dark]})
    see(browser, book / f"{NAMES[0]}.html", width=WIDTHS[1])
    theme = browser.execute_script("return document.documentElement.dataset.theme")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert theme == "dark"


@pytest.mark.parametrize("width", WIDTHS)
def test_searching_from_the_keyboard_finds_chapters(browser, book, width):
    see(browser, book / f"{NAMES[0]}.html", width=width)
    keys = ActionChains(browser).key_down(Keys.CONTROL).send_keys("k").key_up(Keys.CONTROL)
    keys.pause(0.3).send_keys("essence", Keys.ENTER).perform()
    chapters = {(book / f"{name}.html").as_uri() for name in NOTEBOOKS}

    def chapters_found(browser):
        """Results appear one after the other, as the page reads what it lists."""
        links = browser.find_elements(By.CSS_SELECTOR, "#search-results li a")
        addresses = (urldefrag(link.get_attribute("href")).url for link in links)
        return chapters & {address.split("?")[0] for address in addresses}

    WebDriverWait(browser, 10).until(lambda browser: len(chapters_found(browser)) >= 2)
