"""The program: its commands in the order of `--help`, its version, and how it ends."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from .. import __version__
from . import (
    comparisons,
    data,
    description,
    essences,
    evaluation,
    exporting,
    models,
    prediction,
    serving,
    sharding,
    watching,
)
from .experiments import experiment
from .options import expanded

COMMANDS = (
    data.weights,
    data.synthesize,
    data.check,
    description.describe,
    essences.extract,
    sharding.merge,
    essences.import_features,
    models.train,
    evaluation.evaluate,
    comparisons.compare,
    comparisons.ucf101,
    prediction.predict,
    watching.watch,
    serving.serve,
    exporting.export,
)

app = typer.Typer(
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
for _command in COMMANDS:
    app.command()(expanded(_command))
app.add_typer(experiment, name="experiment")


def main() -> None:
    """Run the command; what a user can mend is told in one sentence, without a traceback."""
    # Threads that spin while they wait keep each other off a busy processor: training took many
    # times as long (benchmarks/busy_neighbour.py). OpenMP reads this once, when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that has no letters in the terminal's encoding
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="quest82")
    except (ValueError, OSError) as error:
        typer.echo(f"quest82: {error}", err=True)
        sys.exit(2)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"quest82 {__version__}")
        raise typer.Exit


@app.callback()
def quest82(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Say which this is."),
    ] = False,
) -> None:
    """Recognise actions in video: sparse frames, frozen MobileNetV2, mean pooling or an LSTM."""
