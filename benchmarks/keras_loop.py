"""The loop of the tutorials: OpenCV hands out frames, Keras describes them one after another.

The weights are random: nothing is downloaded, and the time does not depend on them. To return
the same picture as the others, a frame is resized and cropped rather than squashed to a square.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf
from baselines import SHORT_SIDE, SIZE, centre_indices, serve
from keras.applications.mobilenet_v2 import MobileNetV2, preprocess_input


def seek(clip: Path) -> Iterator[np.ndarray]:
    """Jump to each wanted frame, as most people write it."""
    video = cv2.VideoCapture(str(clip))
    for index in centre_indices(int(video.get(cv2.CAP_PROP_FRAME_COUNT))):
        video.set(cv2.CAP_PROP_POS_FRAMES, index)
        _, frame = video.read()
        yield square(frame)
    video.release()


def read_through(clip: Path) -> Iterator[np.ndarray]:
    """Decode from the beginning and convert the wanted frames alone: kinder to OpenCV."""
    video = cv2.VideoCapture(str(clip))
    wanted = centre_indices(int(video.get(cv2.CAP_PROP_FRAME_COUNT)))
    for index in range(wanted[-1] + 1):
        video.grab()
        if index in wanted:
            _, frame = video.retrieve()
            yield square(frame)
    video.release()


def square(frame: np.ndarray) -> np.ndarray:
    """BGR (H, W, 3) -> RGB (S, S, 3), both uint8."""
    frame = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    H, W, _ = frame.shape
    scale = SHORT_SIDE / min(H, W)
    frame = cv2.resize(frame, (round(W * scale), round(H * scale)))
    top, left = ((side - SIZE) // 2 for side in frame.shape[:2])
    return frame[top : top + SIZE, left : left + SIZE]


def one_by_one(predict: Callable, frames: Iterable[np.ndarray]) -> np.ndarray:
    """T calls of the network with one frame each -> (T, 1280)."""
    inputs = (preprocess_input(frame.astype("float32")) for frame in frames)
    return np.concatenate([predict(frame[None]) for frame in inputs])


def together(predict: Callable, frames: Iterable[np.ndarray]) -> np.ndarray:
    """One call of the network with all frames of a clip -> (T, 1280)."""
    return predict(preprocess_input(np.stack(list(frames)).astype("float32")))


def main() -> None:
    model = MobileNetV2(input_shape=(SIZE, SIZE, 3), include_top=False, pooling="avg", weights=None)
    predict = partial(model.predict, verbose=0)

    def method(read: Callable, describe: Callable, predict: Callable) -> Callable:
        return lambda clips: np.stack([describe(predict, read(clip)) for clip in clips])

    methods = {
        "keras-seek": method(seek, one_by_one, predict),
        "keras-read": method(read_through, one_by_one, predict),
        # `model(frame[None])` would be slower still: it runs the layers one by one from Python.
        "keras-on-batch": method(read_through, one_by_one, model.predict_on_batch),
        "keras-clip": method(read_through, together, predict),
        # Not timed: what the loop sees, for `against.py` to compare.
        "keras-frames": lambda clips: np.stack([np.stack(list(seek(clip))) for clip in clips]),
    }
    serve(
        methods,
        {"keras": keras.__version__, "tensorflow": tf.__version__, "opencv": cv2.__version__},
    )


if __name__ == "__main__":
    main()
