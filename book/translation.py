"""Editions of the book in other languages, from gettext's files in `book/locale/<language>`.

    python book/translation.py status ru           # what is missing, stale or damaged
    python book/translation.py update ru           # after a change of the English pages
    python book/translation.py make ru FOLDER      # the sources of the edition, for Jupyter Book

Each page has its file, `mean.po` for `mean.ipynb`, with a message for each block of text
(`blocks.py`), each caption and each alternative text; `_site.po` has the title of the book and of
its parts. What has no translation, or one marked "fuzzy", stays in English.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import typer
import yaml
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

sys.path.insert(0, str(Path(__file__).parent))  # also where this file is imported as a module
import blocks  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "book" / "locale"
SITE = "_site"
PAGES = (
    *("index", "actions", "sampling", "describer", "essences", "mean", "recurrence", "gates"),
    *("training", "ucf101", "reversible", "opposites", "bias", "decision", "beyond", "own"),
    "notation",
)
# No page links to data or results, so the sources of an edition are without them.
LEFT_OUT = ("data", "results", "locale", "__pycache__", ".ipynb_checkpoints")
# In the metadata of a code cell, below "mystnb": where readers find words.
WORDED = (("figure", "caption"), ("image", "alt"), ("code_prompt_show",), ("code_prompt_hide",))

app = typer.Typer(add_completion=False, help="Editions of the book in other languages.")
Said = Callable[[str], str]


def source_of(page: str) -> Path:
    """The notebook or Markdown file of a page."""
    notebook = ROOT / "book" / f"{page}.ipynb"
    return notebook if notebook.exists() else notebook.with_suffix(".md")


def _texts(page: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """What readers read of a notebook: where it is, the dictionary that holds it, and its key."""
    for number, cell in enumerate(page["cells"]):
        where = cell.get("id", f"cell {number}")
        if cell["cell_type"] == "markdown":
            yield where, cell, "source"
        for *above, name in WORDED:
            holder = cell["metadata"].get("mystnb", {})
            for key in above:
                holder = holder.get(key, {})
            if name in holder:
                yield f"{where}, {name}", holder, name


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def read_blocks(path: Path) -> Iterator[tuple[str, str]]:
    """Each block of a page: the cell (of a Markdown page: the heading) it is in, and its text."""
    if path.suffix == ".ipynb":
        for where, holder, key in _texts(json.loads(path.read_text("utf-8"))):
            yield from ((where, block) for block in blocks.blocks(_joined(holder[key])))
        return
    where = path.stem
    for block in blocks.blocks(path.read_text("utf-8")):
        where = block.lstrip("# ") if block.startswith("#") else where
        yield where, block


def translated_page(path: Path, said: Said) -> str:
    """The text of a page's file with each block replaced by what `said` makes of it."""
    text = path.read_text("utf-8")
    if path.suffix != ".ipynb":
        return blocks.replaced(text, said)
    page = json.loads(text)
    for _, holder, key in _texts(page):
        new = blocks.replaced(_joined(holder[key]), said)
        holder[key] = new if isinstance(holder[key], str) else new.splitlines(keepends=True)
    return json.dumps(page, indent=1, ensure_ascii=False) + "\n"


def _load_yaml(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


def _template(page: str) -> Catalog:
    """The messages of a page, or of the site, without translations."""
    template = Catalog()
    if page == SITE:
        template.add(_load_yaml("_config.yml")["title"], auto_comments=["_config.yml, title"])
        for part in _load_yaml("_toc.yml")["parts"]:
            template.add(part["caption"], auto_comments=["_toc.yml, caption"])
        return template
    for where, block in read_blocks(source_of(page)):
        template.add(block, auto_comments=[where])
    return template


def _heading(language: str) -> dict[str, Any]:
    """The head of a new file; dates are left to the version control."""
    dated = datetime(2026, 1, 1, tzinfo=timezone.utc)
    about = f"# The edition of quest82 in the language {language}: see CONTRIBUTING.md."
    return {
        **{"locale": language, "project": "quest82", "version": "-", "header_comment": about},
        **{"msgid_bugs_address": "-", "last_translator": "-", "language_team": language},
        **dict.fromkeys(("creation_date", "revision_date"), dated),
    }


def read_catalogue(page: str, folder: Path) -> Catalog:
    """The translations of a page; an empty catalogue if it has none yet."""
    path = folder / f"{page}.po"
    if not path.exists():
        return Catalog(fuzzy=False, **_heading(folder.name))
    with path.open("rb") as file:
        return read_po(file, locale=folder.name, abort_invalid=True)


def write_catalogue(catalogue: Catalog, path: Path) -> None:
    """Write translations as a .po file, with the lines of the English and without stale ones."""
    for message in catalogue:
        # Babel takes "50 % of" and "{doc}" for places to fill in; they are none.
        message.flags &= {"fuzzy"}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=None, ignore_obsolete=True)


