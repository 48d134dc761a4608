"""What a clip of `synthetic` shows, in words: a small grammar, true by formula.

A sentence says what moves, which way and how far: "the door opens all the way". All
that is true of a clip and can be said in the grammar is listed, so that a written sentence is right
or wrong and nothing in between.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .clip_set import ClipSet
from .synthetic import states_of

PAD, START, END = "<pad>", "<start>", "<end>"

# Class -> ways to say what moves and which way, each of a subject and a verb.
CLAUSES: dict[str, tuple[tuple[str, str], ...]] = {
    "open_door": (("the door", "opens"), ("a door", "is opened")),
    "close_door": (("the door", "closes"), ("a door", "is closed")),
    "pull_drawer": (("the drawer", "comes out"), ("a drawer", "is pulled out")),
    "push_drawer": (("the drawer", "goes in"), ("a drawer", "is pushed in")),
    "lift_lid": (("the lid", "goes up"), ("a lid", "is lifted")),
    "lower_lid": (("the lid", "comes down"), ("a lid", "is lowered")),
    "raise_blind": (("the blind", "goes up"), ("a blind", "is raised")),
    "lower_blind": (("the blind", "comes down"), ("a blind", "is lowered")),
    "fill_glass": (("the glass", "fills"), ("a glass", "is filled")),
    "empty_glass": (("the glass", "empties"), ("a glass", "is emptied")),
    "open_book": (("the book", "opens"), ("a book", "is opened")),
    "close_book": (("the book", "closes"), ("a book", "is closed")),
    "stack_blocks": (("the tower", "grows"), ("blocks", "are stacked")),
    "unstack_blocks": (("the tower", "shrinks"), ("blocks", "are unstacked")),
    "stand_up": (("the person", "stands up"), ("somebody", "stands up")),
    "sit_down": (("the person", "sits down"), ("somebody", "sits down")),
}
# Whether the thing moves from one end of its range to the other -> ways to say so.
EXTENTS = {True: ("all the way", "fully"), False: ("part of the way", "partly")}


class Facts(NamedTuple):
    """What a sentence about a clip has to say.

    Attributes:
        label: the class, such as "close_door".
        whole_way: whether the thing moves from one end of its range to the other.
    """

    label: str
    whole_way: bool

    @property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """Attribute ("object", "verb", "extent") -> the phrases that name it."""
        subjects, verbs = zip(*CLAUSES[self.label], strict=True)
        return {"object": subjects, "verb": verbs, "extent": EXTENTS[self.whole_way]}

    @property
    def references(self) -> tuple[str, ...]:
        """All true sentences of the grammar."""
        clauses = [" ".join(clause) for clause in CLAUSES[self.label]]
        return tuple(map(" ".join, itertools.product(clauses, EXTENTS[self.whole_way])))


ATTRIBUTES = ("object", "verb", "extent")
EVERY = tuple(Facts(label, whole_way) for label in CLAUSES for whole_way in EXTENTS)
_PHRASES = {a: {p for facts in EVERY for p in facts.attributes[a]} for a in ATTRIBUTES}


def right_attributes(sentence: str, facts: Facts) -> dict[str, bool]:
    """Which attributes a sentence gets right, be it of the grammar or not.

    An attribute is right if one of its phrases for this clip is there, and none for another clip.

    Args:
        sentence: words with blanks between them.
        facts: of the clip.

    Examples:
        >>> right_attributes("the door closes all the way", Facts("open_door", True))
        {'object': True, 'verb': False, 'extent': True}
    """
    right = {}
    for name, own in facts.attributes.items():
        said = {phrase for phrase in _PHRASES[name] if f" {phrase} " in f" {sentence} "}
        right[name] = bool(said) and said <= set(own)
    return right


def facts_of(clips: ClipSet) -> list[Facts]:
    """What there is to say of clips of `synthesize`, forwards or backwards.

    Args:
        clips: such as ``EssenceSet.load("book/data/partial").reversed_pairs(REVERSED)``; ids as
            `synthesize` and `ClipSet.pairs` give them.

    Raises:
        ValueError: if a clip's id is of another form.
    """
    labels = [clips.classes[label] for label in clips.labels.tolist()]
    return [
        Facts(label, _is_whole(_states(name)))
        for label, name in zip(labels, clips.clip_ids, strict=True)
    ]


def _is_whole(states: np.ndarray) -> bool:
    """Whether the states span the range from 0 to 1; a partial swing spans half of it at most."""
    return bool(np.ptp(states) > 0.99)


def _states(clip_id: str) -> np.ndarray:
    """The states of a clip by its id, such as "open_door/open_door-full-0-0003.mp4, reversed"."""
    name, _, backwards = clip_id.partition(", ")
    try:
        action, swing, seed, number = name.split("/")[1].removesuffix(".mp4").rsplit("-", 3)
        states = states_of(action, int(number), swing=swing, seed=int(seed))
    except (IndexError, ValueError) as error:
        raise ValueError(
            f"clip id ({clip_id!r}) must be one that `synthesize` gives, such as "
            "'open_door/open_door-partial-0-0003.mp4'; take such clips"
        ) from error
    return states[::-1] if backwards == "reversed" else states


class Vocabulary:
    """Words and their numbers; 0 pads, 1 starts a sentence, 2 ends it.

    Args:
        sentences: words with blanks between them.

    Attributes:
        words: V words in alphabetical order, after the three marks.
    """

    def __init__(self, sentences: Iterable[str]) -> None:
        known = sorted({word for sentence in sentences for word in sentence.split()})
        self.words = (PAD, START, END, *known)
        self._numbers = {word: k for k, word in enumerate(self.words)}

    def __len__(self) -> int:
        """V, the marks included."""
        return len(self.words)

    def encode(self, sentence: str) -> list[int]:
        """The numbers of the words, and of the end.

        Raises:
            ValueError: if a word is not known.
        """
        unknown = [word for word in sentence.split() if word not in self._numbers]
        if unknown:
            raise ValueError(
                f"word ({unknown[0]!r}) must be in the vocabulary; make one of all sentences"
            )
        return [*(self._numbers[word] for word in sentence.split()), self._numbers[END]]

    def decode(self, numbers: Iterable[int]) -> str:
        """The words up to the end mark."""
        words = itertools.takewhile(lambda k: self.words[k] != END, numbers)
        return " ".join(self.words[k] for k in words)

    def padded(self, references: Sequence[Sequence[str]]) -> Tensor:
        """References as numbers (N, R, L), each with its end, padded with 0.

        Args:
            references: R sentences of each of N clips.
        """
        coded = [[self.encode(sentence) for sentence in own] for own in references]
        longest = max(len(words) for own in coded for words in own)
        filled = [[[*w, *[0] * (longest - len(w))] for w in own] for own in coded]
        return torch.tensor(filled)
