"""Training a captioner, letting it write, and counting what it gets right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data.sentences import ATTRIBUTES, Facts, Vocabulary, right_attributes
from ..systems.beams import beam_search, greedy
from ..systems.captioner import Captioner
from .bleu import bleu


def fit_captioner(
    model: Captioner,
    essences: Tensor,
    references: Tensor,
    *,
    epochs: int = 40,
    learning_rate: float = 3e-3,
    batch_size: int = 32,
    seed: int = 0,
) -> list[float]:
    """Train a model in place by teacher forcing, and leave it in eval mode.

    Each time a clip is seen, one of its references is drawn. The learning rate falls to 0 by a
    cosine. The global random state is left as it was.

    Args:
        model: of any floating type, in which it is trained.
        essences: (N, T, D), of any floating type.
        references: long (N, R, L): R sentences of each clip, each with its end, padded with 0.
        epochs: passes over the clips.
        learning_rate: of Adam, at first.
        batch_size: clips at once.
        seed: of the order, the references drawn, and dropout.

    Returns:
        The mean loss per word of each epoch, in nats.

    Raises:
        ValueError: if references are not of as many clips.
    """
    if len(references) != len(essences):
        raise ValueError(
            f"references (of {len(references)} clips) must be of as many clips as the essences "
            f"({len(essences)})"
        )
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    model.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        history = []
        for _ in range(epochs):
            history.append(_epoch(model, essences, references, optimiser, batch_size))
            schedule.step()
    model.eval()
    return history


def _epoch(
    model: Captioner,
    essences: Tensor,
    references: Tensor,
    optimiser: torch.optim.Optimizer,
    batch_size: int,
) -> float:
    """One pass over the clips; the mean loss of a batch."""
    dtype, losses = next(model.parameters()).dtype, []
    for rows in torch.randperm(len(essences)).split(batch_size):
        words = references[rows, torch.randint(references.shape[1], rows.shape)]
        loss = word_loss(model(essences[rows].to(dtype), words), words)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def word_loss(logits: Tensor, words: Tensor) -> Tensor:
    """The mean cross-entropy of the words that are there, in nats.

    Args:
        logits: (B, L, V).
        words: long (B, L), padded with 0.
    """
    return F.cross_entropy(logits.flatten(0, 1), words.flatten(), ignore_index=0)


@torch.no_grad()
def captions(
    model: Captioner,
    essences: Tensor,
    vocabulary: Vocabulary,
    *,
    width: int = 1,
    length_power: float = 0.0,
) -> list[str]:
    """A sentence for each clip.

    Args:
        model: in eval mode.
        essences: (N, T, D).
        vocabulary: of the model.
        width: of the beam; 1 takes the best word each time.
        length_power: see `beam_search`.
    """
    state = model.start(essences.to(next(model.parameters()).dtype))
    if width == 1:
        return [vocabulary.decode(words) for words in greedy(model.step, state).tolist()]
    written = []
    for k in range(len(essences)):
        own = tuple(part[[k]] for part in state)
        best, *_ = beam_search(model.step, own, width=width, length_power=length_power)
        written.append(vocabulary.decode(best.words))
    return written


@dataclass(frozen=True)
class Judged:
    """What sentences get right, each in [0, 1].

    Attributes:
        exact: share of clips whose sentence is one of their references.
        bleu: of all sentences together.
        attributes: "object", "verb", "extent" -> share of clips whose attribute is right.
    """

    exact: float
    bleu: float
    attributes: dict[str, float]


def judge(written: Sequence[str], facts: Sequence[Facts]) -> Judged:
    """Compare sentences with all that is true.

    Args:
        written: N sentences.
        facts: of the N clips.
    """
    references = [own.references for own in facts]
    exact = [sentence in own for sentence, own in zip(written, references, strict=True)]
    right = [right_attributes(*pair) for pair in zip(written, facts, strict=True)]
    N = len(facts)
    shares = {name: sum(one[name] for one in right) / N for name in ATTRIBUTES}
    return Judged(sum(exact) / N, bleu(written, references), shares)
