"""The commands that compare models on whole data sets, and write a record and a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..outputs import require_writable
from .found import clips_in, tell_left_over
from .options import ClipOptions, ComparisonOptions, Folder, ReadingOptions, Unseen, ViewOptions
from .stores import essences_of, require_two_classes
from .telling import UNGROUPED, tell_missing

if TYPE_CHECKING:
    from ..data.clips import Clip
    from ..essences import EssenceSet
    from ..experiments.protocols import Protocol
    from ..experiments.spec import Spec


def compare(
    folder: Folder,
    *,
    which: ClipOptions,
    test: Unseen = 0.3,
    store: Annotated[
        Path | None, typer.Option(help="Store of the essences; else FOLDER's name.essences, here.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(help="JSON file for the record; else FOLDER's name.json, here.")
    ] = None,
    training: ComparisonOptions,
    views: ViewOptions,
    reading: ReadingOptions,
) -> None:
    """Compare models on any folder of videos: extract, train, test, report.

    Whole groups are kept for the test, unless the clips come with a split (folders train, val and
    test of class folders, or a column of the annotations): then that is taken. What each model
    answers is recorded as soon as it is known; a stopped run goes on. The report is text, a JSON
    file, and figures beside the record.

    Example: `quest82 compare weizmann --groups "^([a-z]+)_"`

    Example: `quest82 compare videos --annotations labels.csv`
    """
    found, name = clips_in(folder, which), folder.resolve().name
    store, results = store or Path(f"{name}.essences"), results or Path(f"{name}.json")
    grouped = len({clip.group for clip in found}) < len(found)
    protocol = _protocol_for(found, test, name="split by group" if grouped else "split by clip")
    spec = _spec(name, store, training, protocol)
    _require_room(results, spec)
    _require_two_parts(found, protocol)
    tell_left_over(folder, which, found)
    if not grouped:
        typer.echo(f"note: {UNGROUPED}")
    data = essences_of(found, store, views, reading)
    about = {"title": name, "notes": [] if grouped else [UNGROUPED]}
    _compare(spec, data, results, reading.device, about)


def ucf101(
    root: Annotated[Path, typer.Argument(help="UCF101's folder: one folder for each class.")],
    *,
    run: Annotated[bool, typer.Option("--run", help="Extract, train, test and report.")] = False,
    download: Annotated[
        bool, typer.Option("--download", help="First fetch what is not there yet.")
    ] = False,
    split: Annotated[
        list[int] | None,
        typer.Option(
            min=1, max=3, show_default="1", help="Official split; may be given several times."
        ),
    ] = None,
    store: Annotated[
        Path, typer.Option(help="Store of the essences; a stopped extraction goes on.")
    ] = Path("ucf101.essences"),
    results: Annotated[
        Path, typer.Option(help="JSON file for the record; the chapter on UCF101 shows it.")
    ] = Path("book/results/ucf101.json"),
    training: ComparisonOptions,
    views: ViewOptions,
    reading: ReadingOptions,
) -> None:
    """Compare models on official splits of UCF101.

    Without --run it says which clips are there and which are missing. What each model answers is
    recorded as soon as it is known; a stopped run goes on. The report is text, a JSON file, and
    figures beside the record.

    Example: `quest82 ucf101 UCF-101 --run --split 1 --split 2 --split 3`
    """
    from ..data import ucf101 as dataset
    from ..experiments.comparison import SUSPICIOUS_TOP1
    from ..experiments.protocols import OfficialSplits

    if download:
        dataset.download(root)
    clips = dataset.clips(root)
    missing = dataset.missing(clips)
    typer.echo(f"{len(clips):,} of {dataset.NUM_CLIPS:,} clips, {len(missing):,} missing")
    tell_missing(missing)
    numbers = tuple(sorted(set(split or [1])))
    for number in numbers:
        train, test = dataset.split(clips, number)
        typer.echo(f"split {number}: {len(train):,} to learn from, {len(test):,} to test")
        if run and not (train and test):
            raise ValueError(
                f"{root}: split {number} needs clips on both sides; add some, or change it"
            )
    if not run:
        return
    spec = _spec("ucf101", store, training, OfficialSplits(numbers))
    _require_room(results, spec)
    data = essences_of(clips, store, views, reading)
    about = {"title": "UCF101", "missing": missing, "alarm": SUSPICIOUS_TOP1}
    _compare(spec, data, results, reading.device, about)


def _protocol_for(clips: Sequence[Clip], test: float, *, name: str) -> Protocol:
    """The split with which the clips came, or else a share of the groups."""
    from ..experiments.protocols import GivenSplit, HoldOut

    counts = Counter(clip.split for clip in clips if clip.split)
    if not counts:
        return HoldOut(test, name=name)
    shown = ", ".join(f"{name} {counts[name]:,}" for name in sorted(counts))
    if counts["train"] and len(counts) > 1:
        typer.echo(f"split as given: {shown} clips")
        return GivenSplit()
    typer.echo(f"note: the given split has one side alone ({shown} clips); {name} in its place")
    return HoldOut(test, name=name)


def _spec(name: str, store: Path, training: ComparisonOptions, protocol: Protocol) -> Spec:
    """The experiment that was asked for."""
    from ..experiments.grounds import Data
    from ..experiments.models import chosen
    from ..experiments.spec import Spec
    from ..experiments.training import Budget

    return Spec(
        name,
        Data(store.name),
        models=chosen(training.models),
        seeds=tuple(range(training.seeds)),
        budget=Budget(epochs=training.epochs),
        protocol=protocol,
    )


def _compare(spec: Spec, data: EssenceSet, results: Path, device: str, about: dict) -> None:
    """Run it; say and write what came out. `about`: see `comparison.report`."""
    from ..experiments import comparison, reports, running
    from ..systems.devices import choose_device

    # On Apple's GPUs the mean's sum is not exact: there the models are trained on the processor.
    device = "cuda" if choose_device(device) == "cuda" else "cpu"
    record = running.run(spec, data, results, about=about, device=device, progress=True)
    report = comparison.report(record)
    typer.echo(reports.describe(report))
    for path in (results, *reports.write(report, results)):
        typer.echo(f"{path} written")


def _require_two_parts(clips: Sequence[Clip], protocol: Protocol) -> None:
    """Refuse before the extraction what cannot be learned or split after it."""
    from ..data.clip_set import ClipSet, fields_of

    require_two_classes({clip.label for clip in clips}, len(clips))
    list(protocol.parts(ClipSet(**fields_of(clips))))


def _require_room(path: Path, spec: Spec) -> None:
    """Refuse a record that cannot be written or is another: better to know before hours of work."""
    from ..experiments import running

    if path.is_dir():
        raise ValueError(f"{path}: is a folder; give a file name for the record")
    running.earlier(spec, require_writable(path))
