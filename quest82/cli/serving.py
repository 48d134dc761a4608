"""The command that puts models on the network."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import BackboneWeights, Device, TimeLimit

if TYPE_CHECKING:
    from ..service.limits import Limits
    from ..service.served import Served

# How long requests that are inside may go on when the service is told to stop.
_GRACE_SECONDS = 30
_Model = Annotated[Path | None, typer.Option(help="A model of `quest82 train`.")]
_WHERE_IT_IS_SAFE = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class LimitOptions:
    """What one request, and all of them together, may cost."""

    max_megabytes: Annotated[float, typer.Option(min=0.001, help="Of one video file.")] = 100
    max_seconds: Annotated[float, typer.Option(min=0.1, help="That one video may last.")] = 120
    waiting: Annotated[
        int, typer.Option(min=0, help="Requests that may wait; others are told to come back.")
    ] = 16

    def limits(self, at_once: int) -> Limits:
        """The same as the service knows them."""
        from ..service.limits import Limits

        return Limits(
            max_bytes=int(self.max_megabytes * 1e6),
            max_seconds=self.max_seconds,
            at_once=at_once,
            waiting=self.waiting,
        )


@dataclass(frozen=True)
class RunningOptions:
    """Who decodes, for how long at most, and where the network runs."""

    workers: Annotated[
        int, typer.Option(min=1, help="Videos worked on at once: processes that decode, per model.")
    ] = 2
    time_limit: TimeLimit = 20
    device: Device = "auto"
    backbone_weights: BackboneWeights = None

    def load(self, path: Path) -> Served:
        """The model in a file, at work; asked once, so that nobody waits for it to start."""
        from ..service import Predictor, samples
        from ..service.served import Served

        predictor = Predictor.load(
            path,
            device=self.device,
            backbone_weights=self.backbone_weights,
            num_workers=self.workers,
            time_limit_seconds=self.time_limit,
        )
        predictor(samples.FOLDER / f"{samples.ACTIONS[0]}.mp4")
        return Served.of(path, predictor)


def serve(
    *,
    v1: _Model = None,
    v2: _Model = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Fetch from this host although its address is private; repeatable."),
    ] = None,
    site: Annotated[
        list[str] | None,
        typer.Option(
            help="Find videos on the pages of this site, such as youtube.com, too; repeatable. "
            "Needs yt-dlp, of the extra sites."
        ),
    ] = None,
    limit: LimitOptions,
    running: RunningOptions,
) -> None:
    """Answer over HTTP which action a video shows: POST /api/v1/predict, and v2 beside it.

    For people there is a page at /, where a clip is dropped, explained and played backwards.

    A key in the environment variable `QUEST82_API_KEY` is asked for in the header `X-API-Key`.

    Example: `quest82 serve --v1 mean.safetensors --v2 lstm.safetensors`
    """
    try:
        import uvicorn

        from ..service.fetching import Fetcher
        from ..service.rest import create_app
        from ..service.sites import Sites
    except ModuleNotFoundError as error:
        raise ValueError(f'{error.name} is not installed; pip install "quest82[serve]"') from error
    models = {name: path for name, path in (("v1", v1), ("v2", v2)) if path}
    if not models:
        raise ValueError("there is nothing to serve; give a model with --v1, --v2 or both")
    key = os.environ.get("QUEST82_API_KEY", "")
    if not key and host not in _WHERE_IT_IS_SAFE:
        typer.echo("note: QUEST82_API_KEY is not set: who reaches this port may ask", err=True)
    limits, private = limit.limits(running.workers), allow_host or ()
    fetcher = Fetcher(
        max_bytes=limits.max_bytes,
        allowed_hosts=private,
        sites=Sites(site, private) if site else None,
    )
    app = create_app(
        {name: running.load(path) for name, path in models.items()},
        limits=limits,
        fetcher=fetcher,
        api_key=key,
    )
    uvicorn.run(
        app,
        host=host,
        port=port,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
    )
