"""The command that watches a camera, a stream or a file, and says what it sees."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import BackboneWeights, Device, EngineName

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from ..service import Answer
    from ..service.stream import Seen
    from ..video import Source
    from .screen import Screen


@dataclass(frozen=True)
class StreamOptions:
    """How a stream is read."""

    seconds: Annotated[
        float,
        typer.Option(
            min=0.1, help="Seconds that the model looks back on: about as long as its clips were."
        ),
    ] = 2.0
    continue_state: Annotated[
        bool,
        typer.Option(
            "--continue-state",
            help="Let a recurrent model (lstm, gru) go on from its state, with a memory of all "
            "that came. Without, each answer is that of a clip of the last seconds, as the model "
            "has learned it.",
        ),
    ] = False
    pace: Annotated[
        bool,
        typer.Option(
            help="Play a file at its own pace; --no-pace: as fast as the model can follow, "
            "leaving nothing out."
        ),
    ] = True
    reconnect: Annotated[
        int, typer.Option(min=0, help="Tries to reach a live source again when it is lost.")
    ] = 5


@dataclass(frozen=True)
class NetworkOptions:
    """Where the network runs, and how."""

    device: Device = "auto"
    backbone_weights: BackboneWeights = None
    engine: EngineName = None


def watch(
    model: Annotated[Path, typer.Argument(help="A model of `quest82 train`.")],
    source: Annotated[
        str,
        typer.Argument(help="Number of a webcam (0), address (rtsp://..., http://...), or file."),
    ],
    *,
    show: Annotated[
        bool, typer.Option("--show", help="Also show the frames and answers in a window.")
    ] = False,
    stream: StreamOptions,
    network: NetworkOptions,
) -> None:
    """Name the action in a live video: a line of JSON for each frame that the model looks at.

    The model looks at T frames of the last --seconds, as many as those of its clips; each of them
    is described once, and gives a new answer about all of them. A line says the time in the stream
    (seconds), the best label and its probability, whether it is rather none of these, how many
    frames come per second, and the delay from a frame's arrival to its answer. A model that is too
    slow for the stream leaves frames out. The end of a file, Ctrl-C or closing the window ends it.

    Example: `quest82 watch lstm.safetensors rtsp://camera.local/stream --seconds 3`
    """
    from ..video import Source

    played, tally = Source(source), _Tally()
    with ExitStack() as held:
        screen = held.enter_context(_screen(played.shown)) if show else None
        seen = held.enter_context(closing(_start(model, played, stream, network)))
        held.callback(tally.tell)
        try:
            _follow(seen, tally, screen)
        except KeyboardInterrupt:  # the way in which a live stream is left
            return
    if not (tally.answers or tally.is_closed):
        raise ValueError(
            f"{played.shown}: ended before its frames filled {stream.seconds:g} s; take fewer "
            "(--seconds)"
        )


def _screen(title: str) -> Screen:
    from .screen import Screen

    return Screen(title)


def _start(
    model: Path, source: Source, stream: StreamOptions, network: NetworkOptions
) -> Generator[Seen | None, None, None]:
    from ..service import Predictor
    from ..service.stream import Patience, watch

    predictor = Predictor.load(
        model,
        device=network.device,
        backbone_weights=network.backbone_weights,
        engine=network.engine,
        num_workers=0,
    )
    return watch(
        predictor,
        source,
        span_seconds=stream.seconds,
        continue_state=stream.continue_state,
        pace=stream.pace,
        patience=Patience(stream.reconnect, lambda text: typer.echo(f"quest82: {text}", err=True)),
    )


def _follow(seen: Iterable[Seen | None], tally: _Tally, screen: Screen | None) -> None:
    """Tell what is seen until it ends, or the window is closed."""
    for one in seen:
        if one and one.answer:
            typer.echo(json.dumps(_line(one, one.answer)))
        if one:
            tally.add(one)
        if screen and not screen.update(one):
            tally.is_closed = True
            return


def _line(seen: Seen, answer: Answer) -> dict[str, object]:
    ((label, probability),) = answer.top(1)
    return {
        "time": round(seen.time, 3),
        "label": label,
        "probability": round(probability, 6),
        "none_of_these": answer.unlike,
        "fps": round(seen.fps, 1),
        "delay_ms": round(1e3 * seen.delay_seconds, 1),
    }


class _Tally:
    """What is said at the end: sums alone, since a stream may go on for ever."""

    def __init__(self) -> None:
        self.frames = self.looked_at = self.answers = 0
        self.seconds = self.delays = self.longest = 0.0
        self.is_closed = False

    def add(self, seen: Seen) -> None:
        self.frames, self.seconds = seen.num_frames, seen.time
        self.looked_at += 1
        self.answers += seen.answer is not None
        self.delays += seen.delay_seconds
        self.longest = max(self.longest, seen.delay_seconds)

    def tell(self) -> None:
        if not self.looked_at:  # it never began
            return
        mean = self.delays / self.looked_at
        typer.echo(
            f"watched {self.seconds:.1f} s: {self.answers} answers, {self.looked_at} of "
            f"{self.frames} frames looked at, delay {1e3 * mean:.0f} ms on average, "
            f"{1e3 * self.longest:.0f} ms at most",
            err=True,
        )
