"""The service over HTTP: which addresses there are, and what each answers.

The interactive pages of FastAPI are off, since they load scripts from another host; what they show
stands as JSON at ``/openapi.json``.
"""

from __future__ import annotations

import hmac
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import anyio
import anyio.to_thread
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader

from .arrivals import ADDRESS, UPLOAD, Arrivals, drain
from .fetching import Fetcher
from .limits import Admission, Limits, Refused
from .page_files import router as page
from .served import Explanation, ModelInfo, Prediction, Served

T = TypeVar("T")


class Service:
    """What the routes share.

    Args:
        models: "v1", "v2" and so on, to the model that answers there.
        limits: what a request may cost.
        fetcher: who downloads.
        folder: for videos while they are worked on.
    """

    def __init__(
        self, models: Mapping[str, Served], limits: Limits, fetcher: Fetcher, folder: Path
    ) -> None:
        self.models, self.limits = models, limits
        self.admission = Admission(limits)
        self.arrivals = Arrivals(folder, limits, fetcher)
        self._threads = anyio.CapacityLimiter(limits.at_once)

    async def answer(
        self, version: str, request: Request, ask: Callable[[Served, Path, Limits], T]
    ) -> T:
        """Receive a video, wait for a place, and ask the model.

        Args:
            version: which model.
            request: which brings the video.
            ask: the question.

        Raises:
            Refused: for whatever reason there is no answer.
        """
        if version not in self.models:
            raise Refused(
                404, f"no model is served as {version}; there is {', '.join(self.models)}"
            )
        with self.admission.enter():
            async with self.arrivals.receive(request) as path:
                return await anyio.to_thread.run_sync(
                    ask, self.models[version], path, self.limits, limiter=self._threads
                )


def create_app(
    models: Mapping[str, Served],
    *,
    limits: Limits | None = None,
    fetcher: Fetcher | None = None,
    api_key: str = "",
) -> FastAPI:
    """The application; while it runs it has a folder of its own, and it ends the predictors.

    Args:
        models: "v1", "v2" and so on, to the model that answers there.
        limits: what a request may cost.
        fetcher: who downloads; else one for public hosts alone.
        api_key: what the header X-API-Key must hold for ``/api``; empty: nothing.
    """
    limits = limits or Limits()
    fetcher = fetcher or Fetcher(max_bytes=limits.max_bytes)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        with tempfile.TemporaryDirectory(prefix="quest82-serve-") as folder:
            app.state.service = Service(models, limits, fetcher, Path(folder))
            yield
        for model in models.values():
            model.predictor.close()

    app = FastAPI(title="quest82", docs_url=None, redoc_url=None, lifespan=life)
    app.state.api_key = api_key
    app.add_exception_handler(Refused, _refuse)
    app.add_exception_handler(Exception, _fail)
    app.include_router(page)
    app.include_router(_open)
    app.include_router(_closed)
    return app


async def _refuse(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)
    return JSONResponse({"detail": error.detail}, error.status, error.headers)


async def _fail(request: Request, error: Exception) -> JSONResponse:
    """What nobody thought of; the log has the traceback."""
    return JSONResponse({"detail": "the service failed at this request; its log says why"}, 500)


_KEY = APIKeyHeader(name="X-API-Key", auto_error=False)


async def _require_key(request: Request, given: Annotated[str | None, Depends(_KEY)]) -> None:
    wanted = request.app.state.api_key
    if wanted and not hmac.compare_digest((given or "").encode(), wanted.encode()):
        await drain(request)
        raise Refused(401, "the header X-API-Key must hold the key of this service")


_open = APIRouter()
_closed = APIRouter(prefix="/api", dependencies=[Depends(_require_key)])
_FILE = {"type": "string", "format": "binary"}
_BODY = {
    "required": True,
    "content": {
        UPLOAD: {"schema": {"type": "object", "properties": {"file": _FILE}}},
        ADDRESS: {"schema": {"type": "object", "properties": {"url": {"type": "string"}}}},
    },
}
_REFUSALS: dict[int | str, dict] = {
    status: {"description": what}
    for status, what in {
        400: "no video came in",
        401: "the key is missing or wrong",
        403: "the address is not public",
        404: "no model of that version is served",
        408: "the video came in too slowly",
        413: "the video is too large",
        415: "that is no video file",
        422: "the video or its address cannot be used",
        503: "all places are taken; Retry-After says when to ask again",
    }.items()
}


@_open.get("/health")
async def health(request: Request) -> dict[str, str | int]:
    """That the service runs, and how many requests are inside."""
    return {"status": "ok", "inside": request.app.state.service.admission.inside}


@_closed.get("/models")
async def models(request: Request) -> dict[str, ModelInfo]:
    """Which models are served, by version."""
    return {version: model.info for version, model in request.app.state.service.models.items()}


@_closed.post("/{version}/predict", responses=_REFUSALS, openapi_extra={"requestBody": _BODY})
async def predict(version: str, request: Request) -> Prediction:
    """What a model says of the video that is uploaded, or that stands at the address."""
    return await _answer(version, request, lambda model, path, limits: model.ask(path, limits))


@_closed.post("/{version}/explain", responses=_REFUSALS, openapi_extra={"requestBody": _BODY})
async def explain(version: str, request: Request) -> Explanation:
    """The same of the frames in both orders, with the frames and what each of them adds."""
    return await _answer(version, request, lambda model, path, limits: model.explain(path, limits))


async def _answer(version: str, request: Request, ask: Callable[[Served, Path, Limits], T]) -> T:
    try:
        return await request.app.state.service.answer(version, request, ask)
    except Refused:
        await drain(request)
        raise
