"""The command `quest82` as a user types it, run in this process."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest

from quest82 import cli


def quest82(*arguments, code=0, given=""):
    """Run the command in this process; standard output and error as text."""
    out, error = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(error):
        patch.setattr(sys, "stdin", io.StringIO(given))
        patch.setattr(sys, "argv", ["quest82", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert (ended.value.code or 0) == code, out.getvalue() + error.getvalue()
    return out.getvalue(), error.getvalue()
