"""Animations of the book get a strip of frames, from which `animation.js` makes a player.

A cell shows an animation as an animated PNG, which plays wherever a notebook is opened but can be
neither stopped nor stepped through. A page that is read as a file may not look into an image, so
its frames are laid side by side here, and `animations.js` says which images they belong to.
"""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image, ImageSequence
from sphinx.application import Sphinx

LISTED = "animations.js"


def strip_of(animation: Image.Image) -> Image.Image:
    """The frames of an animation side by side, in the same 256 colours at most."""
    frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(animation)]
    strip = Image.new("RGB", (animation.width * len(frames), animation.height))
    for i, frame in enumerate(frames):
        strip.paste(frame, (i * animation.width, 0))
    colours = strip.getcolors(256)
    return strip.quantize(len(colours), dither=Image.Dither.NONE) if colours else strip


def write_strips(app: Sphinx, error: Exception | None) -> None:
    """Beside each animation of a finished HTML build, its strip; and the list of them all."""
    if error or app.builder.format != "html":
        return
    animations = {}
    for path in sorted(Path(app.outdir, "_images").glob("*.png")):
        with Image.open(path) as animation:
            if getattr(animation, "n_frames", 1) > 1:
                strip_of(animation).save(path.with_suffix(".strip.png"), optimize=True)
                animations[path.name] = {
                    "frames": animation.n_frames,
                    "width": animation.width,
                    "height": animation.height,
                    "milliseconds": animation.info["duration"],
                }
    listed = Path(app.outdir, "_static", LISTED)
    listed.write_text(f"const ANIMATIONS = {json.dumps(animations, indent=1)};\n", "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls once."""
    app.connect("build-finished", write_strips)
    app.add_js_file(LISTED)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
