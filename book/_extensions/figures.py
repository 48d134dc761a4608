"""Figures of the book: drawings in a light and a dark variant, and room kept for every image.

Notebooks store plots as SVG, and diagrams are SVG files. Here each gets a twin in the colours of
the dark theme, which shows the one that fits. Images inside a drawing are packed tighter. Every
image says its size, so that the text does not jump while a page loads, and loads when it is needed.
"""

from __future__ import annotations

import base64
import colorsys
import io
import re
from html import escape
from pathlib import Path

from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx

GROUND = 0.07  # lightness of the dark page, #121212
ENLARGED = 1.75  # CSS pixels for a point of a drawing, where there is room for them
FEW_COLOURS = 256  # an image of no more is packed without loss

_COLOUR = re.compile(r"""((?:fill|stroke)(?::\s*|="))#([0-9a-fA-F]{6})\b""")
_IMAGE = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")
_SIZE = re.compile(
    r'<svg[^>]*?\swidth="([\d.]+)(pt|px)?"[^>]*?\sheight="([\d.]+)(?:pt|px)?"', re.DOTALL
)


def dark_colour(colour: str) -> str:
    """A colour, six hexadecimal digits, on a dark page.

    Greys and pale grounds turn round, so that white becomes the page; other colours light up.
    """
    hue, light, rich = colorsys.rgb_to_hls(*(int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)))
    if rich < 0.05 or light > 0.8:
        light = GROUND + (1 - GROUND - 0.05) * (1 - light)
        rich = min(rich, 0.35)
    else:
        light = max(light, 1 - light)
    return "".join(f"{round(255 * part):02X}" for part in colorsys.hls_to_rgb(hue, light, rich))


def in_the_dark(svg: str) -> str:
    """The twin of a drawing for the dark theme."""
    return _COLOUR.sub(lambda found: f"{found[1]}#{dark_colour(found[2])}", svg)


def packed(svg: str) -> str:
    """A drawing whose images are WebP where that is smaller; of few colours without loss."""

    def pack(found: re.Match) -> str:
        data = base64.b64decode(found[1])
        image, file = Image.open(io.BytesIO(data)), io.BytesIO()
        few = image.convert("RGBA").getcolors(FEW_COLOURS) is not None
        image.save(file, "WEBP", lossless=few, quality=100 if few else 85, method=6)
        if file.tell() >= len(data):
            return found[0]
        return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"

    return _IMAGE.sub(pack, svg)


def size_of(svg: str) -> tuple[int, int]:
    """Width and height of a drawing in CSS pixels, as wide as it is to be shown."""
    width, unit, height = _SIZE.search(svg).groups()
    times = ENLARGED if unit == "pt" else 1.25
    return round(times * float(width)), round(times * float(height))


def _tag(address: str, alt: str, size: tuple[int, int], classes: list[str]) -> str:
    named = f' class="{" ".join(classes)}"' if classes else ""
    return (
        f'<img src="{escape(address)}" alt="{escape(alt)}" width="{size[0]}" height="{size[1]}" '
        f'loading="lazy"{named}>'
    )


def set_images(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Every image of a page that is written becomes a tag with its size, a drawing two of them."""
    if app.builder.format != "html":
        return
    folder, up = Path(app.outdir, "_images"), "../" * docname.count("/")
    folder.mkdir(parents=True, exist_ok=True)
    for node in list(doctree.findall(nodes.image)):
        source = Path(app.srcdir, node["uri"])
        if source.suffix not in (".svg", ".png") or node["uri"] not in app.env.images:
            continue
        name = Path(app.env.images[node["uri"]][1])
        alt, classes = node.get("alt", ""), node.get("classes", [])
        if source.suffix == ".svg":
            svg = packed(source.read_text("utf-8"))
            twins = {
                "only-light": (name, svg),
                "only-dark": (Path(f"{name.stem}.dark.svg"), in_the_dark(svg)),
            }
            tags = []
            for theme, (twin, drawn) in twins.items():
                (folder / twin).write_text(drawn, "utf-8")
                tags.append(
                    _tag(f"{up}_images/{twin}", alt, size_of(svg), [*classes, "drawing", theme])
                )
        else:
            with Image.open(source) as image:
                tags = [_tag(f"{up}_images/{name}", alt, image.size, classes)]
            (folder / name).write_bytes(source.read_bytes())
        node.replace_self(nodes.raw("", "".join(tags), format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls once."""
    app.connect("doctree-resolved", set_images, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
