"""The last seconds of a stream, as a model sees a clip: T essences, the newest one last."""

from __future__ import annotations

import math
from collections import deque
from typing import cast

import torch
from torch import Tensor

from ..frames.transforms import ClipTransform
from ..systems.aggregators.recurrent import State
from ..video import Moment
from .asking import Answer
from .predictor import Predictor

# Of a step between two instants: a frame that ends there has ended, whatever rounding says.
_HARDLY_ANYTHING = 1e-6


class Instants:
    """At which frames of a stream to look: those that are shown in the middle of each step.

    Instant i lies at (i + 1/2) steps after the first frame of its window, so that those of the
    first `span_seconds` are the centres of the T segments of a clip of that length. A window goes
    on until the stream breaks off, jumps back, or jumps ahead by more than its span.

    Args:
        span_seconds: what T frames are spread over, above 0.
        num_frames: T.
    """

    def __init__(self, span_seconds: float, num_frames: int) -> None:
        self.span_seconds, self.step = span_seconds, span_seconds / num_frames
        self._window, self._instant = -1, -1
        self._start = self._last = 0.0

    def reached(self, moment: Moment) -> tuple[int, int] | None:
        """Number of the window, and of the last instant at which this frame is shown.

        None where there is no new one: nobody needs to look at the frame.
        """
        if moment.is_first or not 0 <= moment.time - self._last <= self.span_seconds:
            self._window, self._instant = self._window + 1, -1
            self._start = moment.time
        self._last = moment.time
        end = (moment.time + moment.duration - self._start) / self.step
        instant = math.ceil(end - 0.5 - _HARDLY_ANYTHING) - 1
        if instant <= self._instant:
            return None
        self._instant = instant
        return self._window, instant


class Rolling:
    """A model that sees one frame after the other, describes each once, and keeps T essences.

    Where one frame is shown at several instants, because frames are rare or the network is slow,
    its essence counts several times, as in a clip of fewer frames than segments.

    Args:
        predictor: the model at work.
        continue_state: let a recurrent network go on from its state, rather than read the last T
            essences anew for each answer. It then remembers more than it saw in training.

    Raises:
        ValueError: if it is to continue, and is not recurrent.
    """

    def __init__(self, predictor: Predictor, *, continue_state: bool = False) -> None:
        self.predictor, self.continue_state = predictor, continue_state
        self.num_frames = predictor.spec.num_frames
        self.ring: deque[Tensor] = deque(maxlen=self.num_frames)
        self._crop = ClipTransform(predictor.spec.size).cropper()
        self._window, self._instant = -1, -1
        self._state: State | None = None
        if continue_state:  # better refused now than at the first frame
            width = cast(int, predictor.network.aggregator.in_features)
            predictor.network.step(torch.zeros(1, width))

    @torch.no_grad()
    def see(self, pixels: Tensor, window: int, instant: int) -> Answer | None:
        """What the model says of the last T instants.

        Args:
            pixels: uint8 (3, H, W), the frame that is shown at all instants since the last one.
            window: its number; in a new one nothing is known yet.
            instant: its number, above the last one's.

        Returns:
            The answer, whose `frames` are numbers of instants; None before there are T.
        """
        (essence,) = self.predictor.describe(self._crop(pixels[None]))
        if window != self._window:
            self._window, self._instant, self._state = window, -1, None
            self.ring.clear()
        times = min(instant - self._instant, self.num_frames)
        self._instant = instant
        self.ring.extend([essence] * times)
        logits = self._go_on(essence, times) if self.continue_state else None
        return self._answer(logits) if len(self.ring) == self.num_frames else None

    def _go_on(self, essence: Tensor, times: int) -> Tensor:
        for _ in range(times):
            logits, self._state = self.predictor.network.step(essence[None], self._state)
        return logits[0]

    def _answer(self, logits: Tensor | None) -> Answer:
        essences = torch.stack(tuple(self.ring))  # (T, D)
        instants = tuple(range(self._instant + 1 - self.num_frames, self._instant + 1))
        if logits is None:
            return self.predictor.answer(essences, instants)
        return self.predictor.judge(logits, essences, instants)