def speaker(catalogue: Catalog) -> Said:
    """What translates a block, and leaves it as it is where there is no sound translation."""

    def said(block: str) -> str:
        message = catalogue.get(block)
        return message.string if message and message.string and not message.fuzzy else block

    return said


def updated(page: str, folder: Path) -> list[str]:
    """Bring the file of a page up to date with its English text.

    A changed block keeps its translation, marked "fuzzy" until somebody has looked at it.

    Returns:
        The English of the translations that were dropped.
    """
    catalogue = read_catalogue(page, folder)
    catalogue.update(_template(page), update_creation_date=False)
    write_catalogue(catalogue, folder / f"{page}.po")
    return [str(message.id) for message in catalogue.obsolete.values() if message.string]


def examined(page: str, folder: Path) -> dict[str, list[str]]:
    """What is left to do in a page: its blocks that are missing, fuzzy, stale or damaged."""
    catalogue, template = read_catalogue(page, folder), _template(page)
    found: dict[str, list[str]] = {kind: [] for kind in ("missing", "fuzzy", "stale", "damaged")}
    for english in (m for m in template if m.id):
        message, where = catalogue.get(english.id), "; ".join(english.auto_comments)
        name = f"{page}.po: {where}: {' '.join(english.id.split())[:60]}"
        if message is None or not message.string:
            found["missing"].append(name)
        elif message.fuzzy:
            found["fuzzy"].append(name)
        else:
            found["damaged"] += [
                f"{name}: {what}" for what in blocks.damage(english.id, message.string)
            ]
    stale = [m.id for m in catalogue if m.id and template.get(m.id) is None]
    found["stale"] = [f"{page}.po: {' '.join(text.split())[:60]}" for text in stale]
    return found


def make_tree(language: str, folder: Path, catalogues: Path = LOCALE) -> None:
    """Write the sources of an edition: the book with every translated block in its place.

    Args:
        language: code of the language, such as "ru".
        folder: is made, or brought up to date; what it had of the book is replaced.
        catalogues: has a folder for each language.
    """
    book, site = folder / "book", speaker(read_catalogue(SITE, catalogues / language))
    shutil.rmtree(book, ignore_errors=True)
    shutil.copytree(ROOT / "book", book, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for page in PAGES:
        source, said = source_of(page), speaker(read_catalogue(page, catalogues / language))
        text = translated_page(source, said)
        if text != source.read_text("utf-8"):
            (book / source.name).write_text(text, "utf-8")
    config, contents = _load_yaml("_config.yml"), _load_yaml("_toc.yml")
    config["title"] = site(config["title"])
    config["sphinx"]["config"]["language"] = language
    for part in contents["parts"]:
        part["caption"] = site(part["caption"])
    for name, data in (("_config.yml", config), ("_toc.yml", contents)):
        text = yaml.safe_dump(data, allow_unicode=True, sort_keys=False)
        (folder / name).write_text(text, "utf-8")


@app.command()
def update(language: str) -> None:
    """Bring the files of a language up to date with the English pages."""
    for page in (SITE, *PAGES):
        for block in updated(page, LOCALE / language):
            print(f"{page}.po: dropped, no longer in the English: {block}")


@app.command()
def status(language: str) -> None:
    """Say how far a language is, page by page, and what is damaged."""
    print(
        f"{'page':<12}{'blocks':>8}{'words':>8}{'missing':>9}{'fuzzy':>7}{'stale':>7}{'damaged':>9}"
    )
    told = []
    for page in (SITE, *PAGES):
        found, english = examined(page, LOCALE / language), [m.id for m in _template(page) if m.id]
        words = sum(len(text.split()) for text in english)
        counts = "".join(f"{len(found[k]):>{n}}" for k, n in zip(found, (9, 7, 7, 9), strict=True))
        print(f"{page:<12}{len(english):>8}{words:>8}{counts}")
        told += [
            f"{kind}: {line}" for kind in ("fuzzy", "stale", "damaged") for line in found[kind]
        ]
    print("\n".join(told))


@app.command()
def make(language: str, folder: Path) -> None:
    """Write the sources of an edition into a folder, for Jupyter Book to build."""
    if not (LOCALE / language).is_dir():
        raise typer.BadParameter(f"{language}: there is no folder {LOCALE / language}")
    make_tree(language, folder)


if __name__ == "__main__":
    app()
