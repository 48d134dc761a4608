"""Moving pictures of the book get a strip beside them, from which `film.js` makes a player.

A cell shows a film as an animated PNG, which plays wherever a notebook is opened but can be
neither stopped nor stepped through. A page that is read as a file may not look into a picture, so
its frames are laid side by side here, and `films.js` says which pictures they belong to.
"""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image, ImageSequence
from sphinx.application import Sphinx

LISTED = "films.js"


def strip_of(film: Image.Image) -> Image.Image:
    """The frames of a moving picture side by side, of the same 256 colours at most."""
    frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(film)]
    strip = Image.new("RGB", (film.width * len(frames), film.height))
    for i, frame in enumerate(frames):
        strip.paste(frame, (i * film.width, 0))
    colours = strip.getcolors(256)
    return strip.quantize(len(colours), dither=Image.Dither.NONE) if colours else strip


def write_strips(app: Sphinx, error: Exception | None) -> None:
    """Beside each moving picture of a finished HTML build, its strip; and the list of them all."""
    if error or app.builder.format != "html":
        return
    films = {}
    for path in sorted(Path(app.outdir, "_images").glob("*.png")):
        with Image.open(path) as film:
            if getattr(film, "n_frames", 1) > 1:
                strip_of(film).save(path.with_suffix(".strip.png"), optimize=True)
                films[path.name] = {
                    "frames": film.n_frames,
                    "width": film.width,
                    "height": film.height,
                    "milliseconds": film.info["duration"],
                }
    listed = Path(app.outdir, "_static", LISTED)
    listed.write_text(f"const FILMS = {json.dumps(films, indent=1)};\n", "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls once."""
    app.connect("build-finished", write_strips)
    app.add_js_file(LISTED)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
