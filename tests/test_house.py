"""The house keeps its shape: arrows between rooms, chapters, and what is installed."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement

from quest82 import __version__

ROOT = Path(__file__).parents[1]
MOST_LINES = 250
# Module -> why it is longer.
LONG: dict[str, str] = {
    "data.synthetic.actions": "eight drawings that share nothing but the pen",
}
CHAPTERS = sorted(
    path for path in (ROOT / "book").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
)

# The wings from the ground up: what each is for, and which of the earlier ones it may import.
# `python tests/test_house.py` prints this as a table and checks nothing.
WINGS = {
    "__init__": ("the version", set()),
    "outputs": ("where results go, and whether they can be written", {"__init__"}),
    "download": ("files from elsewhere: resumable, verified, cached", {"outputs"}),
    "video": ("files to frames, uint8 (T, 3, H, W); alone knows av and decord", {"outputs"}),
    "plots": ("every figure of the book", set()),
    "data": ("clips and where they come from: folders, UCF101, formulas", {"download", "video"}),
    "frames": (
        "what a network sees: which frames, which crop, decoded by whom",
        {"data", "download", "video"},
    ),
    "systems": ("tensors to features and logits; never sees a video file", {"outputs", "download"}),
    "essences": (
        "frozen features, computed once",
        {"__init__", "outputs", "video", "data", "frames", "systems"},
    ),
    "service": (
        "a model at work: a video file in, an answer out",
        {"__init__", "outputs", "video", "data", "frames", "systems", "essences"},
    ),
    "learning": (
        "fit, evaluate, and how sure we are; never sees a video file",
        {"outputs", "data", "systems"},
    ),
    "experiments": (
        "models compared on equal terms, recorded, reported",
        {"__init__", "outputs", "plots", "data", "frames", "systems", "essences", "learning"},
    ),
}
WINGS["cli"] = ("the command `quest82`", set(WINGS))
WINGS["__main__"] = ("`python -m quest82`", {"cli"})


def modules() -> dict[str, Path]:
    """Dotted name without "quest82." -> file, at any depth; a folder goes by its own name."""
    found = {}
    for path in sorted((ROOT / "quest82").rglob("*.py")):
        parts = path.relative_to(ROOT / "quest82").with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)] = path
    return found


MODULES = modules()


def imported_modules(name: str, source: str, *, is_folder: bool = False) -> set[str]:
    """The modules of quest82 that a module imports, at the top or inside functions.

    Args:
        name: the dotted name of the module, without "quest82.".
        source: its text.
        is_folder: whether it is the `__init__` of a folder.
    """
    found, here = set(), name.split(".") if name != "__init__" else []
    folder = here if is_folder or name == "__init__" else here[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.level <= len(folder) + 1, f"{name}: leaves the package"
            base = folder[: len(folder) + 1 - node.level]
            base = [*base, *(node.module or "").split(".")] if node.module else base
            for alias in node.names:
                inner = ".".join([*base, alias.name])
                found.add(inner if inner in MODULES else ".".join(base) or "__init__")
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            text = ast.unparse(node)
            assert "quest82" not in text, f"{name}: rooms import each other relatively: {text}"
    return found


def imports_of(name: str) -> set[str]:
    path = MODULES[name]
    folder = path.name == "__init__.py"
    return imported_modules(name, path.read_text(encoding="utf-8"), is_folder=folder)


def wing_of(module: str) -> str:
    return module.split(".")[0]


def beyond_the_arrows(name: str, imported: set[str]) -> set[str]:
    """Which of the imported modules the wing of a module may not import."""
    own = wing_of(name)
    return {module for module in imported if wing_of(module) not in WINGS[own][1] | {own}}


@pytest.mark.parametrize("name", MODULES)
def test_arrows_between_wings_run_one_way(name):
    assert wing_of(name) in WINGS
    assert not beyond_the_arrows(name, imports_of(name))


def test_every_wing_imports_earlier_ones_alone():
    for number, (_, arrows) in enumerate(WINGS.values()):
        assert arrows <= set(list(WINGS)[:number])
    assert {wing_of(name) for name in MODULES} == set(WINGS)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("systems.parts.blocks", "from ...cli import x"),
        ("systems.lstm", "from ..cli import x"),
        ("learning.fit", "def f():\n    from .. import essences"),
        ("data.synthetic.render", "from ...frames.view import ViewSpec"),
        ("outputs", "from . import video"),
    ],
)
def test_a_planted_arrow_is_found_at_any_depth(name, line):
    assert beyond_the_arrows(name, imported_modules(name, line))


def test_files_import_each_other_in_no_circle():
    """Within a wing, too; what a folder gathers for its users counts for those outside it."""
    left = {name: imports_of(name) - {name} for name in MODULES}
    while left:
        free = {name for name, needs in left.items() if not needs & set(left)}
        assert free, f"a circle among {sorted(left)}"
        left = {name: needs for name, needs in left.items() if name not in free}


def test_only_video_knows_the_decoders():
    pattern = re.compile(r"^\s*(import|from) (av|decord)\b", re.MULTILINE)
    know = {wing_of(n) for n, path in MODULES.items() if pattern.search(path.read_text("utf-8"))}
    assert know == {"video"}


def test_no_file_is_long():
    """One idea a file; who reads one should see its end."""
    lines = {n: len(path.read_text("utf-8").splitlines()) for n, path in MODULES.items()}
    assert {n: count for n, count in lines.items() if count > MOST_LINES and n not in LONG} == {}
    assert all(lines[n] > MOST_LINES for n in LONG), "no longer long: take it off the list"


def test_fitting_loads_no_decoder_and_no_engine():
    code = (
        "import sys, quest82.learning.fit; "
        "print([m for m in ('av', 'decord', 'openvino', 'torchvision') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_the_wheel_holds_every_file(tmp_path):
    """What a folder without a package would lose: each module, and what lies beside it."""
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q"]
    copy = tmp_path / "source"
    shutil.copytree(
        ROOT / "quest82", copy / "quest82", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    subprocess.run([*command, str(copy), "-w", str(tmp_path)], check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("quest82-*.whl")
    with zipfile.ZipFile(wheel) as file:
        packed = {name for name in file.namelist() if ".dist-info/" not in name}
    here = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "quest82").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == here


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
    parts = "dependencies|book|export|fast|flow|serve|sites|test|ucf101"
    blocks = re.findall(rf"^(?:{parts}) = \[\n(.*?)^\]", text, re.M | re.S)
    assert len(blocks) == 9
    assert f'all = ["quest82[{parts.removeprefix("dependencies|").replace("|", ",")}]"]' in text
    lines = [ast.literal_eval(line.strip().rstrip(",")) for b in blocks for line in b.splitlines()]
    return requirements_in(lines)


def test_conda_and_pip_install_the_same():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, from_pip = environment["dependencies"]
    requires = re.search(r'requires-python = "(.*)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    assert python.removeprefix("python").replace(",<3.15", "") == requires.group(1)
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
    }
    assert set(bounds) <= set(tested)
    for name, specifier in bounds.items():
        assert all(specifier.contains(version, prereleases=True) for version in tested[name]), name


def test_the_version_stands_in_one_place():
    """And where a file cannot read it, it is the same."""
    assert 'dynamic = ["version"]' in (ROOT / "pyproject.toml").read_text("utf-8")
    assert f"version: {__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_lists_name_no_address():
    for name in ("pyproject.toml", "environment.yml", "constraints.txt"):
        assert "://" not in (ROOT / name).read_text(encoding="utf-8")


def test_the_figure_of_the_readme_is_the_one_of_the_chapter():
    cells = nbformat.read(ROOT / "book" / "reversible.ipynb", 4).cells
    (cell,) = (
        c
        for c in cells
        if c.metadata.get("mystnb", {}).get("figure", {}).get("name") == "fig-result"
    )
    (stored,) = (
        o.data["image/svg+xml"] for o in cell.outputs if "image/svg+xml" in o.get("data", {})
    )
    assert stored == (ROOT / "book" / "images" / "result.svg").read_text("utf-8")


def test_the_costs_in_the_appendix_are_those_that_were_measured():
    measured = json.loads((ROOT / "benchmarks" / "results" / "pipeline.json").read_text("utf-8"))
    text = (ROOT / "book" / "scale.md").read_text("utf-8")
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
        name = path.relative_to(ROOT / "book").with_suffix("").as_posix()
        assert f"book/{name}\n" in contents
        assert f"| {{doc}}`{name}` |" in the_map


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
class TestChapter:
    def test_outputs_are_stored_in_order_and_free_of_noise(self, path):
        cells = [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
        assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
        for cell in cells:
            for output in cell.outputs:
                if output.output_type == "error":  # of a check without an answer (test_exercises)
                    assert "check" in cell.metadata.tags
                    assert output.traceback == []  # it names files of one machine
                assert output.get("name") != "stderr"
                text = output.get("text", "") + str(output.get("data", {}).get("text/plain", ""))
                assert not re.search(r"/tmp/|/home/|/work/|0x[0-9a-f]{6,}|https?://", text)
            assert set(cell.metadata) <= {"mystnb", "tags"}

    def test_cells_are_short(self, path):
        for cell in nbformat.read(path, 4).cells:
            if cell.cell_type == "code":
                lines = cell.source.splitlines()
                imports = all(re.match(r"(from|import) |$", line) for line in lines)
                assert len(lines) <= (20 if imports else 14)
                assert max(map(len, lines)) <= 88

    def test_no_backslash_was_eaten(self, path):
        """An alpha that lost its backslash is a bell, and "Math input error" on the page."""
        for cell in nbformat.read(path, 4).cells:
            assert not re.search(r"[\x00-\x08\x0b-\x1f]|\t(?=ext|heta|imes)", cell.source)

    def test_every_figure_has_caption_name_and_alternative_text(self, path):
        for cell in nbformat.read(path, 4).cells:
            shown = {kind for o in cell.get("outputs", []) for kind in o.get("data", {})}
            if shown & {"image/png", "image/svg+xml"}:
                assert cell.metadata.mystnb.figure.caption.endswith((".", ")"))
                assert cell.metadata.mystnb.figure.name.startswith("fig-")
                assert len(cell.metadata.mystnb.image.alt) > 40

    def test_few_outputs_are_left_out_of_the_comparison(self, path):
        cells = [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
        left_out = [c for c in cells if "nbval-ignore-output" in c.metadata.get("tags", [])]
        assert len(left_out) * 10 < len(cells)
        reason = r"^# \w+ \w+"
        assert all(re.search(reason, c.source, re.M) for c in left_out)
        assert not any("NBVAL_" in c.source for c in cells), "a reader has no use for it"

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
        assert path.stat().st_size < 2.5e6  # most of it frames in figures


def table() -> str:
    """The wings and their arrows in Markdown, as they stand in the design and in CONTRIBUTING."""
    rows = ["| wing | what it is for | imports |", "|---|---|---|"]
    for wing, (what, arrows) in WINGS.items():
        shown = "all of the above" if wing == "cli" else ", ".join(sorted(arrows)) or "nothing"
        rows.append(f"| `{wing}` | {what} | {shown} |")
    return "\n".join(rows)


def graph() -> str:
    """The same as a drawing: an arrow to each wing that is not reached through another one."""
    lines = ["```mermaid", "graph BT"]
    for wing, (_, arrows) in WINGS.items():
        through = {below for arrow in arrows for below in _reached(arrow)}
        lines += [f"  {_box(wing)} --> {_box(arrow)}" for arrow in sorted(arrows - through)]
    return "\n".join([*lines, "```"])


def _reached(wing: str) -> set[str]:
    arrows = WINGS[wing][1]
    return arrows | {below for arrow in arrows for below in _reached(arrow)}


def _box(wing: str) -> str:
    return {"__init__": "version", "__main__": "python-m"}.get(wing, wing)


def test_the_reference_names_every_module():
    """A folder that gathers its files for its users stands for them."""
    text = "".join(path.read_text("utf-8") for path in (ROOT / "book").glob("api*.md"))
    shown = set(re.findall(r"automodule:: quest82\.(\S+)", text))
    assert shown <= set(MODULES)
    folders = {name.rpartition(".")[0] for name in MODULES}
    for name in MODULES:
        if name not in folders | {"__init__", "__main__"} and wing_of(name) != "cli":
            assert name in shown or wing_of(name) in shown, name


@pytest.mark.parametrize("wing", sorted(set(WINGS) - {"__init__", "__main__", "cli"}))
def test_the_reference_begins_each_wing_with_an_example(wing):
    """`--doctest-modules` runs it."""
    text = "".join(path.read_text("utf-8") for path in (ROOT / "book").glob("api*.md"))
    begins = text.split(f"## `{wing}`", 1)[1]
    assert re.search(r"automodule:: quest82\.(\S+)", begins).group(1) == wing
    assert ">>> " in (importlib.import_module(f"quest82.{wing}").__doc__ or "")


def test_the_wings_are_drawn_as_they_are():
    """`make wings` prints both; they are pasted into CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert table() in text
    assert graph() in text


if __name__ == "__main__":
    print(table(), graph(), sep="\n\n")
