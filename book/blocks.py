"""The text of a page, cut into blocks that can be translated, and the rest that stays.

A block is a paragraph, a heading, a list, a table, a glossary entry, a formula with words, the
title of a directive, or the alternative text of a figure. Fences, options, labels, code, and
formulas without words stay as they are. Joining all pieces again gives exactly the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from textwrap import dedent, indent
from typing import NamedTuple

OPAQUE = ("", "math", "code", "code-block", "code-cell", "bibliography", "raw", "mermaid")
TITLED = ("admonition", "dropdown", "exercise")
WORDED = ("alt", "caption")  # options of a directive that a reader reads

_FENCE = re.compile(r"(\s*)(`{3,}|:{3,})(?:\{([\w:-]+)\})?([ \t]*)(.*)")
_OPTION = re.compile(r"(\s*:([\w-]+):[ \t]*)(.*)")
_TARGET = re.compile(r"\s*\([\w-]+\)=\s*$")
_WORDS = re.compile(r"\\text(?:bf|it|rm|sf|tt)?\{[^{}]*\}")

# What a translation keeps, in the order in which it is taken out of a block.
_KEPT = {
    "formula": re.compile(r"\$\$.*?\$\$(?:[ ]\([\w-]+\))?|\$[^$]+\$", re.DOTALL),
    "role": re.compile(r"\{[\w:-]+\}`[^`]+`"),
    "code": re.compile(r"`[^`]+`"),
    "comment": re.compile(r"<!--.*?-->", re.DOTALL),
    "tag": re.compile(r"</?[a-zA-Z][^>]*>"),
    "address": re.compile(r"\]\([^)\s]+\)"),
    "heading": re.compile(r"^#+ ", re.MULTILINE),
    "row": re.compile(r"^\|.*$", re.MULTILINE),
    "item": re.compile(r"^[ ]*(?:[-*+]|\d+\.)[ ]", re.MULTILINE),
    "star": re.compile(r"★+"),
    "number": re.compile(r"\d+(?:[.,:/]\d+)*"),
}


class Piece(NamedTuple):
    """A stretch of a page; `is_block` if it is to be translated, then without its indent."""

    text: str
    is_block: bool = False
    indent: str = ""


def _has_words(text: str) -> bool:
    """Whether anything is left to translate without code, formulas and references."""
    if _WORDS.search(text):
        return True
    for kind in ("formula", "role", "code", "comment", "tag"):
        text = _KEPT[kind].sub("", text)
    return re.search(r"[^\W\d_]{2}", text) is not None


def _block(text: str) -> Iterator[Piece]:
    """A piece with its indent and its last line end split off."""
    body = text.rstrip("\n")
    space = re.match(r"[ \t]*", body)[0]
    if space and any(not line.startswith(space) for line in body.split("\n")):
        space = ""
    plain = body if not space else dedent(body)
    if not _has_words(body) or indent(plain, space) != body:
        yield Piece(text)
        return
    yield Piece(plain, True, space)
    yield Piece(text[len(body) :])


def _kinds(text: str) -> Iterator[tuple[str, str]]:
    """Each line with what it belongs to: a paragraph, a formula, an option, or what stays."""
    fences, opaque, in_formula, in_options = [], "", False, False
    for line in text.splitlines(keepends=True):
        fence = _FENCE.match(line)
        if opaque:
            yield "rest", line
            opaque = "" if line.strip() == opaque else opaque
        elif in_formula or line.lstrip().startswith("$$"):
            yield "formula", line
            in_formula = (line.count("$$") % 2 == 1) != in_formula
        elif fence and fence[2] in fences and not fence[3] and not fence[5]:
            fences.pop()
            yield "rest", line
        elif fence and (fence[3] or "") in OPAQUE:
            opaque = fence[2]
            yield "rest", line
        elif fence:
            fences.append(fence[2])
            in_options = True
            yield "fence", line
        elif in_options and _OPTION.match(line):
            yield "option", line
        else:
            in_options = False
            stays = not line.strip() or _TARGET.match(line)
            yield "rest" if stays else "heading" if line.startswith("#") else "paragraph", line


def pieces(text: str) -> Iterator[Piece]:
    """The pieces of a page or of a cell, in order."""
    for kind, group in groupby(_kinds(text), key=lambda pair: pair[0]):
        lines = [line for _, line in group]
        if kind in ("paragraph", "formula"):
            yield from _block("".join(lines))
            continue
        for line in lines:
            if kind == "heading":
                yield from _block(line)
                continue
            found = {"fence": _FENCE, "option": _OPTION}.get(kind, _TARGET).match(line)
            name = found[{"fence": 3, "option": 2}[kind]] if kind in ("fence", "option") else ""
            if name in {"fence": TITLED, "option": WORDED}.get(kind, ()) and found[found.re.groups]:
                start = found.start(found.re.groups)
                yield Piece(line[:start])
                yield from _block(line[start:])
            else:
                yield Piece(line)


def blocks(text: str) -> list[str]:
    """What of a text is to be translated."""
    return [piece.text for piece in pieces(text) if piece.is_block]


def replaced(text: str, said: Callable[[str], str]) -> str:
    """A text with every block replaced by what `said` makes of it."""
    return "".join(
        indent(said(piece.text), piece.indent) if piece.is_block else piece.text
        for piece in pieces(text)
    )


def _role(text: str) -> str:
    """A role with its target; an index entry and a term are words, and may be translated."""
    name, inner = text.split("`", 1)
    target = re.search(r"<([^>]*)>`$", inner)
    return name if name == "{index}" else f"{name}`{target[1] if target else inner[:-1]}`"


def _number(text: str, *, translated: bool) -> str:
    """Thousands in one spelling: a translation sets them off by a space, never by a comma."""
    mark = "[ \u00a0\u202f]" if translated else "[ \u00a0\u202f,]"
    return re.sub(rf"\b\d{{1,3}}(?:{mark}\d{{3}})+\b", lambda n: re.sub(mark, "", n[0]), text)


def kept(text: str, *, translated: bool = False) -> Counter[tuple[str, str]]:
    """What a translation may not change: kind and text of each formula, code span, number, ...

    Args:
        text: a block.
        translated: whether it is a translation, where thousands are set off by a space.
    """
    found: Counter[tuple[str, str]] = Counter()
    for kind, pattern in _KEPT.items():
        text = _number(text, translated=translated) if kind == "number" else text
        for token in pattern.findall(text):
            if kind == "formula":
                token = " ".join(_WORDS.sub(r"\\text{}", token).split())
            elif kind == "role":
                token = _role(token)
            elif kind == "row":
                token = f"{token.count('|')} bars"
            found[kind, token.strip()] += 1
        text = text if kind == "row" else pattern.sub(" \u2060", text)
    return found


def _shape(text: str) -> tuple[list[bool], bool, bool]:
    """How a block is built: its pieces, whether it is one line, whether all others are indented."""
    lines = text.split("\n")
    hanging = len(lines) > 1 and all(line.startswith("  ") for line in lines[1:])
    return [piece.is_block for piece in pieces(text)], len(lines) == 1, hanging


def damage(english: str, translation: str) -> list[str]:
    """What a translation changed that it had to keep; empty if it is sound."""
    before, after = kept(english), kept(translation, translated=True)
    told = [f"{kind} {text} is missing" for kind, text in (before - after).elements()]
    told += [f"{kind} {text} is not in the English" for kind, text in (after - before).elements()]
    if translation != translation.strip():
        told.append("it begins or ends with white space")
    names = ("blank lines, fences or labels", "one line or several", "indented lines")
    for name, was, is_now in zip(names, _shape(english), _shape(translation), strict=True):
        if was != is_now:
            told.append(f"{name} differ")
    return told
