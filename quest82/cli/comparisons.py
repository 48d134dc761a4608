"""The commands that compare the aggregators on whole data sets and write a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..outputs import require_writable
from .options import Folder, Groups, ReadingOptions, TrainingOptions, Unseen, ViewOptions
from .stores import among, essences_of, require_two_classes
from .telling import UNGROUPED, tell_missing, tell_passed_over

if TYPE_CHECKING:
    from ..data.clips import Clip
    from ..essences import EssenceSet


def compare(
    folder: Folder,
    *,
    groups: Groups = None,
    test: Unseen = 0.3,
    store: Annotated[
        Path | None, typer.Option(help="Store of the essences; else FOLDER's name.essences, here.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(help="JSON file for the report; else FOLDER's name.json, here.")
    ] = None,
    training: TrainingOptions,
    views: ViewOptions,
    reading: ReadingOptions,
) -> None:
    """Compare mean pooling and the LSTM on any folder of videos: extract, train, test, report.

    Whole groups are kept for the test. The report is text, a JSON file, and pictures beside it.

    Example: `quest82 compare weizmann --groups "^([a-z]+)_"`
    """
    from ..data import clips

    found, name = clips.from_folder(folder, groups=groups), folder.resolve().name
    results = _writable(results or Path(f"{name}.json"))
    _require_two_parts(found, test)
    tell_passed_over(folder)
    grouped = len({clip.group for clip in found}) < len(found)
    if not grouped:
        typer.echo(f"note: {UNGROUPED}")
    data = essences_of(found, store or Path(f"{name}.essences"), views, reading)
    splits = {"split by group" if grouped else "split by clip": data.split(test, name="test")}
    notes = [] if grouped else [UNGROUPED]
    _compare(name, splits, results, training, reading.device, notes=notes)


def ucf101(
    root: Annotated[Path, typer.Argument(help="UCF101's folder: one folder for each class.")],
    *,
    run: Annotated[bool, typer.Option("--run", help="Extract, train, test and report.")] = False,
    download: Annotated[
        bool, typer.Option("--download", help="First fetch what is not there yet.")
    ] = False,
    split: Annotated[
        list[int], typer.Option(min=1, max=3, help="Official split; may be given several times.")
    ] = (1,),
    store: Annotated[
        Path, typer.Option(help="Store of the essences; a stopped extraction goes on.")
    ] = Path("ucf101.essences"),
    results: Annotated[
        Path, typer.Option(help="JSON file for the report; the chapter on UCF101 shows it.")
    ] = Path("book/results/ucf101.json"),
    training: TrainingOptions,
    views: ViewOptions,
    reading: ReadingOptions,
) -> None:
    """Compare mean pooling and the LSTM on official splits of UCF101.

    Without --run it says which clips are there and which are missing. The report is text, a JSON
    file, and pictures beside it.

    Example: `quest82 ucf101 UCF-101 --run --split 1 --split 2 --split 3`
    """
    from ..data import ucf101 as dataset
    from ..experiments import comparison

    if download:
        dataset.download(root)
    clips = dataset.clips(root)
    missing = dataset.missing(clips)
    typer.echo(f"{len(clips):,} of {dataset.NUM_CLIPS:,} clips, {len(missing):,} missing")
    tell_missing(missing)
    parts = {f"split {number}": dataset.split(clips, number) for number in sorted(set(split))}
    for name, (train, test) in parts.items():
        typer.echo(f"{name}: {len(train):,} to learn from, {len(test):,} to test")
        if run and not (train and test):
            raise ValueError(f"{root}: {name} needs clips on both sides; add some, or change it")
    if not run:
        return
    results = _writable(results)
    data = essences_of(clips, store, views, reading)
    splits = {name: tuple(among(data, part) for part in both) for name, both in parts.items()}
    alarm = comparison.SUSPICIOUS_TOP1
    _compare("UCF101", splits, results, training, reading.device, missing=missing, alarm=alarm)


def _compare(
    name: str,
    splits: Mapping[str, tuple[EssenceSet, EssenceSet]],
    results: Path,
    training: TrainingOptions,
    device: str,
    **about,
) -> None:
    """Train and test on each split; say it, and write it. `about`: see `comparison.collect`."""
    from ..experiments import comparison, reports
    from ..systems.devices import choose_device

    # On Apple's GPUs the mean's sum is not exact: there the models are trained on the processor.
    device = "cuda" if choose_device(device) == "cuda" else "cpu"
    found = {
        part: comparison.compare(
            *both,
            num_seeds=training.seeds,
            epochs=training.epochs,
            device=device,
            progress=True,
        )
        for part, both in splits.items()
    }
    report = comparison.collect(name, found, **about)
    typer.echo(reports.describe(report))
    for path in reports.write(report, results):
        typer.echo(f"{path} written")


def _require_two_parts(clips: Sequence[Clip], test: float) -> None:
    """Refuse before the extraction what cannot be learned or split after it."""
    from ..frames.frame_set import FrameSet

    require_two_classes({clip.label for clip in clips}, len(clips))
    FrameSet.of(clips).split(test, name="test")


def _writable(path: Path) -> Path:
    """A path that a report can be written to: better to know before hours of work."""
    if path.is_dir():
        raise ValueError(f"{path}: is a folder; give a file name for the report")
    return require_writable(path)
