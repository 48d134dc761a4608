"""The command `quest82`: from a folder of videos to figures one can believe.

Everything heavy is imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import __version__
from .outputs import require_writable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from .data.clips import Clip
    from .essences import EssenceSet
    from .frames.view import ViewSpec
    from .learning import Evaluation

app = typer.Typer(
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

_MOST_GROUPS_ONE_BY_ONE = 30
_MOST_NAMES = 20

_BLIND = (
    "mean pooling is blind to the order of frames; of a clip and its reverse it is provably right "
    "about at most one, so at most at 50 %: take --aggregator lstm"
)
_AGAIN = "a link to a folder that is read under another name"
_UNGROUPED = (
    "every clip is a group of its own; if clips share persons or scenes, these are on both sides "
    "of the split, and the figures flatter (see --groups of quest82 extract and compare)"
)

Folder = Annotated[Path, typer.Argument(help="Folder laid out as FOLDER/CLASS/CLIP.mp4.")]
Store = Annotated[Path, typer.Argument(help="Store of essences, made by `quest82 extract`.")]
Task = Annotated[
    str,
    typer.Option(
        help="What to tell apart. classes: as they are; pairs: each clip also played backwards, "
        "as a class of its own; direction: forwards or backwards, whatever the class."
    ),
]
Epochs = Annotated[
    int, typer.Option(min=1, help="At most this many passes over the training clips.")
]
Workers = Annotated[
    int | None,
    typer.Option(min=0, help="Processes that decode; 0: none, and no time limit."),
]
TimeLimit = Annotated[
    float, typer.Option(min=0.1, help="Seconds that reading one clip may take at most.")
]
Groups = Annotated[
    str | None,
    typer.Option(help="Regular expression whose first bracket finds the group in a file name."),
]
Unseen = Annotated[
    float,
    typer.Option(min=0.01, max=0.5, help="Share of the groups kept unseen: a half, a third, ..."),
]
Seeds = Annotated[int, typer.Option(min=1, help="How often, with other initial weights.")]
NumFrames = Annotated[int, typer.Option(min=1, help="Frames per clip (T).")]
Views = Annotated[
    int, typer.Option(min=1, help="Views per clip: one centred, the others random, to train on.")
]
By = Annotated[
    str, typer.Option(help="Segments of equal time, or of equal count of frames: time or count.")
]
Size = Annotated[
    int, typer.Option(min=32, help="Side of the square that the network sees, in pixels.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]


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


@app.command()
def weights() -> None:
    """Find the ImageNet weights of MobileNetV2, or fetch them (14 MB), and verify them.

    Example: `quest82 weights`
    """
    from .systems.weights import ensure_checkpoint

    typer.echo(f"{ensure_checkpoint()}: verified")


@app.command()
def synthesize(
    out: Annotated[Path, typer.Argument(help="Folder to write the class folders into.")],
    clips_per_action: Annotated[int, typer.Option(help="Clips of each action.")] = 30,
    swing: Annotated[
        str,
        typer.Option(
            help="full: shut to wide open; partial: part of it; still: none; "
            "cycle: a dial, lights, seasons, a day, once round."
        ),
    ] = "full",
    wall: Annotated[
        str | None, typer.Option(help="blue or orange behind every action; else each its own.")
    ] = None,
    coding: Annotated[
        str,
        typer.Option(help="intra: each frame by itself; inter: gives the direction of time away."),
    ] = "intra",
    seed: Annotated[int, typer.Option(help="The same seed gives the same pictures.")] = 0,
) -> None:
    """Render reversible actions (doors, drawers, books, ...) as H.264 videos.

    Example: `quest82 synthesize doors --swing partial`
    """
    from .data import synthetic

    clips = synthetic.synthesize(
        out, clips_per_action=clips_per_action, swing=swing, wall=wall, coding=coding, seed=seed
    )
    typer.echo(f"{len(clips)} clips of {len(synthetic.actions_of(swing))} actions in {out}")


@app.command()
def check(
    where: Annotated[Path, typer.Argument(help="A video, or any folder; all below it is read.")],
    workers: Workers = None,
    time_limit: TimeLimit = 60,
) -> None:
    """Read every video once and list what is wrong: unreadable, damaged, wrong frame counts.

    Decoders patch damaged frames without a word; this finds them. Ends with exit code 1 if
    anything was found.

    Example: `quest82 check UCF-101`
    """
    from tqdm import tqdm

    from .data.clips import videos_below
    from .frames.workers import inspect_all

    root = where.parent if where.is_file() else where
    videos, others = ([where], []) if where.is_file() else videos_below(where)
    if not videos and not others:
        raise ValueError(f"{where}: there is no such file or folder, or it is empty")
    num_workers = min(len(videos), os.cpu_count()) if workers is None else workers
    inspected = inspect_all(videos, num_workers=num_workers, time_limit_seconds=time_limit)
    bar = tqdm(inspected, "checking", total=len(videos), unit="clip")
    bad = [(path, found) for path, found in zip(videos, bar, strict=True) if found.problem]
    if bad:
        typer.echo(f"{'promised':>8} {'decoded':>8} {'damaged':>8}  file: what is wrong")
    for path, found in bad:
        name = _printable(path.relative_to(root))
        counts = f"{found.promised:>8} {found.decoded:>8} {found.corrupt:>8}"
        typer.echo(f"{counts}  {name}: {found.problem}")
    for path in others:
        name, why = path.relative_to(root), _AGAIN if path.is_dir() else "not named like a video"
        typer.echo(f"{'-':>8} {'-':>8} {'-':>8}  {_printable(name)}: {why}")
    typer.echo(f"{len(videos)} videos read, {len(bad)} with problems; {len(others)} other files")
    raise typer.Exit(1 if bad else 0)


@app.command()
def extract(
    folder: Folder,
    out: Annotated[Path, typer.Argument(help="Folder of the store; a stopped run goes on.")],
    groups: Groups = None,
    num_frames: NumFrames = 16,
    views: Views = 1,
    size: Size = 224,
    by: By = "time",
    flip: Annotated[bool, typer.Option(help="Let random views mirror clips left to right.")] = True,
    engine: Annotated[
        str | None, typer.Option(help="openvino, fused or plain; else the fastest that works.")
    ] = None,
    workers: Workers = None,
    time_limit: TimeLimit = 60,
    device: Device = "auto",
) -> None:
    """Turn a folder of videos into a store of essences: T x 1280 numbers per clip.

    Example: `quest82 extract weizmann weizmann.essences --groups "^([a-z]+)_"`
    """
    from .data import clips
    from .frames.view import ViewSpec

    spec = ViewSpec(num_frames=num_frames, size=size, by=by, flip=flip, num_views=views)
    found = clips.from_folder(folder, groups=groups)
    essences = _essences_of(found, out, device, workers, time_limit, spec, engine=engine)
    num_others = _tell_passed_over(folder)
    typer.echo(
        f"{len(essences)} clips, {len(essences.classes)} classes, {len(set(essences.groups))} "
        f"groups in {out} by the engine {essences.settings['engine']}; {len(essences.skipped)} "
        f"clips skipped, {num_others} files passed over"
    )


@app.command()
def train(
    essences: Store,
    model: Annotated[Path, typer.Argument(help="File to write the model to (.safetensors).")],
    aggregator: Annotated[
        str | None,
        typer.Option(help="mean, lstm or attention; else mean, and lstm for pairs and direction."),
    ] = None,
    task: Task = "classes",
    test: Annotated[
        float,
        typer.Option(
            min=0, max=0.5, help="Share of the groups kept unseen; 0: none, for a final model."
        ),
    ] = 0.2,
    validation: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.5,
            help="Share of the rest watched for early stopping; 0: none, every epoch is run. Else "
            "a fifth, or none where that is too few clips.",
        ),
    ] = None,
    epochs: Epochs = 60,
    class_weights: Annotated[
        bool, typer.Option("--class-weights", help="Let rare classes count as much as others.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the split, the weights and the order.")] = 0,
) -> None:
    """Train a classifier on a store; whole groups are kept aside for testing.

    With few clips nothing is watched and every epoch is run on all but the test clips. How good
    such a recipe is, `quest82 evaluate` tells; `--test 0` then makes the final model of all clips.

    Example: `quest82 train weizmann.essences lstm.safetensors --aggregator lstm`
    """
    from . import learning
    from .systems import classifier

    if not model.parent.is_dir() or model.is_dir():
        raise ValueError(f"{model}: cannot be written; give a file name in a folder that exists")
    require_writable(model)
    data = _open(essences, task)
    aggregator = aggregator or _reader_of(task)
    if aggregator == "mean" and task != "classes":
        typer.echo(f"note: {_BLIND}")
    rest, unseen = data.split(test, seed=seed, name="test") if test else (data, None)
    seen, watched = learning.set_aside(rest, validation, seed=seed)
    _tell_one_sided(learning.one_sided(*(part for part in (rest, unseen) if part)))
    network = classifier.build(aggregator, data.num_features, len(data.classes), seed=seed)
    config = learning.TrainConfig(
        epochs=epochs, seed=seed, class_weights=class_weights, progress=True
    )
    history = learning.fit(network, seen, config, watched)
    classifier.save(
        model,
        network,
        classes=data.classes,
        extraction=data.settings,
        seen={*rest.groups, *rest.clip_ids},
        task=task,
    )
    stopped = (
        f"{len(watched)} watched, stopped at epoch {history.best_epoch + 1} of "
        f"{len(history.train_loss)}"
        if watched
        else f"none watched, every one of {epochs} epochs run"
    )
    typer.echo(f"{aggregator}: {len(seen)} clips trained, {stopped}; {model} written")
    if unseen is None:
        typer.echo("a final model of all clips: no clips are left to say how good it is")
        return
    _report(f"{len(unseen)} clips of unseen groups", learning.evaluate(network, unseen), unseen)


@app.command()
def evaluate(
    essences: Store,
    model: Annotated[Path | None, typer.Option(help="A model of `quest82 train`.")] = None,
    task: Task = "classes",
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="Folds; else one group at a time, or 10 folds of many."),
    ] = None,
    average_views: Annotated[
        bool, typer.Option(help="With --model: judge by all views of a clip, not the centre alone.")
    ] = False,
    seeds: Seeds = 3,
    epochs: Epochs = 60,
) -> None:
    """Measure a model on the clips whose groups it has not seen, or compare both aggregators.

    With --model, tests that model. Without, trains mean pooling and the LSTM on all groups but
    one, tests on that one, for each group in turn, and compares the two by McNemar's test.

    Example: `quest82 evaluate weizmann.essences --task direction`
    """
    if model is not None:
        _evaluate_model(essences, model, average_views)
        return
    from . import learning
    from .systems import classifier

    data = _open(essences, task)
    num_groups = len(set(data.groups))
    if folds is None and num_groups > _MOST_GROUPS_ONE_BY_ONE:
        folds = 10
        typer.echo(f"{num_groups} groups are too many to leave out one by one: 10 folds of groups")
    _tell_one_sided(learning.one_sided(data, data))
    runs = []
    for seed in range(seeds):
        results = {}
        for name in ("mean", "lstm"):
            config = learning.TrainConfig(epochs=epochs, seed=seed, progress=True)
            results[name] = learning.cross_validate(
                lambda name=name, seed=seed: classifier.build(
                    name, data.num_features, len(data.classes), seed=seed
                ),
                data,
                config,
                num_folds=folds,
            )
            _report(f"{name:4}  seed {seed}", results[name], data)
        runs.append((results["mean"].correct.numpy(), results["lstm"].correct.numpy()))
        _report_difference(f"      seed {seed}", [runs[-1]], data)
    if seeds > 1:
        _report_difference(f"over {seeds} seeds", runs, data)


@app.command()
def compare(
    folder: Folder,
    groups: Groups = None,
    test: Unseen = 0.3,
    store: Annotated[
        Path | None, typer.Option(help="Store of the essences; else FOLDER's name.essences, here.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(help="JSON file for the report; else FOLDER's name.json, here.")
    ] = None,
    seeds: Seeds = 3,
    epochs: Epochs = 60,
    num_frames: NumFrames = 16,
    views: Views = 1,
    size: Size = 224,
    by: By = "time",
    workers: Workers = None,
    time_limit: TimeLimit = 60,
    device: Device = "auto",
) -> None:
    """Compare mean pooling and the LSTM on any folder of videos: extract, train, test, report.

    Whole groups are kept for the test. The report is text, a JSON file, and pictures beside it.

    Example: `quest82 compare weizmann --groups "^([a-z]+)_"`
    """
    from .data import clips
    from .frames.view import ViewSpec

    found, name = clips.from_folder(folder, groups=groups), folder.resolve().name
    results = _writable(results or Path(f"{name}.json"))
    _require_two_parts(found, test)
    _tell_passed_over(folder)
    grouped = len({clip.group for clip in found}) < len(found)
    if not grouped:
        typer.echo(f"note: {_UNGROUPED}")
    spec = ViewSpec(num_frames=num_frames, size=size, by=by, num_views=views)
    store = store or Path(f"{name}.essences")
    data = _essences_of(found, store, device, workers, time_limit, spec)
    splits = {"split by group" if grouped else "split by clip": data.split(test, name="test")}
    notes = [] if grouped else [_UNGROUPED]
    _compare(name, splits, results, seeds=seeds, epochs=epochs, device=device, notes=notes)


@app.command()
def ucf101(
    root: Annotated[Path, typer.Argument(help="UCF101's folder: one folder for each class.")],
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
    seeds: Seeds = 3,
    epochs: Epochs = 60,
    num_frames: NumFrames = 16,
    views: Views = 1,
    size: Size = 224,
    by: By = "time",
    workers: Workers = None,
    time_limit: TimeLimit = 60,
    device: Device = "auto",
) -> None:
    """Compare mean pooling and the LSTM on official splits of UCF101.

    Without --run it says which clips are there and which are missing. The report is text, a JSON
    file, and pictures beside it.

    Example: `quest82 ucf101 UCF-101 --run --split 1 --split 2 --split 3`
    """
    from .data import ucf101 as dataset
    from .experiments import comparison
    from .frames.view import ViewSpec

    if download:
        dataset.download(root)
    clips = dataset.clips(root)
    missing = dataset.missing(clips)
    typer.echo(f"{len(clips):,} of {dataset.NUM_CLIPS:,} clips, {len(missing):,} missing")
    _tell_missing(missing)
    parts = {f"split {number}": dataset.split(clips, number) for number in sorted(set(split))}
    for name, (train, test) in parts.items():
        typer.echo(f"{name}: {len(train):,} to learn from, {len(test):,} to test")
        if run and not (train and test):
            raise ValueError(f"{root}: {name} needs clips on both sides; add some, or change it")
    if not run:
        return
    results = _writable(results)
    spec = ViewSpec(num_frames=num_frames, size=size, by=by, num_views=views)
    data = _essences_of(clips, store, device, workers, time_limit, spec)
    splits = {name: tuple(_among(data, part) for part in both) for name, both in parts.items()}
    _compare(
        "UCF101",
        splits,
        results,
        seeds=seeds,
        epochs=epochs,
        device=device,
        missing=missing,
        alarm=comparison.SUSPICIOUS_TOP1,
    )


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="A model of `quest82 train`.")],
    videos: Annotated[list[Path], typer.Argument(help="Video files.")],
    top: Annotated[int, typer.Option(min=1, help="How many classes to print.")] = 5,
    device: Device = "auto",
) -> None:
    """Name the action in video files: the best classes with their probabilities.

    Example: `quest82 predict lstm.safetensors clip.mp4`
    """
    import torch

    from .data.clips import Clip
    from .frames.view import ViewSpec, frames_of_view
    from .systems import classifier
    from .systems.mobilenet import MobileNetV2Extractor

    network, settings = classifier.load(model)
    extractor, how = MobileNetV2Extractor().to(_device(device)), settings["extraction"]
    if how.get("weights") != extractor.fingerprint():
        raise ValueError(f"{model}: was not trained on essences of the ImageNet weights")
    failed = False
    for path in videos:
        try:
            clip = Clip(path.name, "", "", path)
            frames = frames_of_view(clip, 0, ViewSpec.of(how))
        except ValueError as error:
            typer.echo(f"quest82: {error}", err=True)
            failed = True
            continue
        with torch.inference_mode():
            essences = extractor(frames[None].to(extractor.mean.device)).cpu()
            probabilities = network(essences).softmax(dim=1)[0]
        typer.echo(f"{path}")
        for k in probabilities.argsort(descending=True)[:top]:
            typer.echo(f"  {probabilities[k]:6.1%}  {settings['classes'][k]}")
    raise typer.Exit(1 if failed else 0)


def _essences_of(
    clips: Sequence[Clip],
    store: Path,
    device: str,
    workers: int | None,
    time_limit: float,
    spec: ViewSpec,
    *,
    engine: str | None = None,
) -> EssenceSet:
    """The essences of clips, new or from their store; what could not be read is listed."""
    from .essences import extract
    from .systems.mobilenet import MobileNetV2Extractor

    how = {"engine": engine, "num_workers": workers, "time_limit_seconds": time_limit}
    data = extract(clips, MobileNetV2Extractor().to(_device(device)), store, spec, **how)
    for clip_id, reason in data.skipped:
        typer.echo(f"skipped {clip_id}: {reason.removeprefix(f'{clip_id}: ')}")
    return data


def _among(data: EssenceSet, clips: Sequence[Clip]) -> EssenceSet:
    ids = {clip.id for clip in clips}
    return data.subset([clip_id in ids for clip_id in data.clip_ids])


def _compare(
    name: str,
    splits: Mapping[str, tuple[EssenceSet, EssenceSet]],
    results: Path,
    *,
    seeds: int,
    epochs: int,
    device: str,
    **about,
) -> None:
    """Train and test on each split; say it, and write it. `about`: see `comparison.collect`."""
    from .experiments import comparison, reports

    # On Apple's GPUs the mean's sum is not exact: there the models are trained on the processor.
    device = "cuda" if _device(device) == "cuda" else "cpu"
    how = {"num_seeds": seeds, "epochs": epochs, "device": device, "progress": True}
    found = {part: comparison.compare(*both, **how) for part, both in splits.items()}
    report = comparison.collect(name, found, **about)
    typer.echo(reports.describe(report))
    for path in reports.write(report, results):
        typer.echo(f"{path} written")


def _require_two_parts(clips: Sequence[Clip], test: float) -> None:
    """Refuse before the extraction what cannot be learned or split after it."""
    from .frames.frame_set import FrameSet

    _require_two_classes({clip.label for clip in clips}, len(clips))
    FrameSet.of(clips).split(test, name="test")


def _require_two_classes(classes: Collection[str], num_clips: int) -> None:
    if len(classes) < 2:
        raise ValueError(
            f"all {num_clips} clips are of the class {min(classes)!r}: with one class there is "
            "nothing to tell apart; add the folder of another"
        )


def _writable(path: Path) -> Path:
    """A path that a report can be written to: better to know before hours of work."""
    if path.is_dir():
        raise ValueError(f"{path}: is a folder; give a file name for the report")
    return require_writable(path)


def _tell_missing(names: Sequence[str]) -> None:
    for name in names[:_MOST_NAMES]:
        typer.echo(f"missing {name}")
    if len(names) > _MOST_NAMES:
        typer.echo(f"and {len(names) - _MOST_NAMES:,} more; the report of --run names them all")


def _tell_passed_over(folder: Path) -> int:
    """Name the files that are no clips, and count them."""
    from .data.clips import passed_over

    others = passed_over(folder)
    for path in others:
        name = _printable(path.relative_to(folder))
        why = _AGAIN if path.is_dir() else "not named FOLDER/CLASS/CLIP with a video's ending"
        typer.echo(f"passed over {name}: {why}")
    return len(others)


def _printable(path: Path) -> str:
    """A name that stays in its line: as it is, or in escapes."""
    return str(path) if str(path).isprintable() else ascii(str(path))[1:-1]


def _open(path: Path, task: str) -> EssenceSet:
    from .data import synthetic
    from .essences import EssenceSet

    data = EssenceSet.load(path)
    tasks = {
        "classes": lambda: data,
        "pairs": lambda: data.reversed_pairs(synthetic.REVERSED | synthetic.REVERSED_CYCLES),
        "direction": data.directions,
    }
    if task not in tasks:
        raise ValueError(f"task ({task!r}) must be one of {', '.join(tasks)}")
    if len(set(data.groups)) == len(data):
        typer.echo(f"note: {_UNGROUPED}")
    asked = tasks[task]()
    _require_two_classes(asked.classes, len(asked))
    return asked


def _evaluate_model(essences: Path, path: Path, average_views: bool) -> None:
    import numpy as np

    from . import learning
    from .data.clips import group_key
    from .systems import classifier

    network, settings = classifier.load(path)
    data = _open(essences, settings["task"])
    for name in ("num_frames", "size", "sampler", "stride", "by", "weights"):
        here, there = data.settings.get(name), settings["extraction"].get(name)
        if here != there:
            raise ValueError(
                f"{essences}: {name} is {here!r}, but {path} was trained with {there!r}; "
                "extract with the same settings"
            )
    if list(data.classes) != settings["classes"]:
        raise ValueError(f"{essences}: has other classes than {path} was trained on")
    known = {group_key(group) for group in settings["seen"]}
    seen = np.array([group_key(group) in known for group in data.groups])
    seen |= np.isin(data.clip_ids, settings["seen"])
    if seen.all():
        raise ValueError(
            f"{essences}: {path} was trained on these clips, or others of their groups"
        )
    if seen.any():
        typer.echo(f"{seen.sum()} clips or others of their groups were trained on: left out")
    unseen = ~seen
    data = data.subset(unseen)
    views = f", {data.num_views} views of each" if average_views else ""
    result = learning.evaluate(network, data, average_views=average_views)
    _report(f"{len(data)} clips{views}", result, data)


def _reader_of(task: str) -> str:
    """The aggregator where none is asked for: the mean cannot tell a clip from its reverse."""
    name = "mean" if task == "classes" else "lstm"
    typer.echo(f"aggregator: {name}, the default for --task {task}")
    return name


def _tell_one_sided(classes: Mapping[str, int]) -> None:
    """Name the classes that cannot be both learned and tested."""
    for name, count in list(classes.items())[:_MOST_NAMES]:
        groups = f"{count} group{'' if count == 1 else 's'}"
        typer.echo(
            f"note: class {name!r} has clips of {groups}, too few to be learned and tested; "
            "add clips of other groups, or leave the class out"
        )
    if len(classes) > _MOST_NAMES:
        typer.echo(f"note: and {len(classes) - _MOST_NAMES} more classes")


def _report(name: str, result: Evaluation, data: EssenceSet) -> None:
    from .learning.uncertainty import accuracy_interval

    top5 = f", top-5 {result.top5:.1%}" if len(data.classes) > 5 else ""
    interval = _interval(accuracy_interval(result.correct, data.groups), data)
    typer.echo(
        f"{name}: top-1 {result.top1:.1%}, {interval}{top5}; mean class accuracy "
        f"{result.mean_class_accuracy:.1%}; always the most frequent class {result.majority:.1%}"
    )


def _report_difference(name: str, runs: Sequence[tuple], data: EssenceSet) -> None:
    """Mean pooling minus LSTM, averaged over runs of both on the same clips, and McNemar's test."""
    import numpy as np

    from .learning import uncertainty

    differences = np.mean([mean.astype(float) - lstm for mean, lstm in runs], axis=0)
    interval = _interval(uncertainty.difference_interval(differences, data.groups), data)
    p_values = uncertainty.holm([uncertainty.mcnemar(*pair, data.groups) for pair in runs])
    compared = f" ({len(runs)} comparisons, corrected by Holm)" if len(runs) > 1 else ""
    typer.echo(
        f"{name}: mean minus LSTM {differences.mean():.1%}, {interval}; McNemar p = "
        f"{' / '.join(f'{p:.2g}' for p in p_values)}{compared}"
    )


def _interval(ends: tuple[float, float], data: EssenceSet) -> str:
    from .learning.uncertainty import few_groups

    remark = few_groups(data.groups)
    return f"95 % interval {ends[0]:.1%} to {ends[1]:.1%}{f' ({remark})' if remark else ''}"


def _device(name: str) -> str:
    import torch

    ready = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return next(device for device, available in ready.items() if available)
    if not ready.get(name):
        available = ", ".join(device for device in ready if ready[device])
        raise ValueError(f"device ({name!r}) is not to be had here; choose auto, {available}")
    return name
