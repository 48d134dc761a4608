"""Before the dataset of JPEGs: OpenCV writes every frame of every clip to disk."""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing import Pool
from pathlib import Path

import cv2
import numpy as np
from baselines import jpeg_folder, serve


def write(clip: Path) -> int:
    """Write the frames of one clip as it comes (OpenCV's quality of 95); return their number."""
    folder = jpeg_folder(clip)
    folder.mkdir(parents=True, exist_ok=True)
    video, number = cv2.VideoCapture(str(clip)), 0
    while True:
        there, frame = video.read()
        if not there:
            return number
        number += 1
        cv2.imwrite(str(folder / f"frame{number:06d}.jpg"), frame)


def in_one_process(clips: Sequence[Path]) -> np.ndarray:
    return np.array([write(clip) for clip in clips])


def main() -> None:
    with Pool(2) as pool:  # kinder than the repositories: both cores write
        serve(
            {
                "write": in_one_process,
                "write-by-two": lambda clips: np.array(pool.map(write, clips, chunksize=1)),
            },
            {"opencv": cv2.__version__},
        )


if __name__ == "__main__":
    main()
