"""An answer of a model as a line of a table, and as an entry for programs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..service import Answer
    from ..video import VideoError

_ABOUT = ("none_of_these", "distance", "frames", "error")  # columns after the probabilities


def columns_of(classes: Iterable[str]) -> list[str]:
    """The columns of `row_of`, without the path."""
    from .writing import probability_columns

    return ["label", "probability", *probability_columns(classes), *_ABOUT]


def row_of(path: Path, answer: Answer | VideoError) -> dict[str, object]:
    """A line of the table."""
    from ..video import VideoError
    from .writing import probability_row

    if isinstance(answer, VideoError):
        return {"path": path, "error": answer}
    ((label, best),) = answer.top(1)
    every = probability_row(answer.classes, answer.probabilities.tolist())
    frames = " ".join(map(str, answer.frames))
    sure = {"probability": f"{best:.6f}", **every}
    far = {"none_of_these": answer.unlike, "distance": answer.distance}
    return {"path": path, "label": label, **sure, **far, "frames": frames}


def entry_of(answer: Answer | VideoError) -> dict[str, object]:
    """The same for programs, without the path."""
    from ..video import VideoError

    if isinstance(answer, VideoError):
        return {"error": str(answer)}
    ((label, best),) = answer.top(1)
    every = dict(zip(answer.classes, answer.probabilities.tolist(), strict=True))
    shares = answer.contributions
    explained = {} if shares is None else {"contributions": shares.tolist()}
    return {
        "label": label,
        "probability": best,
        "probabilities": every,
        "none_of_these": answer.unlike,
        "distance": answer.distance,
        "frames": list(answer.frames),
        **explained,
    }
