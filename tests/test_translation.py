"""Editions in other languages: blocks, what a translation keeps, and the files that hold them."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book"))
import blocks  # noqa: E402
import translation  # noqa: E402

EVERY_PAGE = sorted(
    path for ending in ("*.md", "*.ipynb") for path in (ROOT / "book").rglob(ending)
    if not {*path.relative_to(ROOT).parts} & {*translation.LEFT_OUT}
)  # fmt: skip
EDITIONS = [
    f"{folder.name}/{page}"
    for folder in sorted(translation.LOCALE.iterdir())
    for page in (translation.SITE, *translation.PAGES)
]
LETTERS = str.maketrans("abcdefghijklmnopqrstuvwxyz", "абцдефгхийклмнопярстувшщыз")
KEPT = re.compile(
    r"\$\$.*?\$\$[^\n]*|\$[^$]+\$|\{[\w:-]+\}`[^`]+`|`[^`]+`|</?[a-z][^>]*>|\]\([^)]+\)", re.DOTALL
)


def in_another_script(block: str) -> str:
    """A language of our own: every word in Cyrillic letters, and thousands set off by a space."""
    words, tokens = KEPT.split(block), [*KEPT.findall(block), ""]
    said = [re.sub(r"(?<=\d),(?=\d{3})", " ", text.lower()).translate(LETTERS) for text in words]
    return "".join(text + token for text, token in zip(said, tokens, strict=True))


@pytest.fixture
def catalogues(tmp_path):
    """A folder with an edition "xx" in a language of our own."""
    for page in (translation.SITE, *translation.PAGES):
        translation.updated(page, tmp_path / "xx")
        catalogue = translation.read_catalogue(page, tmp_path / "xx")
        for message in catalogue:
            message.string = in_another_script(message.id) if message.id else message.string
        translation.write_catalogue(catalogue, tmp_path / "xx" / f"{page}.po")
    return tmp_path


@pytest.mark.parametrize("path", EVERY_PAGE, ids=lambda path: path.stem)
def test_the_blocks_of_a_page_joined_again_are_the_page(path):
    assert translation.translated_page(path, lambda block: block) == path.read_text("utf-8")
    assert all(block == block.strip() for _, block in translation.read_blocks(path))


def test_a_text_is_cut_where_a_reader_would_cut_it():
    text = (
        "# Title\nA paragraph\nof two lines.\n\n$$\nx = 1\n$$ (eq-x)\n\n$$\nx \\text{ now}\n$$\n\n"
        ":::{admonition} Note: `f`\n:class: tip\n\n- one\n- two\n\n```python\ncode = 1\n```\n:::\n"
        "(label)=\n\n```{figure} a.svg\n:name: fig\n:alt: A door\n\nIts caption.\n```\n\n"
        "````{solution-start} ex-a\n:class: dropdown\n````\n\n| a | b |\n|---|---|\n| word | 2 |\n"
        "\n   An indented paragraph\n   of two lines.\n"
    )
    assert blocks.blocks(text) == [
        *("# Title", "A paragraph\nof two lines.", "$$\nx \\text{ now}\n$$", "Note: `f`"),
        *("- one\n- two", "A door", "Its caption.", "| a | b |\n|---|---|\n| word | 2 |"),
        "An indented paragraph\nof two lines.",
    ]
    assert blocks.replaced(text, lambda block: block) == text


def test_without_translations_the_sources_are_the_english_ones(tmp_path):
    translation.make_tree("xx", tmp_path / "made", tmp_path)
    made = tmp_path / "made"
    for path in EVERY_PAGE:
        assert (made / path.relative_to(ROOT)).read_bytes() == path.read_bytes()
    for name in ("_config.yml", "_toc.yml"):
        ours, theirs = (translation.yaml.safe_load((d / name).read_text()) for d in (ROOT, made))
        if name == "_config.yml":
            assert theirs["sphinx"]["config"].pop("language") == "xx"
        assert ours == theirs
    assert not (made / "book" / "locale").exists()
    assert (made / "book" / "_extensions" / "figures.py").exists()


def test_a_translated_book_has_other_words_and_the_same_code(tmp_path, catalogues):
    translation.make_tree("xx", tmp_path / "made", catalogues)
    for page in translation.PAGES:
        source = translation.source_of(page)
        made = tmp_path / "made" / "book" / source.name
        ours, theirs = ([b for _, b in translation.read_blocks(p)] for p in (source, made))
        assert theirs == [in_another_script(block) for block in ours]
        if source.suffix == ".ipynb":
            cells = [json.loads(path.read_text("utf-8"))["cells"] for path in (source, made)]
            for before, after in zip(*cells, strict=True):
                if before["cell_type"] == "code":
                    assert {**before, "metadata": 0} == {**after, "metadata": 0}
    assert not any(translation.examined("index", catalogues / "xx").values())
    assert "тхе цоурсе" in (tmp_path / "made" / "_toc.yml").read_text("utf-8")


ENGLISH = (
    "The {doc}`mean` of $T = 8$ frames, 13,320 clips,\n`x.mean(1)` <em>and</em> 0.5 of [it](a.md)."
)
RUSSIAN = (
    "{doc}`Среднее <mean>` $T = 8$ кадров, 13 320 клипов,\n`x.mean(1)` <em>и</em> 0.5 [его](a.md)."
)


@pytest.mark.parametrize(
    ("here", "there", "told"),
    [
        ("<mean>", "<lstm>", "role {doc}`mean` is missing"),
        ("$T = 8$", "$T = 9$", "formula $T = 9$ is not in the English"),
        ("x.mean(1)", "x.среднее(1)", "code `x.mean(1)` is missing"),
        ("13 320", "13,320", "number 13,320 is not in the English"),
        ("0.5", "0,5", "number 0.5 is missing"),
        ("</em>", "", "tag </em> is missing"),
        ("(a.md)", "(b.md)", "address ](a.md) is missing"),
        ("клипов,\n", "клипов,\n\n", "blank lines, fences or labels differ"),
        ("клипов,\n", "клипов, ", "one line or several differ"),
        ("кадров", "<!-- кадров -->", "comment <!-- кадров --> is not in the English"),
    ],
)
def test_a_fault_in_a_translation_is_found(here, there, told):
    assert blocks.damage(ENGLISH, RUSSIAN) == []
    assert told in blocks.damage(ENGLISH, RUSSIAN.replace(here, there))


@pytest.mark.parametrize(
    ("english", "translation", "told"),
    [
        ("- one\n- two", "- раз", "item - is missing"),
        ("| a | b |\n| c | d |", "| a |\n| c | d |", "row 3 bars is missing"),
        ("## Words", "# Слова", "heading ## is missing"),
        ("★★ Two", "★ Два", "star ★★ is missing"),
        ("clip\n  A short video.", "клип\nКороткое видео.", "indented lines differ"),
        ("A line.", "Строка. ", "it begins or ends with white space"),
    ],
)
def test_a_fault_in_the_shape_of_a_translation_is_found(english, translation, told):
    assert told in blocks.damage(english, translation)


def test_words_inside_formulas_references_and_the_index_may_be_translated():
    assert not blocks.damage("$a_{\\text{mean}}$ is a name", "$a_{\\text{среднее}}$ есть имя")
    assert not blocks.damage("A {index}`bag` of words", "{index}`Мешок <мешок>` слов")


def test_a_changed_sentence_keeps_its_translation_as_a_suggestion(tmp_path, monkeypatch):
    page = tmp_path / "mean.md"
    monkeypatch.setattr(translation, "source_of", lambda _: page)
    page.write_text("The first paragraph of two.\n\nSomething else that stays.\n", "utf-8")
    folder = tmp_path / "xx"
    translation.updated("mean", folder)
    catalogue = translation.read_catalogue("mean", folder)
    catalogue.get("The first paragraph of two.").string = "Первый из двух."
    catalogue.get("Something else that stays.").string = "Второй."
    translation.write_catalogue(catalogue, folder / "mean.po")
    page.write_text("The first paragraph of three.\n\nSomething else that stays.\n", "utf-8")
    assert len(translation.examined("mean", folder)["stale"]) == 1
    assert translation.updated("mean", folder) == []
    found = translation.examined("mean", folder)
    assert {kind: len(lines) for kind, lines in found.items()} == {
        **{"missing": 0, "fuzzy": 1, "stale": 0, "damaged": 0}
    }
    said = translation.speaker(translation.read_catalogue("mean", folder))
    text = translation.translated_page(page, said)
    assert text == "The first paragraph of three.\n\nВторой.\n"
    page.write_text("The first paragraph of three.\n", "utf-8")
    assert translation.updated("mean", folder) == ["Something else that stays."]


@pytest.mark.parametrize("edition", EDITIONS)
def test_no_translation_is_stale_or_damaged(edition, tmp_path):
    language, page = edition.split("/")
    found = translation.examined(page, translation.LOCALE / language)
    assert found["stale"] == found["damaged"] == []
    print("\n".join(found["missing"] + found["fuzzy"]))
    kept, copy = (d / language / f"{page}.po" for d in (translation.LOCALE, tmp_path))
    copy.parent.mkdir()
    shutil.copy(kept, copy)
    translation.updated(page, copy.parent)
    assert kept.read_bytes() == copy.read_bytes(), f"python book/translation.py update {language}"
