"""A window that shows what a model sees, and what it says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import Self

    from ..service import Answer
    from ..service.stream import Seen

_LARGEST = (960, 720)  # pixels: width, height
_SPACE = 8


class Screen:
    """A window on the display, with the newest frame and the newest answer below it.

    Args:
        title: of the window.

    Raises:
        ValueError: if there is no display, or Python came without tkinter.
    """

    def __init__(self, title: str) -> None:
        try:
            import tkinter
        except ModuleNotFoundError as error:
            raise ValueError(
                "--show: this Python has no tkinter; install it (python3-tk), or leave --show out"
            ) from error
        try:
            self.root = tkinter.Tk(className="quest82")
        except tkinter.TclError as error:
            raise ValueError(
                f"--show: there is no display ({error}); leave it out, the answers are printed"
            ) from error
        self.is_open = True
        self.root.title(f"quest82 watch {title}")
        self.root.protocol("WM_DELETE_WINDOW", self._leave)
        self.shown = tkinter.Label(self.root)
        self.shown.pack()
        self.text = tkinter.Label(self.root, font=("TkDefaultFont", 16), text="...")
        self.text.pack(pady=_SPACE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.root.destroy()

    def update(self, seen: Seen | None) -> bool:
        """Show it, where there is something new; whether the window is still open."""
        if seen:
            self._draw(seen.pixels)
        if seen and seen.answer:
            self.text.configure(text=_said(seen, seen.answer))
        self.root.update()
        return self.is_open

    def _draw(self, pixels: Tensor) -> None:
        from PIL import Image, ImageTk

        image = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())  # (H, W, 3)
        image.thumbnail(_LARGEST)
        self._photo = ImageTk.PhotoImage(image, master=self.root)  # Tk itself keeps none
        self.shown.configure(image=self._photo)

    def _leave(self) -> None:
        self.is_open = False


def _said(seen: Seen, answer: Answer) -> str:
    ((label, probability),) = answer.top(1)
    label = "none of these" if answer.unlike else f"{label}  {probability:.0%}"
    return f"{label}    {seen.fps:.0f} fps, {1e3 * seen.delay_seconds:.0f} ms"
