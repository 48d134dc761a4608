"""Predicting: a video file in, an answer out, by the way on which the model's clips came.

Frames are taken as the training took them (`ViewSpec`), decoded under the same supervision,
described by the same engine, and rounded as a store rounds them. So a clip of the store that a
model is asked about gets the logits that it gets there.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ..data.clips import Clip
from ..essences.engines import Engine, EngineError, OpenVINOEngine, open_engine
from ..essences.files import StoreError, half
from ..frames.view import ViewSpec
from ..frames.workers import Workers
from ..systems import classifier
from ..systems.backbones import Backbone, TorchvisionBackbone, open_backbone
from ..systems.calibration import Calibration
from ..systems.devices import choose_device
from ..systems.mobilenet import MobileNetV2Extractor
from ..systems.video_backbone import VideoMAEBackbone
from ..video import VideoError
from .asking import Answer, FilePredictor
from .explaining import contributions


class Predictor(FilePredictor):
    """Asks a model about video files; several threads may do so at once.

    Made by `load`. Worker processes that decode live until `close`, the end of a ``with``, or the
    end of the predictor.

    Args:
        network: essences (B, T, D) -> logits (B, K).
        classes: the K names.
        engine: frames -> essences.
        spec: how frames are taken.
        workers: who decodes.
        calibration: how sure the network may be; None takes it at its word.
    """

    def __init__(
        self,
        network: classifier.Classifier,
        classes: Iterable[str],
        *,
        engine: Engine,
        spec: ViewSpec,
        workers: Workers,
        calibration: Calibration | None = None,
    ) -> None:
        self.network, self.classes = network.eval(), tuple(classes)
        self.engine, self.spec, self.workers = engine, spec, workers
        self.calibration = calibration
        self._engine_is_free = threading.Lock()  # its requests and buffers are for one at a time

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        device: str = "auto",
        backbone_weights: str | Path | None = None,
        engine: str | None = None,
        num_workers: int = 1,
        time_limit_seconds: float = 60,
    ) -> Predictor:
        """A predictor for a model of `quest82 train`.

        Args:
            path: the model.
            device: where the backbone runs: "cpu", "cuda" or "mps"; "auto" takes the processor
                for a model whose essences OpenVINO made, else the fastest there is. Where the
                engine of the training does not work, the fastest that does takes its place: equal
                up to rounding.
            backbone_weights: a state dict, if the essences are not of torchvision's weights.
            engine: a name in `essences.engines.ENGINES`, which then has to work here.
            num_workers: processes that decode; 0 decodes in this one, without a time limit.
            time_limit_seconds: for decoding one video.

        Raises:
            ValueError: if the file is not a model, reads feature maps, does not say how its
                essences were made, or the backbone has other weights.
            EngineError: if the engine that was named does not work here.
            WeightsError: if weights of the backbone cannot be fetched.
        """
        network, settings = classifier.load(path)
        made = settings["extraction"]
        try:
            spec = ViewSpec.of(made)
        except ValueError as error:
            raise ValueError(
                f"{path}: {error}; train it on a store of `quest82 extract`"
            ) from error
        if device == "auto" and made.get("engine") == OpenVINOEngine.name:
            device = "cpu"
        backbone = backbone_of(made, path, backbone_weights).to(choose_device(device))
        return cls(
            network,
            settings["classes"],
            engine=_engine_of(made, backbone, spec, engine),
            spec=spec,
            workers=Workers(num_workers=num_workers, time_limit_seconds=time_limit_seconds),
            calibration=settings["calibration"],
        )

    def each(
        self, paths: Iterable[str | Path], *, explain: bool = False
    ) -> Iterator[Answer | VideoError]:
        """For each of many files, in their order and decoded ahead, the answer or its error.

        Args:
            paths: the files.
            explain: say what each frame contributes.
        """
        names, ahead = itertools.tee(map(Path, paths))
        clips = (Clip(path.name, "", "", path) for path in ahead)
        for path, taken in zip(names, self.workers.take(clips, self.spec), strict=True):
            if isinstance(taken, VideoError):
                yield taken
                continue
            indices, frames = taken
            try:
                essences = self.describe(frames)
            except StoreError as error:  # no numbers: it costs the file, as it costs a store a clip
                yield VideoError(f"{path}: {error}")
                continue
            answer = self.answer(essences, tuple(indices.tolist()))
            shares = contributions(self.network, essences) if explain else None
            yield replace(answer, contributions=shares)

    def describe(self, frames: Tensor) -> Tensor:
        """uint8 frames (T, 3, S, S) -> essences float16 (T, D), as a store holds them.

        Raises:
            StoreError: if they are no numbers, or too large for float16.
        """
        with self._engine_is_free:
            described = self.engine(frames).numpy()
        return torch.from_numpy(half(described, "the essences of a video"))

    @torch.no_grad()
    def answer(self, essences: Tensor, frames: tuple[int, ...]) -> Answer:
        """What the model says of essences (T, D), as a store holds them, of T frames."""
        return self.judge(self.network(essences[None])[0], essences, frames)

    def judge(self, logits: Tensor, essences: Tensor, frames: tuple[int, ...]) -> Answer:
        """What the logits (K,) mean that the network gave for some essences (T, D)."""
        if self.calibration is None:
            return Answer(self.classes, logits.softmax(dim=0), frames)
        distance = self.calibration.distances(essences[None]).item()
        probabilities, farthest = self.calibration.probabilities(logits), self.calibration.farthest
        return Answer(self.classes, probabilities, frames, distance, distance > farthest)


def backbone_of(
    made: Mapping, path: str | Path, weights: str | Path | None
) -> MobileNetV2Extractor | TorchvisionBackbone | VideoMAEBackbone:
    """The network that made a model's essences, or a ValueError that says what is missing."""
    if "maps" in made:
        raise ValueError(f"{path}: reads feature maps, not videos; train it without (--maps)")
    if missing := [name for name in ("backbone", "weights") if name not in made]:
        raise ValueError(
            f"{path}: does not say by which network its essences were made ({missing[0]} is "
            "missing); extract, and train again"
        )
    backbone = open_backbone(made["backbone"], weights)
    if backbone.fingerprint() != made["weights"]:
        raise ValueError(
            f"{path}: was trained on essences of {made['backbone']} with the weights "
            f"{made['weights']}, not {backbone.fingerprint()}; give their file (--backbone-weights)"
        )
    return backbone


def _engine_of(made: Mapping, backbone: Backbone, spec: ViewSpec, wanted: str | None) -> Engine:
    """The engine that is wanted; else the one that made the essences, or the fastest that works."""
    if wanted is not None:
        return open_engine(backbone, size=spec.size, name=wanted)
    works = made.get("engine") != OpenVINOEngine.name or backbone.device.type == "cpu"
    name = made.get("engine") if works else None
    try:
        return open_engine(backbone, size=spec.size, name=name)
    except EngineError:
        return open_engine(backbone, size=spec.size)
