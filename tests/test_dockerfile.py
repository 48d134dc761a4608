"""The Dockerfile as far as it can be held without Docker: it has never been built by a test."""

import json
import re
from pathlib import Path

from typer.testing import CliRunner

from quest82.cli.app import app

ROOT = Path(__file__).parents[1]


def instructions():
    """(instruction, the rest of its lines) in their order."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    lines = re.sub(r"^#.*\n", "", text, flags=re.M).replace("\\\n", " ").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line]


def of(name):
    return [rest for found, rest in instructions() if found == name]


def test_what_it_copies_is_there_and_let_through():
    (first, second, from_build) = of("COPY")
    sources = [*first.split()[:-1], second.split()[0]]
    assert all((ROOT / source).exists() for source in sources)
    through = (ROOT / ".dockerignore").read_text("utf-8").split("\n")
    assert [line[1:] for line in through if line.startswith("!")] == sources
    assert from_build.startswith("--from=build ")


def test_it_installs_our_extras_in_the_tested_versions_and_names_no_index():
    (line,) = [rest for rest in of("RUN") if "pip install" in rest]
    extras = re.search(r'"\.\[(.*)\]"', line).group(1).split(",")
    known = (ROOT / "pyproject.toml").read_text("utf-8")
    assert "serve" in extras
    assert all(f"\n{extra} = [" in known for extra in extras)
    assert "--constraint constraints.txt" in line
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert set(re.findall(r"\w+://[^/'\s]*", text)) == {"http://127.0.0.1:8000"}


def test_both_stages_run_one_python_that_we_support():
    (build, final) = of("FROM")
    assert build == f"{final} AS build"  # a venv works with its own Python alone
    minor = int(re.fullmatch(r"python:3\.(\d+)-slim", final).group(1))
    assert 10 <= minor <= 14


def test_it_does_not_run_as_root():
    names = [name for name, _ in instructions()]
    assert of("USER") == ["quest82"]
    assert max(i for i, name in enumerate(names) if name == "RUN") < names.index("USER")
    assert names.index("USER") < names.index("ENTRYPOINT")


def test_it_starts_the_service_and_asks_it_how_it_is():
    (entry,), (usual,) = map(json.loads, of("ENTRYPOINT")), map(json.loads, of("CMD"))
    assert entry[:2] == ["quest82", "serve"]
    port = entry[entry.index("--port") + 1]
    assert of("EXPOSE") == [port]
    assert f"http://127.0.0.1:{port}/health" in of("HEALTHCHECK")[0]
    options = [*entry[2:], *usual]
    shown = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200"}).output
    assert all(option in shown for option in options[::2])
    assert of("WORKDIR")[-1] == "/models"
