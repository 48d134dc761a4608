"""From the chances of the next word to a sentence: the best word each time, or a beam."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

State = tuple[Tensor, ...]
"""What a decoder has kept of each of B clips: the first axis of all tensors is B."""
Step = Callable[[Tensor, State], tuple[Tensor, State]]
"""Words (B,) and a state -> logits (B, V) of the next word, and the next state."""
Beginning = tuple[tuple[int, ...], float]
"""Words and their log-probability, in nats."""
START, END = 1, 2


class Written(NamedTuple):
    """A sentence of a beam.

    Attributes:
        words: their numbers, the end included where the sentence ended.
        log_probability: of the whole sentence, in nats.
        score: the log-probability over the number of words to the power `length_power`.
    """

    words: tuple[int, ...]
    log_probability: float
    score: float


@torch.no_grad()
def greedy(step: Step, state: State, *, most_words: int = 12) -> Tensor:
    """The most probable next word, again and again, for B clips at once.

    Args:
        step: of a captioner.
        state: of B clips.
        most_words: where a sentence is cut off that does not end.

    Returns:
        Long (B, L), L at most most_words; 0 after the end.
    """
    words = torch.full((len(state[0]),), START, device=state[0].device)
    done = torch.zeros_like(words, dtype=torch.bool)
    written: list[Tensor] = []
    while len(written) < most_words and not done.all():
        logits, state = step(words, state)
        words = logits.argmax(dim=1)
        written.append(words.masked_fill(done, 0))
        done = done | (words == END)
    return torch.stack(written, dim=1)


@torch.no_grad()
def beam_search(
    step: Step, state: State, *, width: int, most_words: int = 12, length_power: float = 0.0
) -> list[Written]:
    """The best sentences that are found with `width` beginnings kept after each word.

    Of all beginnings with one word more the most probable are kept; those that end leave the beam.
    A beam that is as wide as there are beginnings leaves nothing out. Each word costs probability,
    so long sentences come last; a length_power of 1 compares the mean per word instead.

    Args:
        step: of a captioner.
        state: of one clip, B = 1.
        width: k, at least 1; 1 writes what `greedy` does.
        most_words: the end included; what does not end by then is given only if nothing does.
        length_power: 0 ranks by probability; 1 by the mean log-probability of a word. It decides
            among sentences that have ended, not about beginnings.

    Returns:
        At least one sentence, best first.

    Raises:
        ValueError: if width is below 1 or the state is not of one clip.
    """
    if width < 1 or len(state[0]) != 1:
        raise ValueError(
            f"width ({width}) must be at least 1 and the state of one clip (not of "
            f"{len(state[0])}): give clips one by one"
        )
    open_: list[Beginning] = [((), 0.0)]
    ended: list[Beginning] = []
    words = torch.full((1,), START, device=state[0].device)
    for _ in range(most_words):
        logits, state = step(words, state)
        grown = _grown(open_, logits.log_softmax(dim=1), width)
        ended += [(w, p) for _, w, p in grown if w[-1] == END]
        going = [one for one in grown if one[1][-1] != END]
        if not going:
            break
        open_ = [(w, p) for _, w, p in going]
        rows = torch.tensor([row for row, _, _ in going], device=words.device)
        state = tuple(part[rows] for part in state)
        words = torch.tensor([w[-1] for w, _ in open_], device=words.device)
    found = [Written(w, p, p / len(w) ** length_power) for w, p in ended or open_]
    return sorted(found, key=lambda one: -one.score)


def _grown(
    open_: list[Beginning], log_p: Tensor, width: int
) -> list[tuple[int, tuple[int, ...], float]]:
    """The best beginnings with one word more: row of the old one, words, log-probability."""
    before = log_p.new_tensor([p for _, p in open_])
    totals = (before[:, None] + log_p).flatten()  # (A, V) -> (A V,)
    best, at = totals.topk(min(width, len(totals)))
    found, V = [], log_p.shape[1]
    for p, k in zip(best.tolist(), at.tolist(), strict=True):
        if p > float("-inf"):
            found.append((k // V, (*open_[k // V][0], k % V), p))
    return found
