"""Exercises: what a learner can try, what checks it, and that the solution passes that check."""

from __future__ import annotations

import re

import nbformat
import pytest
from test_house import CHAPTERS

TAGS = {"check", "raises-exception", "hide-cell"}
FOLDED = {
    "code_prompt_hide": "Hide the check",
    "code_prompt_show": "Try it: your answer and a check",
}


def solutions_by_label(cells: list) -> dict[str, list]:
    """The label of each exercise -> the code cells of its solution."""
    found: dict[str, list] = {}
    label = None
    for cell in cells:
        if start := re.search(r"\{solution-start\} (\S+)", cell.source):
            label = start[1]
        elif "{solution-end}" in cell.source:
            label = None
        elif label and cell.cell_type == "code":
            found.setdefault(label, []).append(cell)
    return found


def checks_by_label(cells: list) -> dict[str, nbformat.NotebookNode]:
    """The label of each exercise that has a check -> that cell."""
    found, label = {}, ""
    for cell in cells:
        if start := re.search(r"\{exercise\}[^\n]*\n:label: (\S+)", cell.source):
            label = start[1]
        elif "check" in cell.metadata.get("tags", []):
            found[label] = cell
    return found


def asserts_of(source: str) -> set[str]:
    return {line.strip() for line in source.splitlines() if line.strip().startswith("assert ")}


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
class TestChapter:
    def test_a_check_fails_until_there_is_an_answer(self, path):
        checks = checks_by_label(nbformat.read(path, 4).cells)
        assert checks
        for label, cell in checks.items():
            assert set(cell.metadata.tags) >= TAGS, label
            assert cell.metadata.get("mystnb") == FOLDED, label
            (output,) = cell.outputs
            assert (output.output_type, output.ename) == ("error", "AssertionError"), label
            assert len(output.evalue.split()) >= 3, f"{label}: the message should help"
            assert "..." in cell.source, f"{label}: what is to be filled in?"

    def test_the_solution_passes_the_check(self, path):
        cells = nbformat.read(path, 4).cells
        solutions = solutions_by_label(cells)
        for label, check in checks_by_label(cells).items():
            solution = solutions[label]
            passed = set().union(*(asserts_of(cell.source) for cell in solution))
            assert asserts_of(check.source) and asserts_of(check.source) <= passed, label
            assert not any(o.output_type == "error" for cell in solution for o in cell.outputs)

    def test_it_ends_with_something_to_try_on_data_of_ones_own(self, path):
        text = "\n".join(cell.source for cell in nbformat.read(path, 4).cells)
        assert text.count("{admonition} Open task") == 1
        assert text.index("{admonition} Open task") > text.index("## Exercises")
