"""Sentences from essences: an encoder reads frames, a decoder writes one word after the other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .aggregators.attention import position_code
from .beams import START, State
from .parts.attention import attention_weights

MEMORIES = ("mean", "frames", "positions", "lstm")


class Captioner(nn.Module):
    """Essences (B, T, D) and the words so far -> logits of the next word.

    A subclass says in `start` how frames are read, and in `write` how words follow each other.

    Args:
        in_features: width D of an essence.
        num_words: V; numbers 0, 1 and 2 pad, start and end a sentence.
        projection_size: width P that essences are projected to.
        hidden_size: width H of hidden states.
        word_size: width E of the vector of a word.
        dropout: share of the projected essences set to zero in training.
    """

    def __init__(
        self,
        in_features: int,
        num_words: int,
        *,
        projection_size: int = 64,
        hidden_size: int = 64,
        word_size: int = 32,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.projection_size, self.hidden_size = projection_size, hidden_size
        # Directions are in small changes: each of the D numbers is brought to one scale first.
        self.scaled = nn.BatchNorm1d(in_features, affine=False)
        self.projection = nn.Sequential(
            nn.Linear(in_features, projection_size), nn.ReLU(), nn.Dropout(dropout)
        )
        self.embedding = nn.Embedding(num_words, word_size)

    def start(self, essences: Tensor) -> State:
        """Read the frames (B, T, D)."""
        raise NotImplementedError(f"{type(self).__name__} must say how it reads frames")

    def write(self, words: Tensor, state: State) -> tuple[Tensor, State]:
        """Logits (B, L, V) of what comes after each of L given words (B, L); and the next state."""
        raise NotImplementedError(f"{type(self).__name__} must say how it writes")

    def step(self, words: Tensor, state: State) -> tuple[Tensor, State]:
        """Logits (B, V) of the next word, after the words (B,) and a state; and the next state."""
        logits, state = self.write(words[:, None], state)
        return logits[:, 0], state

    def forward(self, essences: Tensor, words: Tensor) -> Tensor:
        """Teacher forcing: logits of each word, given the true words before it.

        Args:
            essences: (B, T, D).
            words: long (B, L), each sentence with its end, without its start.

        Returns:
            (B, L, V).
        """
        before = torch.cat([torch.full_like(words[:, :1], START), words[:, :-1]], dim=1)
        return self.write(before, self.start(essences))[0]

    def projected(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> (B, T, P)."""
        scaled = self.scaled(essences.transpose(1, 2)).transpose(1, 2)
        return self.projection(scaled)


class S2VT(Captioner):
    """Two LSTMs, one on the other, read all frames and then write (Venugopalan et al. 2015).

    While frames come, the upper LSTM gets zeros for words; while words come, the lower one gets
    zeros for frames. All that is known of the clip passes through the states between the two.

    Args:
        in_features: see `Captioner`, as are num_words and the options.
        num_words: V.
        options: sizes and dropout.
    """

    def __init__(self, in_features: int, num_words: int, **options) -> None:
        super().__init__(in_features, num_words, **options)
        H, E = self.hidden_size, self.embedding.embedding_dim
        self.of_frames = nn.LSTM(self.projection_size, H, batch_first=True)
        self.of_words = nn.LSTM(H + E, H, batch_first=True)
        self.head = nn.Linear(H, num_words)

    def start(self, essences: Tensor) -> State:
        """See `Captioner`; h and c (B, H) of the lower LSTM, then of the upper one."""
        B, T, _ = essences.shape
        no_words = essences.new_zeros(B, T, self.embedding.embedding_dim)
        zeros = (essences.new_zeros(B, self.hidden_size),) * 4
        return self._read(self.projected(essences), no_words, zeros)[1]

    def write(self, words: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Captioner`."""
        no_frames = state[0].new_zeros(*words.shape, self.projection_size)
        hidden, state = self._read(no_frames, self.embedding(words), state)
        return self.head(hidden), state

    def _read(self, frames: Tensor, words: Tensor, state: State) -> tuple[Tensor, State]:
        """Frames (B, n, P) and words (B, n, E) side by side -> (B, n, H) of the upper LSTM."""
        h, c, upper_h, upper_c = (part[None] for part in state)
        hidden, (h, c) = self.of_frames(frames, (h, c))
        both = torch.cat([hidden, words], dim=2)
        hidden, (upper_h, upper_c) = self.of_words(both, (upper_h, upper_c))
        return hidden, (h[0], c[0], upper_h[0], upper_c[0])


class AttendingCaptioner(Captioner):
    """A decoder that looks at the frames anew for each word (Yao et al. 2015).

    An LSTM reads the words so far. Its state is a query to every frame of the memory; the next word
    is written from the state and from the mean of the frames, weighed by the softmax of the
    answers. The look comes after the step of the LSTM, as in Luong et al. 2015, so that all words
    of a true sentence are trained at once; in Yao et al. it comes before.

    Args:
        in_features: see `Captioner`, as are num_words and the options.
        num_words: V.
        memory: what the decoder looks at: "mean", of the essences (one vector); "frames",
            which is blind to order; "positions", frames with their numbers; "lstm", the states of
            an LSTM that has read them in order.
        options: sizes and dropout.

    Raises:
        ValueError: if there is no such memory.
    """

    def __init__(
        self, in_features: int, num_words: int, *, memory: str = "lstm", **options
    ) -> None:
        super().__init__(in_features, num_words, **options)
        if memory not in MEMORIES:
            raise ValueError(f"memory ({memory!r}) must be one of {', '.join(MEMORIES)}")
        P, H = self.projection_size, self.hidden_size
        self.memory = memory
        M = H if memory == "lstm" else P
        self.reader = nn.LSTM(P, H, batch_first=True) if memory == "lstm" else None
        self.first = nn.Linear(M, H)
        self.writer = nn.LSTM(self.embedding.embedding_dim, H, batch_first=True)
        self.query = nn.Linear(H, M, bias=False)
        self.head = nn.Linear(H + M, num_words)

    def start(self, essences: Tensor) -> State:
        """See `Captioner`; h and c (B, H), the memory (B, T, M), the weights (B, T) of a word."""
        if self.memory == "mean":
            essences = essences.mean(dim=1, keepdim=True)  # (B, T, D) -> (B, 1, D)
        memory = self.projected(essences)  # (B, T, D) -> (B, T, P)
        if self.memory == "positions":
            memory = memory + position_code(*memory.shape[1:]).to(memory)
        if self.reader is not None:
            memory, _ = self.reader(memory)  # (B, T, P) -> (B, T, H)
        hidden = self.first(memory.mean(dim=1)).tanh()
        return hidden, torch.zeros_like(hidden), memory, memory.new_zeros(memory.shape[:2])

    def write(self, words: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Captioner`; the last part of the state says where the last word was looked for."""
        h, c, memory, _ = state
        hidden, (h, c) = self.writer(self.embedding(words), (h[None], c[None]))  # (B, L, H)
        weights = attention_weights(self.query(hidden), memory)  # (B, L, T)
        logits = self.head(torch.cat([hidden, weights @ memory], dim=2))
        return logits, (h[0], c[0], memory, weights[:, -1])
