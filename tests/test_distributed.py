"""The recipes for clusters make the store of one process, where their scheduler is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import moving_square

from quest82 import video
from quest82.data import clips
from quest82.essences import extract
from quest82.systems.mobilenet import MobileNetV2Extractor

RECIPES = Path(__file__).parents[1] / "benchmarks" / "distributed"


@pytest.mark.skipif(not shutil.which("bash"), reason="a script of bash")
def test_a_task_of_an_array_extracts_the_shard_of_its_number(tmp_path):
    command = tmp_path / "quest82"
    command.write_text(f'#!{sys.executable}\nimport sys\nprint("\\n".join(sys.argv[1:]))\n')
    command.chmod(0o755)
    task = {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "16"}
    asked = ["my clips", "out", "--engine", "openvino"]
    done = subprocess.run(
        ["bash", RECIPES / "slurm.sh", *asked],
        env={**os.environ, **task, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["extract", *asked, "--shard", "3/16"]


@pytest.mark.parametrize("library", ["submitit", "ray", "dask"])
def test_a_recipe_makes_the_store_of_one_process(library, tmp_path):
    pytest.importorskip("distributed" if library == "dask" else library)
    for i in range(6):
        path = tmp_path / "clips" / "ab"[i % 2] / f"{i}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        video.write_video(path, moving_square(4, shade=40 * i), fps=25)
    arguments = [tmp_path / "clips", tmp_path / "out", "3", "2"]
    program = [sys.executable, RECIPES / f"with_{library}.py"]
    subprocess.run(list(map(str, [*program, *arguments])), check=True, timeout=500)
    found = clips.from_folder(tmp_path / "clips")
    extract(found, MobileNetV2Extractor(), tmp_path / "whole", engine="openvino", progress=False)
    names = ("clips.jsonl", "essences.npy", "index.safetensors", "manifest.json")
    one, other = ([(tmp_path / f / n).read_bytes() for n in names] for f in ("out", "whole"))
    assert one == other
