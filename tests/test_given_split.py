"""The split that came with the clips: who learns, who is watched, who is tested."""

from dataclasses import replace

import pytest

from quest82.experiments.grounds import Data
from quest82.experiments.protocols import GivenSplit
from quest82.experiments.spec import Spec


def with_splits(make_set, *splits):
    data = make_set(num_clips=len(splits), clips_per_group=1, num_classes=1)
    return replace(data, splits=splits)


@pytest.mark.parametrize(
    ("splits", "train", "watched", "test"),
    [
        (("test", "train", "val", "train"), [1, 3, 2], [2], [0]),
        (("test", "train", "train", "test"), [1, 2], [], [0, 3]),
        (("train", "val", "val", "train"), [0, 3], [], [1, 2]),
    ],
)
def test_a_given_split_is_taken_as_it_is(make_set, splits, train, watched, test):
    (part,) = GivenSplit().parts(with_splits(make_set, *splits))
    assert [side.tolist() for side in part[1:]] == [train, watched, test]


def test_an_experiment_on_a_given_split_is_written_and_read():
    spec = Spec("x", Data("y"), protocol=GivenSplit())
    assert Spec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("splits", [("train", "train"), ("val", "test"), ("", "")])
def test_a_given_split_needs_two_sides(make_set, splits):
    with pytest.raises(ValueError, match="must hold at least one clip each"):
        list(GivenSplit().parts(with_splits(make_set, *splits)))


@pytest.mark.parametrize("splits", [("train", "test", "val"), ("train", "val", "test")])
def test_a_given_split_that_cuts_a_group_is_refused(make_set, splits):
    data = replace(with_splits(make_set, *splits), groups=("g", "g", "h"))
    with pytest.raises(ValueError, match=r"group 'g' is in training and (test|validation)"):
        list(GivenSplit().parts(data))
