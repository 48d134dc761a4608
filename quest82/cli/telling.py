"""What the commands tell the user, and how it is put."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ..data.places import RemoteFolder
    from ..essences import EssenceSet
    from ..experiments.training import Run
    from ..learning import Evaluation
    from ..learning.calibration import Calibrated

_MOST_NAMES = 20

BLIND = (
    "mean pooling is blind to the order of frames; of a clip and its reverse it is provably right "
    "about at most one, so at most at 50 %: take --aggregator lstm"
)
_NO_CLIP = "not named FOLDER/CLASS/CLIP with a video's ending"
AGAIN = "a link to a folder that is read under another name"
UNGROUPED = (
    "every clip is a group of its own; if clips share persons or scenes, these are on both sides "
    "of the split, and the figures flatter (see --groups of quest82 extract and compare)"
)


def printable(path: Path) -> str:
    """A name that stays in its line: as it is, or in escapes."""
    return str(path) if str(path).isprintable() else ascii(str(path))[1:-1]


def is_again(path: Path) -> bool:
    """Whether what is no clip is a folder that stands in the list under another name."""
    from ..video import is_frame_folder

    return path.is_dir() and (path.is_symlink() or not is_frame_folder(path))


def tell_missing(names: Sequence[str]) -> None:
    """Name the first clips that are missing, and count the others."""
    for name in names[:_MOST_NAMES]:
        typer.echo(f"missing {name}")
    if len(names) > _MOST_NAMES:
        typer.echo(f"and {len(names) - _MOST_NAMES:,} more; the report of --run names them all")


def tell_remote_others(folder: RemoteFolder) -> int:
    """Count the files of a folder elsewhere that are no clips, and name the first of them."""
    others = folder.passed_over()
    for name in others[:_MOST_NAMES]:
        typer.echo(f"passed over {printable(Path(name))}: {_NO_CLIP}")
    if len(others) > _MOST_NAMES:
        typer.echo(f"and {len(others) - _MOST_NAMES:,} more files are no clips")
    return len(others)


def tell_passed_over(folder: Path) -> int:
    """Name the files that are no clips, and count them."""
    from ..data.files import passed_over

    others = passed_over(folder)
    for path in others:
        name = printable(path.relative_to(folder))
        why = AGAIN if is_again(path) else _NO_CLIP
        typer.echo(f"passed over {name}: {why}")
    return len(others)


def tell_one_sided(classes: Mapping[str, int]) -> None:
    """Name the classes that cannot be both learned and tested."""
    for name, count in list(classes.items())[:_MOST_NAMES]:
        groups = f"{count} group{'' if count == 1 else 's'}"
        typer.echo(
            f"note: class {name!r} has clips of {groups}, too few to be learned and tested; "
            "add clips of other groups, or leave the class out"
        )
    if len(classes) > _MOST_NAMES:
        typer.echo(f"note: and {len(classes) - _MOST_NAMES} more classes")


def tell_result(name: str, result: Evaluation, data: EssenceSet) -> None:
    """How good a model is, with an interval, beside the most frequent class."""
    from ..learning.uncertainty import accuracy_interval

    top5 = f", top-5 {result.top5:.1%}" if len(data.classes) > 5 else ""
    interval = _interval(accuracy_interval(result.correct, data.groups), data)
    typer.echo(
        f"{name}: top-1 {result.top1:.1%}, {interval}{top5}; mean class accuracy "
        f"{result.mean_class_accuracy:.1%}; always the most frequent class {result.majority:.1%}"
    )


def tell_calibration(found: Calibrated) -> None:
    """How sure the model may be, and what it is to send away."""
    calibration = found.calibration
    typer.echo(
        f"calibrated by the groups left out: temperature {calibration.temperature:.2f}, expected "
        f"calibration error {found.error_before:.1%} without, {found.error_after:.1%} with it"
    )
    typer.echo(
        f"none of these: clips farther than {calibration.farthest:.2f} from the mean of every "
        f"class; {calibration.acceptance:.0%} of the clips left out are nearer"
    )


def tell_differences(
    name: str, runs: Mapping[str, Sequence[Run]], data: EssenceSet, *, corrected: bool = True
) -> None:
    """The first model minus each other, averaged over runs on the same clips, with its test.

    Args:
        name: what the runs have in common.
        runs: name of the model -> its runs, one for each seed.
        data: the clips.
        corrected: show the p-values corrected for how many they are, and how many that is.
    """
    from ..experiments.differences import differences
    from ..experiments.models import title_of

    first = next(iter(runs))
    found = differences(runs, first, data)
    number = found["comparisons"]
    compared = f" ({number} comparisons, corrected by Holm)" if corrected else ""
    for other, entry in found["differences"].items():
        gap = entry["difference"]
        p_values = entry["corrected_p_values" if corrected else "p_values"]
        typer.echo(
            f"{name}: {title_of(first)} minus {title_of(other)} {gap['average']:.1%}, "
            f"{_interval(gap['interval'], data)}; McNemar p = "
            f"{' / '.join(f'{p:.2g}' for p in p_values)}{compared}"
        )


def _interval(ends: tuple[float, float], data: EssenceSet) -> str:
    from ..learning.uncertainty import few_groups

    remark = few_groups(data.groups)
    return f"95 % interval {ends[0]:.1%} to {ends[1]:.1%}{f' ({remark})' if remark else ''}"
