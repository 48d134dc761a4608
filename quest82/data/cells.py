"""What the cells of a row of annotations say of a clip, each held to its rule."""

from __future__ import annotations

from collections.abc import Mapping

from .files import SPLITS, fits_in_a_line


class Unusable(ValueError):
    """What is wrong with a row, and what to do about it."""


class Missing(Unusable):
    """The row's video is not there."""


def label_of(values: Mapping[str, str]) -> str:
    """The class of a row: its label, or its template without brackets."""
    template = without_brackets(values.get("template", ""))
    label = template or values.get("label", "")
    if not label or not fits_in_a_line(label):
        raise Unusable(f"label ({label!r}) must be the name of a class, in one line")
    return label


def without_brackets(label: str) -> str:
    """Something-Something's templates, "Holding [something]", as its list of labels has them."""
    return label.replace("[", "").replace("]", "")


def text_of(values: Mapping[str, str], column: str) -> str:
    """A name; empty where the table has no such column."""
    text = values.get(column, "")
    if column in values and (not text or not fits_in_a_line(text)):
        raise Unusable(f"{column} ({text!r}) must be a name in one line; or leave the column out")
    return text


def split_of(values: Mapping[str, str]) -> str:
    """The part of the split: "train", "val" or "test"; empty where the row names none."""
    split = values.get("split", "")
    if split and split.lower() not in SPLITS:
        raise Unusable(f"split ({split!r}) must be train, val or test, or empty in every row")
    return SPLITS.get(split.lower(), "")


def part_of(values: Mapping[str, str]) -> tuple[float | None, float | None]:
    """Where the clip begins and ends in its video; None where the row does not say."""
    kinetics = "youtube_id" in values
    start, end = ("time_start", "time_end") if kinetics else ("start", "end")
    begin, stop = _seconds(values, start), _seconds(values, end)
    if stop is not None and stop <= (begin or 0):
        raise Unusable(f"{end} ({stop:g}) must come after {start} ({begin or 0:g})")
    return begin, stop


def _seconds(values: Mapping[str, str], column: str) -> float | None:
    text = values.get(column, "")
    try:
        seconds = float(text) if text else None
    except ValueError:
        seconds = -1
    if seconds is not None and not 0 <= seconds < float("inf"):
        raise Unusable(f"{column} ({text!r}) must be seconds from 0 on, such as 83.5")
    return seconds


def span_in_words(start: float | None, end: float | None) -> str:
    """Such as "1.5-4 s"."""
    return f"{start or 0:.10g}-{'' if end is None else f'{end:.10g}'} s"
