"""The commands for experiments that are declared: list them, run them, show what they recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Device

Name = Annotated[str, typer.Argument(help="Name of an experiment: see `quest82 experiment list`.")]
Results = Annotated[Path, typer.Option(help="Folder of the records.")]

experiment = typer.Typer(no_args_is_help=True, help="Experiments of the book, and their records.")


@experiment.command("list")
def list_them(results: Results = Path("book/results")) -> None:
    """List the experiments that are declared, and how much of each is recorded.

    Example: `quest82 experiment list`
    """
    from ..experiments import running
    from ..experiments.declarations import DECLARED

    for name, spec in DECLARED.items():
        try:
            found = running.earlier(spec, results / f"{name}.json")
            done = len(found.content["runs"]) if found else 0
            state = f"{done} of {done + len(list(found.missing()))} runs" if found else "no record"
        except ValueError as error:
            state = str(error)
        models = ", ".join(model.name for model in spec.models)
        typer.echo(f"{name}: {spec.data.name}, {len(spec.seeds)} seeds of {models}; {state}")


@experiment.command()
def run(
    name: Name,
    results: Results = Path("book/results"),
    stores: Annotated[
        Path, typer.Option(help="Folder in which the store of essences lies.")
    ] = Path("book/data"),
    tiny: Annotated[
        bool, typer.Option("--tiny", help="A few clips and one epoch: does it run at all?")
    ] = False,
    device: Device = "cpu",
) -> None:
    """Train and test all models of an experiment, and write what they answer to its record.

    Each run is written as soon as it is done. A stopped experiment goes on where it was.

    Example: `quest82 experiment run weizmann`
    """
    from ..experiments import declarations, running
    from ..systems.devices import choose_device

    spec = declarations.named(name)
    spec = spec.tiny() if tiny else spec
    path = results / f"{name}.json"
    data, device = spec.data.open(stores), choose_device(device)
    running.run(spec, data, path, device=device, tell=typer.echo)
    typer.echo(f"{path}: complete")


@experiment.command()
def show(
    name: Name,
    results: Results = Path("book/results"),
    baseline: Annotated[
        str, typer.Option(help="Model that the others are compared with; else the first.")
    ] = "",
) -> None:
    """Say what an experiment found, computed from its record.

    Example: `quest82 experiment show weizmann`
    """
    from ..experiments import comparison, records, reports

    record = records.load(results / f"{name}.json")
    typer.echo(f"{record.spec.name} {record.spec.hash[:12]}")
    for made_with in record.content["made_with"]:
        typer.echo("made with " + ", ".join(f"{what} {v}" for what, v in made_with.items()))
    seconds = sum(run["seconds"] for run in record.content["runs"])
    typer.echo(f"{len(record.content['runs'])} runs in {seconds:.0f} s")
    if missing := len(list(record.missing())):
        raise ValueError(f"{missing} runs are missing; go on with `quest82 experiment run {name}`")
    typer.echo(reports.describe(comparison.report(record, baseline=baseline)))
