"""Frames decoded ahead, in processes that a set and its parts share."""

import time

import pytest
import torch
from stand_in import clips_named, have_ended
from torch import nn

from quest82.data.clips import from_folder
from quest82.frames.frame_set import FrameSet
from quest82.frames.view import ViewSpec
from quest82.learning import TrainConfig, evaluate, fit
from quest82.video import VideoError

SPEC = ViewSpec(num_frames=3, size=32, seed=5, num_views=6)


@pytest.fixture
def clips(write_clip, tmp_path):
    for number in range(8):
        write_clip(f"clips/{number % 2}/{number}.mp4", shade=100 + 15 * number, num_frames=9)
    return from_folder(tmp_path / "clips")


def stand_in_set(*names: str, **options) -> FrameSet:
    """Clips whose names say what happens."""
    return FrameSet.of(clips_named(*names), SPEC, **options)


def each_alone(num_clips: int) -> list:
    return [(torch.tensor([row]), None) for row in range(num_clips)]


def test_workers_change_no_bit_of_a_batch(clips):
    generator = torch.Generator().manual_seed(0)
    wanted = [
        (torch.randint(16, (4,), generator=generator), torch.randint(6, (4,), generator=generator))
        for _ in range(3)
    ]
    wanted.append((torch.tensor([15, 0]), None))
    here, there = (
        FrameSet.of(clips, SPEC, num_workers=n).reversed_pairs().batches(wanted) for n in (0, 2)
    )
    for one, other in zip(here, there, strict=True):
        assert one.dtype == torch.float32
        assert torch.equal(one, other)


class Tiny(nn.Module):
    """Frames -> logits, with dropout: what is drawn at random stands in one row with the views."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout, self.head = nn.Dropout(0.3), nn.Linear(3 * 32 * 32, 2)

    def forward(self, frames):
        return self.head(self.dropout(frames.mean(dim=1).flatten(1)))


def test_workers_change_nothing_of_a_fit(clips, started):
    found = []
    for num_workers in (0, 2):
        torch.manual_seed(3)
        model, data = Tiny(), FrameSet.of(clips, SPEC, num_workers=num_workers)
        train, validation = data.split(0.5)
        config = TrainConfig(epochs=3, batch_size=3)
        history = fit(model, train, config, validation)
        found.append((vars(history), evaluate(model, data, average_views=True).logits))
    assert found[0][0] == found[1][0]
    assert torch.equal(found[0][1], found[1][1])
    assert len(started) == 2  # the same ones for both parts, and for all epochs


def test_the_processes_end_with_the_last_set_or_by_close(asked, started):
    data = stand_in_set("a 1", "b 2", "c 3", num_workers=2)
    assert not started
    part = data.subset([1, 2])
    data.batch(torch.tensor([0]))
    assert len(started) == 2
    del data
    assert part.batch(torch.tensor([1])).max() == pytest.approx(3 / 255)
    assert len(started) == 2
    assert not have_ended(started)
    part.close()
    assert have_ended(started)
    part.batch(torch.tensor([1]))
    assert len(started) == 4
    del part
    assert have_ended(started)


def test_a_clip_that_hangs_or_crashes_is_named(asked):
    data = stand_in_set("a 1", "hang 2", "crash 3", num_workers=2, time_limit_seconds=0.5)
    for row, reason in ((1, "longer than the time limit of 0.5 s"), (2, "SIGSEGV")):
        name = data.clip_ids[row]
        with pytest.raises(VideoError, match=rf"^{name}: .*{reason}.*leave it out \(`subset`\)"):
            list(data.batches([(torch.tensor([0, row]), None)]))
    assert data.batch(torch.tensor([0])).max() == pytest.approx(1 / 255)


def test_no_more_is_decoded_ahead_than_two_batches(asked):
    data = stand_in_set(*[f"clip number {i}{i % 10}" for i in range(60)], num_workers=2)
    batches = data.batches([(rows, None) for rows in torch.arange(60).split(4)])
    next(batches)
    time.sleep(0.5)
    assert 4 + 4 < len(asked.read_text().splitlines()) <= 4 + 8
    batches.close()
    time.sleep(0.2)
    assert len(asked.read_text().splitlines()) <= 4 + 8


def test_what_is_wanted_is_drawn_before_anything_is_read(asked):
    drawn, data = [], stand_in_set("a 1", "b 2", "c 3", num_workers=1)

    def drawing():
        for rows, views in each_alone(3):
            drawn.append(len(asked.read_text().splitlines()))
            yield rows, views

    assert [round(255 * float(b.max())) for b in data.batches(drawing())] == [1, 2, 3]
    assert drawn == [0, 0, 0]
