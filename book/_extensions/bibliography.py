"""The bibliography in the style in which the text cites: by authors and year, with links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.richtext import Text
from pybtex.style.formatting.plain import Style
from pybtex.style.labels import BaseLabelStyle
from sphinx.application import Sphinx


def cited_as(entry: Entry) -> str:
    """An entry as the text names it: "Wang et al., 2018"."""
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    last = [str(Text.from_latex(" ".join([*p.prelast_names, *p.last_names]))) for p in people]
    names = f"{last[0]} et al." if len(last) > 2 else " and ".join(last)
    return f"{names}, {entry.fields.get('year', 'n.d.')}"


class AuthorYearLabels(BaseLabelStyle):
    """Labels by authors and year; what would be alike gets a letter."""

    def format_labels(self, sorted_entries: Iterable[Entry]) -> Iterator[str]:
        """The label of each entry."""
        labels = [cited_as(entry) for entry in sorted_entries]
        total, seen = Counter(labels), Counter()
        for label in labels:
            seen[label] += 1
            yield label + (chr(ord("a") + seen[label] - 1) if total[label] > 1 else "")


class AuthorYear(Style):
    """Entries as in the plain style, labelled by authors and year."""

    default_label_style = AuthorYearLabels
    default_sorting_style = "author_year_title"


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls once."""
    register_plugin("pybtex.style.formatting", "author_year", AuthorYear)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
