"""The house keeps its shape: arrows between rooms, chapters, and what is installed."""

from __future__ import annotations

import ast
import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))

# Which rooms a room may import; arrows only run to rooms named before it.
ARROWS = {
    "__init__": set(),
    "outputs": set(),
    "sampling": set(),
    "video": set(),
    "transforms": set(),
    "clips": set(),
    "drawing": set(),
    "room": {"drawing"},
    "scenes": {"drawing", "room"},
    "cycles": {"drawing", "room"},
    "fetch": set(),
    "unpack": {"fetch"},
    "ucf101": {"clips", "fetch", "unpack"},
    "synthetic": {"clips", "video", "drawing", "room", "scenes", "cycles"},
    "weights": {"fetch"},
    "essences": {"weights"},
    "essence_files": set(),
    "views": {"clips", "sampling", "video", "transforms"},
    "decoding": {"clips", "video", "views"},
    "engines": {"essences"},
    "update": {"clips", "essence_files"},
    "store": {
        "__init__", "clips", "video", "transforms", "essences", "essence_files", "decoding",
        "engines", "update", "outputs", "views",
    },
    "frame_set": {"clips", "video", "transforms", "views", "store"},
    "aggregators": set(),
    "classifier": {"aggregators"},
    "training": {"clips", "store", "frame_set"},
    "statistics": set(),
    "comparison": {"__init__", "store", "classifier", "training", "statistics"},
    "plots": set(),
    "reports": {"comparison", "plots"},
}  # fmt: skip


