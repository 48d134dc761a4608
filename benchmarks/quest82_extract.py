"""`quest82 extract`, through the function behind the command."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from baselines import NUM_FRAMES, SIZE, serve

import quest82
from quest82.clips import Clip
from quest82.essences import MobileNetV2Extractor
from quest82.store import extract


def main() -> None:
    extractor = MobileNetV2Extractor()

    def into_a_new_store(paths: Sequence[Path]) -> np.ndarray:
        clips = [Clip(path.name, "clip", path.name, path) for path in paths]
        with tempfile.TemporaryDirectory() as folder:
            found = extract(
                clips, extractor, folder, num_frames=NUM_FRAMES, size=SIZE, progress=False
            )
            return found.essences.float().numpy()

    serve({"quest82": into_a_new_store}, {"quest82": quest82.__version__})


if __name__ == "__main__":
    main()
