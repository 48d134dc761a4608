"""Predicting by a network that others trained: a video file in, an answer of 400 actions out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from ..data.clips import Clip
from ..frames.preset import Preset
from ..frames.workers import Workers
from ..systems.devices import choose_device
from ..systems.pretrained import PretrainedVideoNetwork
from ..video import VideoError
from .asking import Answer, FilePredictor


class PretrainedPredictor(FilePredictor):
    """Asks a video network of torchvision about video files.

    It is shown one window from the middle of each video, at the frame rate at which it was tested
    (r2plus1d_18: 16 frames, 15 a second, so about one second); of a video that is shorter the last
    frame is held. Torchvision's accuracies are those of several windows averaged, and higher. The
    frames of a folder are taken one after the other, since a folder tells no rate.

    Worker processes that decode live until `close`, the end of a ``with``, or the end of the
    predictor.

    Args:
        network: clips (B, T, 3, H, W) -> logits (B, K).
        workers: who decodes.

    Attributes:
        classes: the K names.
        preset: how frames are taken.
    """

    def __init__(self, network: PretrainedVideoNetwork, *, workers: Workers) -> None:
        self.network, self.workers, self.classes = network, workers, network.classes
        self.preset = Preset(
            num_frames=network.num_frames,
            fps=network.fps,
            resize=network.resize,
            crop=network.crop,
        )

    @classmethod
    def load(
        cls,
        name: str,
        *,
        weights: str | Path | None = None,
        device: str = "auto",
        num_workers: int = 1,
        time_limit_seconds: float = 60,
    ) -> PretrainedPredictor:
        """A predictor with torchvision's weights for Kinetics-400.

        Args:
            name: a network in `pretrained.NAMES`.
            weights: path of its state dict; None: fetched from torchvision's address on first use.
            device: where it runs: "cpu", "cuda", "mps", or "auto" for the fastest there is.
            num_workers: processes that decode; 0 decodes in this one, without a time limit.
            time_limit_seconds: for decoding one video.

        Raises:
            ValueError: if there is no such network or device, or the file does not hold its
                weights.
            WeightsError: if the weights cannot be fetched.
        """
        where = choose_device(device)
        workers = Workers(num_workers=num_workers, time_limit_seconds=time_limit_seconds)
        return cls(PretrainedVideoNetwork(name, weights).to(where), workers=workers)

    def each(self, paths: Iterable[str | Path]) -> Iterator[Answer | VideoError]:
        """For each of many files, in their order and decoded ahead, the answer or its error."""
        clips = (Clip(path.name, "", "", path) for path in map(Path, paths))
        for taken in self.workers.take(clips, self.preset):
            if isinstance(taken, VideoError):
                yield taken
            else:
                indices, frames = taken
                yield self.answer(frames, tuple(indices.tolist()))

    @torch.no_grad()
    def answer(self, pixels: Tensor, frames: tuple[int, ...]) -> Answer:
        """What the network says of the pixels, uint8 (T, 3, H, W), of T frames."""
        clip = pixels.to(self.network.device).float() / 255
        logits = self.network(clip[None])[0].cpu()
        return Answer(self.classes, logits.softmax(dim=0), frames)