def files_of(room: str) -> list[Path]:
    """A room is a file, or a folder of files."""
    folder = ROOT / "quest82" / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def imported_rooms(path: Path) -> set[str]:
    """The other rooms that a file imports, at the top or inside functions."""
    rooms, depth = set(), len(path.relative_to(ROOT / "quest82").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            if node.level < depth:
                continue  # within the room
            names = [node.module] if node.module else [alias.name for alias in node.names]
            names = [name.split(".")[0] for name in names]
            rooms |= {name if name in ARROWS else "__init__" for name in names}
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            text = ast.unparse(node)
            assert "quest82" not in text, f"{path.name}: rooms import each other relatively: {text}"
    return rooms


@pytest.mark.parametrize("room", ARROWS)
def test_arrows_run_one_way(room):
    for path in files_of(room):
        assert imported_rooms(path) <= ARROWS[room], path
    earlier = list(ARROWS)[: list(ARROWS).index(room)]
    assert ARROWS[room] <= set(earlier)


def test_every_room_has_its_place():
    found = (ROOT / "quest82").rglob("*.py")
    rooms = {path.relative_to(ROOT / "quest82").parts[0].removesuffix(".py") for path in found}
    assert rooms == {*ARROWS, "cli", "__main__"}


def test_only_video_knows_the_decoders():
    know = {
        room
        for room in [*ARROWS, "cli"]
        for path in files_of(room)
        if re.search(r"^\s*(import|from) (av|decord)\b", path.read_text("utf-8"), re.MULTILINE)
    }
    assert know == {"video"}


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, quest82, quest82.cli; print([m for m in ('torch', 'av') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def requirements_in(lines) -> dict[str, str]:
    """Name -> bounds and marker, in one spelling."""
    found = [Requirement(line) for line in lines]
    return {re.sub(r"[-_.]+", "-", r.name).lower(): f"{r.specifier} ; {r.marker}" for r in found}


def pyproject_requirements() -> dict[str, str]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    blocks = re.findall(r"^(?:dependencies|book|test) = \[\n(.*?)^\]", text, re.M | re.S)
    assert len(blocks) == 3
    lines = [ast.literal_eval(line.strip().rstrip(",")) for b in blocks for line in b.splitlines()]
    return requirements_in(lines)


def test_conda_and_pip_install_the_same():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, from_pip = environment["dependencies"]
    requires = re.search(r'requires-python = "(.*)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    assert python.removeprefix("python").replace(",<3.14", "") == requires.group(1)
    assert pip == "pip"
    lines = [line for line in from_pip["pip"] if not line.startswith("-")]
    assert requirements_in(lines) == pyproject_requirements()


def test_every_requirement_has_a_tested_version_within_its_bounds():
    tested = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            tested.setdefault(requirement.name, []).append(str(requirement.specifier)[2:])
    bounds = {
        name: Requirement(f"{name}{text.split(' ; ')[0]}").specifier
        for name, text in pyproject_requirements().items()
        if name != "decord2"  # for other machines than those that were tested
    }
    assert set(bounds) <= set(tested)
    for name, specifier in bounds.items():
        assert all(specifier.contains(version, prereleases=True) for version in tested[name]), name


def test_the_lists_name_no_address():
    for name in ("pyproject.toml", "environment.yml", "constraints.txt"):
        assert "://" not in (ROOT / name).read_text(encoding="utf-8")


def test_the_picture_of_the_readme_is_the_one_of_the_chapter():
    cells = nbformat.read(ROOT / "book" / "reversible.ipynb", 4).cells
    (cell,) = (
        c
        for c in cells
        if c.metadata.get("mystnb", {}).get("figure", {}).get("name") == "fig-result"
    )
    (stored,) = (o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {}))
    assert base64.b64decode(stored) == (ROOT / "book" / "images" / "result.png").read_bytes()


def test_the_costs_in_the_appendix_are_those_that_were_measured():
    measured = json.loads((ROOT / "benchmarks" / "results" / "pipeline.json").read_text("utf-8"))
    text = (ROOT / "book" / "reproduce.md").read_text("utf-8")
    for what in ("num_frames", "size", "num_workers"):
        seconds = measured["curves"][what]
        head, row = " | ".join(seconds), " | ".join(f"{1e3 * s:.0f}" for s in seconds.values())
        assert f"| {head} |\n" in text
        assert f"| ms per clip | {row} |\n" in text


def test_every_benchmark_stands_in_the_list_with_its_command():
    text = (ROOT / "benchmarks" / "README.md").read_text("utf-8")
    for result in (ROOT / "benchmarks" / "results").glob("*.json"):
        assert f"python benchmarks/{result.stem}.py" in text


def test_names_of_figures_equations_and_exercises_occur_once():
    texts = [c.source for path in CHAPTERS for c in nbformat.read(path, 4).cells]
    names = re.findall(r":label: (\S+)|\$\$ \((eq-[\w-]+)\)", "\n".join(texts))
    names = [label or equation for label, equation in names]
    for path in CHAPTERS:
        for cell in nbformat.read(path, 4).cells:
            names += [f.name for f in [cell.metadata.get("mystnb", {}).get("figure")] if f]
    assert len(names) > 50
    assert sorted(names) == sorted(set(names))


def test_every_chapter_is_in_the_contents_and_on_the_map():
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    the_map = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    for path in CHAPTERS:
        assert f"book/{path.stem}\n" in contents
        assert f"| {{doc}}`{path.stem}` |" in the_map


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
class TestChapter:
    def test_outputs_are_stored_in_order_and_free_of_noise(self, path):
        cells = [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
        assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
        for cell in cells:
            for output in cell.outputs:
                assert output.output_type != "error"
                assert output.get("name") != "stderr"
                text = output.get("text", "") + str(output.get("data", {}).get("text/plain", ""))
                assert not re.search(r"/tmp/|/home/|/work/|0x[0-9a-f]{6,}|https?://", text)
            assert set(cell.metadata) <= {"mystnb", "tags"}

    def test_cells_are_short(self, path):
        for cell in nbformat.read(path, 4).cells:
            if cell.cell_type == "code":
                lines = cell.source.splitlines()
                assert len(lines) <= 14
                assert max(map(len, lines)) <= 88

    def test_every_figure_has_caption_name_and_alternative_text(self, path):
        for cell in nbformat.read(path, 4).cells:
            if any("image/png" in o.get("data", {}) for o in cell.get("outputs", [])):
                assert cell.metadata.mystnb.figure.caption.endswith((".", ")"))
                assert cell.metadata.mystnb.figure.name.startswith("fig-")
                assert len(cell.metadata.mystnb.image.alt) > 40

    def test_few_outputs_are_left_out_of_the_comparison(self, path):
        cells = [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
        left_out = [c for c in cells if "NBVAL_IGNORE_OUTPUT" in c.source]
        assert len(left_out) * 10 < len(cells)
        assert all(re.search(r"NBVAL_IGNORE_OUTPUT\W+\w+ \w+", c.source) for c in left_out)

    def test_it_has_all_its_parts(self, path):
        text = "\n".join(
            c.source for c in nbformat.read(path, 4).cells if c.cell_type == "markdown"
        )
        for part in ("**After this chapter you can**", "**You need**", "**Run time**"):
            assert part in text
        for part in ("## Self-test", "## Summary", "## Exercises", "{cite:", "{index}"):
            assert part in text
        questions = re.search(r"^## Self-test\n(.*?)^## Summary", text, re.M | re.S).group(1)
        assert questions.count(":::{dropdown} ") >= 3
        summary = re.search(r"^## Summary\n(.*?)^## Exercises", text, re.M | re.S).group(1)
        assert len(re.findall(r"[.?](?=\s|$)", summary)) <= 5
        exercises = re.findall(r":label: (ex-\w+)", text)
        assert len(exercises) >= 3
        for label in exercises:
            assert f"{{solution-start}} {label}\n:class: dropdown" in text
        assert text.count("{solution-end}") == len(exercises)
        assert len(re.findall(r"\{exercise\} ★{1,3} \S", text)) == len(exercises)

    def test_every_solution_is_executed(self, path):
        inside = False
        for cell in nbformat.read(path, 4).cells:
            if "{solution-start}" in cell.source:
                inside, executed = True, 0
            elif "{solution-end}" in cell.source:
                assert executed
                inside = False
            elif inside and cell.cell_type == "code":
                assert cell.execution_count
                executed += 1
        assert not inside

    def test_it_is_small(self, path):
        assert path.stat().st_size < 1.5e6
