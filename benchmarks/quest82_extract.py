"""`quest82 extract`, through the function behind the command.

It starts its worker processes anew in every extraction, which is not how long a clip takes: so it
is given every clip `QUEST82_REPEATS` times, and the time is divided by that. The start counts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from baselines import NUM_FRAMES, QUEST82_REPEATS, SIZE, serve

import quest82
from quest82.data.clips import Clip
from quest82.essences import extract
from quest82.frames.view import ViewSpec
from quest82.systems.mobilenet import MobileNetV2Extractor


def main() -> None:
    extractor = MobileNetV2Extractor()

    def into_a_new_store(paths: Sequence[Path]) -> np.ndarray:
        names = [(f"{k} {path.name}", path) for k in range(QUEST82_REPEATS) for path in paths]
        clips = [Clip(name, "clip", name, path) for name, path in names]
        with tempfile.TemporaryDirectory() as folder:
            found = extract(
                clips, extractor, folder, ViewSpec(num_frames=NUM_FRAMES, size=SIZE), progress=False
            )
            return found.essences[: len(paths)].float().numpy()

    serve({"quest82": into_a_new_store}, {"quest82": quest82.__version__})


if __name__ == "__main__":
    main()
