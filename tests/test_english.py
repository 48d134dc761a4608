"""One word for one thing: the vocabulary of CONTRIBUTING.md, held in prose, code and pages."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]

# What is not said, and what is said instead.
BANNED = {
    r"\bpictures?\b": "frame, image or figure",
    r"\b(?:a|the|one|this|each|every|whole|two|same|long) films?\b": "video, clip or animation",
    r"\bdescribers?\b": "backbone or extractor",
    r"\bto be seen\b": "visible, shown",
    r"\btold apart\b": "distinguished",
    r"\bthe way back\b": "the reverse",
    r"\bby lot\b": "at random",
    r"\bsober\b": "undramatic",
    r"\bhas sisters\b": "shares a source video",
}
# Where the word is meant: a painting on a wall, a type of coded frame, a name that stays.
MEANT = (
    "I-picture",
    "book/describer",
    "{doc}`describer",
    "{doc}`../describer",
    "describer.ipynb",
    "describer.html",
)

# CONTRIBUTING.md is the one page that names what is banned.
PAGES = [*sorted((ROOT / "book").rglob("*.md")), ROOT / "README.md", ROOT / "CHANGELOG.md"]
CODE = [
    *sorted((ROOT / "quest82").rglob("*.py")),
    *sorted((ROOT / "quest82").rglob("*.js")),
    *sorted((ROOT / "quest82").rglob("*.html")),
    *sorted((ROOT / "book" / "_static").glob("*.js")),
    *sorted((ROOT / "book" / "_extensions").glob("*.py")),
    *sorted((ROOT / "book" / "results").glob("*.py")),
]
NOTEBOOKS = sorted((ROOT / "book").rglob("*.ipynb"))


def lines_of(path: Path) -> list[str]:
    """What people wrote in a file: all of it, or the cells of a notebook."""
    if path.suffix != ".ipynb":
        return path.read_text("utf-8").splitlines()
    cells = nbformat.read(path, 4).cells
    figures = [cell.metadata.get("mystnb", {}) for cell in cells]
    words = [text for f in figures for text in (f.get("figure", {}).get("caption"),
                                                f.get("image", {}).get("alt")) if text]  # fmt: skip
    return [line for cell in cells for line in cell.source.splitlines()] + words


@pytest.mark.parametrize(
    "path", [*NOTEBOOKS, *PAGES, *CODE], ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_only_the_words_of_the_vocabulary(path):
    found = []
    for line in lines_of(path):
        said = re.sub(r"\b(?:eq|ex|fig)-[\w-]+", "", line)  # labels keep their names
        for meant in MEANT:
            said = said.replace(meant, "")
        found += [
            f"{line.strip()}: say {instead}"
            for pattern, instead in BANNED.items()
            if re.search(pattern, said, re.IGNORECASE)
        ]
    assert found == []
