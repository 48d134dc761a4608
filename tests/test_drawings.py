"""Figures and diagrams of the book: readable on a phone, and in the dark."""

from __future__ import annotations

import base64
import io
import re
import sys
from pathlib import Path

import nbformat
import pytest
from PIL import Image
from test_house import CHAPTERS

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book" / "_extensions"))
import figures  # noqa: E402

DIAGRAMS = [
    path
    for path in sorted((ROOT / "book" / "images").glob("*.svg"))
    if "matplotlib" not in path.read_text("utf-8")
]
PHONE = 335  # CSS pixels that a figure has there
SMALLEST = 9  # pixels of a text


def plots_of(path: Path) -> list[str]:
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    bundles = [output.get("data", {}) for cell in cells for output in cell.outputs]
    return [bundle["image/svg+xml"] for bundle in bundles if "image/svg+xml" in bundle]


def width_of(svg: str) -> float:
    return float(re.search(r'viewBox="\S+ \S+ (\S+)', svg)[1])


def light_of(colour: str) -> float:
    """Relative luminance (WCAG 2)."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4))
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((light_of(one), light_of(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_text_of_a_plot_can_be_read_on_a_phone(path):
    for svg in plots_of(path):
        points = [100 * float(scale) for scale in re.findall(r"scale\(([\d.]+) -[\d.]+\)", svg)]
        assert min(points, default=99) * min(PHONE / width_of(svg), 1) >= SMALLEST


@pytest.mark.parametrize("path", DIAGRAMS, ids=lambda path: path.stem)
class TestDiagram:
    def test_its_text_can_be_read_on_a_phone(self, path):
        svg = path.read_text("utf-8")
        words = re.sub(r"<tspan[^>]*font-size[^>]*>.*?</tspan>", "", svg)  # subscripts
        sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)"', words)]
        assert sizes and min(sizes) * PHONE / width_of(svg) >= SMALLEST

    def test_it_says_what_it_shows_and_has_a_ground_to_stand_on(self, path):
        svg = path.read_text("utf-8")
        assert re.search(r"<title>\S.*?</title>", svg)
        assert re.search(r'<rect [^>]*fill="#FFFFFF"', svg)
        assert 'fill="#222222"' in svg  # text that names no colour stays black in the dark


def test_a_white_ground_becomes_the_dark_pages_and_ink_is_read_on_it():
    assert figures.dark_colour("FFFFFF") == figures.dark_colour("ffffff")
    ground = figures.dark_colour("FFFFFF")
    assert ground == "121212"
    assert contrast(figures.dark_colour("222222"), ground) > 10


def test_greys_keep_their_order_turned_round():
    greys = [f"{v:02X}" * 3 for v in range(0, 256, 5)]
    turned = [light_of(figures.dark_colour(grey)) for grey in greys]
    assert turned == sorted(turned, reverse=True) and len(set(turned)) == len(turned)


@pytest.mark.parametrize(
    "colour", ["0072B2", "D55E00", "009E73", "CC79A7", "E69F00", "56B4E9", "8A8A8A", "6E6E6E"]
)
def test_what_stands_out_on_white_stands_out_in_the_dark(colour):
    dark = figures.dark_colour(colour)
    assert contrast(dark, "121212") >= min(contrast(colour, "FFFFFF"), 4.5)


@pytest.mark.parametrize("colour", ["D6E6F2", "F7DFCC", "CDEBE1", "F3DFEB", "FBEFCF"])
def test_pale_grounds_carry_ink_in_the_dark_too(colour):
    dark = figures.dark_colour(colour)
    assert contrast(figures.dark_colour("222222"), dark) >= 7


def test_only_colours_are_turned():
    svg = '<g style="fill: #ffffff"/><use xlink:href="#abcdef" x="1"/><a clip-path="url(#aaaaaa)"/>'
    assert figures.in_the_dark(svg) == svg.replace("#ffffff", "#121212")


@pytest.mark.parametrize("colours", [2, 70_000])
def test_images_in_a_drawing_are_packed_and_few_colours_lose_nothing(colours):
    image = Image.effect_noise((300, 300), 80).convert("RGB")
    if colours == 2:
        image = image.convert("1").convert("RGB")
    file = io.BytesIO()
    image.save(file, "PNG")
    svg = (
        f'<image xlink:href="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"/>'
    )
    packed = figures.packed(svg)
    assert len(packed) < len(svg)
    data = base64.b64decode(re.search(r"webp;base64,([^\"]+)", packed)[1])
    back = Image.open(io.BytesIO(data)).convert("RGB")
    assert back.size == image.size
    assert (colours != 2) or back.tobytes() == image.tobytes()


def test_a_plot_and_a_diagram_are_shown_about_as_large():
    plot = '<svg width="353pt" height="100pt" viewBox="0 0 353 100">'
    diagram = '<svg xmlns="x" width="480" height="200" viewBox="0 0 480 200">'
    assert figures.size_of(plot) == (618, 175)
    assert figures.size_of(diagram) == (600, 250)
