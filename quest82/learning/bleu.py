"""BLEU: how many runs of words of a sentence are in the references (Papineni et al. 2002)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence


def clipped_matches(written: str, references: Sequence[str], n: int) -> tuple[int, int]:
    """Runs of n words of a sentence that are in a reference, and all of its runs.

    A run counts at most as often as it is in the one reference that has it most.

    Args:
        written: words with blanks between them.
        references: true sentences.
        n: at least 1.

    Examples:
        >>> clipped_matches("the the the", ["the cat sees the dog"], 1)
        (2, 3)
    """
    own, most = runs(written, n), Counter[tuple[str, ...]]()
    for reference in references:
        most |= runs(reference, n)
    return (own & most).total(), own.total()


def runs(sentence: str, n: int) -> Counter[tuple[str, ...]]:
    """How often each run of n words is in a sentence."""
    words = sentence.split()
    return Counter(zip(*(words[k:] for k in range(n)), strict=False))


def brevity_penalty(length: int, wanted: int) -> float:
    """1 for what is long enough, exp(1 - wanted / length) for what is shorter; 0 for nothing."""
    if length >= wanted:
        return 1.0
    return math.exp(1 - wanted / length) if length else 0.0


def closest_length(written: str, references: Sequence[str]) -> int:
    """The length of the reference that is nearest to the sentence's; of two, the shorter."""
    own = len(written.split())
    return min((len(r.split()) for r in references), key=lambda length: (abs(length - own), length))


def bleu(written: Sequence[str], references: Sequence[Sequence[str]], *, longest: int = 4) -> float:
    """BLEU of a corpus, in [0, 1]: all counts are added up before anything is divided.

    The geometric mean of the precisions for n = 1, ..., longest, times the brevity penalty. There
    is no smoothing: a precision of 0 makes it 0.

    Args:
        written: N sentences.
        references: of each of them one or more true ones.
        longest: of the runs.

    Raises:
        ValueError: if there is nothing, or not at least one reference for each sentence.
    """
    if not written or len(written) != len(references) or not all(references):
        raise ValueError(
            f"written ({len(written)}) must be at least one sentence, each with one reference or "
            f"more ({len(references)} lists)"
        )
    precisions = []
    for n in range(1, longest + 1):
        pairs = zip(written, references, strict=True)
        counts = [clipped_matches(sentence, own, n) for sentence, own in pairs]
        right, all_runs = map(sum, zip(*counts, strict=True))
        precisions.append(right / all_runs if all_runs else 0.0)
    if not all(precisions):
        return 0.0
    length = sum(len(sentence.split()) for sentence in written)
    wanted = sum(map(closest_length, written, references))
    mean = math.exp(sum(map(math.log, precisions)) / longest)
    return brevity_penalty(length, wanted) * mean
