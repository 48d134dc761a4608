"""Optical flow between neighbouring frames of a clip, by any of several methods.

One convention for all: flow (2, H, W) in pixels, x to the right, then y downwards; what is at p in
frame t is at p + flow(p) in frame t + 1.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from . import lucas_kanade as lk

Method = Callable[[Tensor], Tensor]
# Luma of ITU-R BT.601, as OpenCV and television weigh the colours.
_LUMA = (0.299, 0.587, 0.114)
_LEAST_PIXELS_OF_DIS = 12


def flow_of(frames: Tensor, method: str | Method = "pyramid") -> Tensor:
    """Where each pixel of a frame is in the next one.

    Take frames that are neighbours (`ViewSpec(sampler="strided", stride=1)`): between sparse
    frames most points have gone too far for any method to find them.

    Played backwards, a clip has its own flow. It is about minus the other in opposite order, seen
    from where each point arrives; with "lucas_kanade" it is minus at the same pixel, but for
    rounding.

    Args:
        frames: uint8 (T, 3, H, W), T of 2 or more.
        method: a name in `METHODS`, or a function like those.

    Returns:
        Flow, float32 (T - 1, 2, H, W) in pixels.

    Raises:
        ValueError: if there is no such method, the frames are of another shape or too small for
            it, or OpenCV is not installed where the method is OpenCV's.
        FetchError: with "raft", if the weights are not here and cannot be fetched.
    """
    if frames.dtype != torch.uint8 or frames.ndim != 4 or frames.shape[1] != 3 or len(frames) < 2:
        raise ValueError(
            f"frames ({frames.dtype}, {tuple(frames.shape)}) must be uint8 of shape (T, 3, H, W) "
            "with T of at least 2, as video.read_frames gives them"
        )
    return _named(method)(frames) if isinstance(method, str) else method(frames)


def require_method(name: str) -> None:
    """Refuse a name that is not in `METHODS`.

    Raises:
        ValueError: names those that are.
    """
    if name not in METHODS:
        raise ValueError(f"method ({name!r}) must be one of {', '.join(METHODS)}")


def end_point_error(found: Tensor, exact: Tensor, where: Tensor | None = None) -> float:
    """How far the found end of a pixel's way is from the exact one, on average, in pixels.

    Args:
        found: flow (..., 2, H, W).
        exact: flow of the same shape.
        where: boolean (..., H, W), the pixels that count; None: all.

    Raises:
        ValueError: if shapes differ, or no pixel counts.

    Examples:
        >>> end_point_error(torch.zeros(2, 1, 2), torch.tensor([[[3.0, 0.0]], [[4.0, 0.0]]]))
        2.5
    """
    if found.shape != exact.shape:
        raise ValueError(
            f"found {tuple(found.shape)} must have the shape of exact {tuple(exact.shape)}"
        )
    errors = (found - exact).norm(dim=-3)  # (..., H, W)
    counted = errors.flatten() if where is None else errors[where]
    if not len(counted):
        raise ValueError("where must hold one pixel or more: none is left to be averaged")
    return float(counted.mean())


def grey(frames: Tensor) -> Tensor:
    """uint8 (T, 3, H, W) -> float32 (T, H, W) in [0, 1], colours weighed as the eye does."""
    weights = torch.tensor(_LUMA).view(3, 1, 1)
    return (frames.float() * weights).sum(1) / 255  # (T, H, W)


def _named(name: str) -> Method:
    require_method(name)
    return METHODS[name]


def _lucas_kanade(frames: Tensor) -> Tensor:
    images = grey(frames)
    return lk.lucas_kanade(images[:-1], images[1:])


def _pyramid(frames: Tensor) -> Tensor:
    images = grey(frames)
    return lk.pyramid(images[:-1], images[1:])


def _dis(frames: Tensor) -> Tensor:
    """Dense inverse search (Kroeger et al. 2016), at the full resolution."""
    H, W = frames.shape[2:]
    if min(H, W) < _LEAST_PIXELS_OF_DIS:
        raise ValueError(
            f"frames ({H} x {W}) must have {_LEAST_PIXELS_OF_DIS} pixels a side for 'dis': take "
            "larger ones, or another method"
        )
    cv2 = _opencv()
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(0)  # the preset stops at half of it, made for frames of a camera
    return _pairwise(frames, lambda first, second: search.calc(first, second, None))


def _farneback(frames: Tensor) -> Tensor:
    """A parabola fitted around each pixel, and how far it moved (Farneback 2003)."""
    cv2 = _opencv()
    settings = {"pyr_scale": 0.5, "levels": 3, "winsize": 11, "iterations": 5}
    fit = {"poly_n": 5, "poly_sigma": 1.1, "flags": 0}  # the pair that OpenCV's manual advises
    return _pairwise(
        frames,
        lambda first, second: cv2.calcOpticalFlowFarneback(first, second, None, **settings, **fit),
    )


def _raft(frames: Tensor) -> Tensor:
    from .raft import raft  # loads the networks of torchvision, which the others do without

    return raft(frames)


def _pairwise(frames: Tensor, between: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Tensor:
    """OpenCV's way: grey bytes (H, W) of two frames -> flow (H, W, 2)."""
    images = (255 * grey(frames)).round().to(torch.uint8).numpy()
    flows = [between(a, b) for a, b in zip(images, images[1:], strict=False)]
    return torch.from_numpy(np.stack(flows)).permute(0, 3, 1, 2).contiguous()  # (T - 1, 2, H, W)


def _opencv() -> ModuleType:
    try:
        import cv2
    except ModuleNotFoundError as error:
        raise ValueError(
            "method: OpenCV is not installed; pip install 'quest82[flow]', or take 'pyramid'"
        ) from error
    return cv2


METHODS: dict[str, Method] = {
    "lucas_kanade": _lucas_kanade,
    "pyramid": _pyramid,
    "dis": _dis,
    "farneback": _farneback,
    "raft": _raft,
}
