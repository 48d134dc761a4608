"""The command `quest82`: from a folder of videos to figures one can believe.

Everything heavy is imported inside the commands, so that `--help` answers at once.
"""

from .app import app, main

__all__ = ["app", "main"]
