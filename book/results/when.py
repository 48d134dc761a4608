"""Writes the record of the chapter `when`: what is found when, and how early (five seeds).

    OMP_NUM_THREADS=1 python book/results/when.py

Each seed draws 48 long videos of 16 pixels a side (`data.timelines`), of 48 objects: 20 for the
test, 8 that are watched to choose how far probabilities are smoothed, 20 to learn from. A clip
classifier (early fusion) learns snippets of four frames; its features feed an LSTM that reads
forwards, and one that reads both ways. Segments are made of all three in six ways. Anticipation is
on the stores `full` and `partial`. A seed that the file has already is not repeated; about a minute
for each on one quiet core. `when.json` has for each seed

- "frames": share of the frames of the test videos that get their class;
- "found": scorer -> way -> the width that was chosen, and mAP at `THRESHOLDS`;
- "controls": mAP of what should find nothing;
- "spotted": scorer -> mAP at `TOLERANCES`; "late": the median of start less true start, in seconds;
- "early": store -> model -> share of right directions after each quarter of the clip; a model of
  the first frame alone, the control, says the same after each.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import run_lines
import torch
from torch import Tensor

from quest82 import learning
from quest82.data import synthetic
from quest82.data.segments import Segment
from quest82.data.timelines import Timelines, timelines
from quest82.essences import EssenceSet
from quest82.experiments import directions
from quest82.learning import anticipation, grouping, localisation
from quest82.learning.per_frame import features_of, fit_per_frame
from quest82.learning.suppression import nms, soft_nms
from quest82.systems import classifier
from quest82.systems.per_frame import PerFrameLSTM

FILE = Path(__file__).with_suffix(".json")
DATA = Path(__file__).parents[1] / "data"
SEEDS, SIZE, SNIPPET = (0, 1, 2, 3, 4), 16, 4
TEST, WATCHED, TRAIN = range(20), range(20, 28), range(28, 48)
THRESHOLDS, TOLERANCES = (0.3, 0.4, 0.5, 0.6, 0.7), (0.1, 0.2, 0.3, 0.5, 1.0)
WIDTHS, LENGTHS, SHORTEST = (1, 5), (8, 12, 16, 24, 32), 8  # no action is shorter
LOWEST = 0.05  # a segment that is less sure takes time to judge and changes no figure
Way = Callable[[np.ndarray, np.ndarray, int], list[Segment]]


def answered(probabilities: np.ndarray, borders: np.ndarray, rest: int) -> list[Segment]:
    """Neighbouring cells with one answer."""
    best, found = probabilities.argmax(axis=1), []
    for label in range(rest):
        spans = [span for span in grouping.runs(best == label) if span[1] - span[0] >= SHORTEST]
        scores = grouping.mean_inside(spans, probabilities[:, [label]])
        own = grouping.segments_of(spans, scores, borders)
        found += [segment._replace(label=label) for segment in own]
    return found


def proposed(spans_of: Callable, score: Callable, keep: Callable) -> Way:
    """Spans, scores, suppression."""

    def way(probabilities: np.ndarray, borders: np.ndarray, rest: int) -> list[Segment]:
        spans = spans_of(probabilities, rest)
        scores = score(spans, probabilities)
        return keep(grouping.segments_of(spans, scores, borders, background=rest))

    return way


def sliding(probabilities: np.ndarray, rest: int) -> list[grouping.Span]:
    return grouping.sliding_spans(len(probabilities), LENGTHS)


def grouped(probabilities: np.ndarray, rest: int) -> list[grouping.Span]:
    return grouping.watershed(1 - probabilities[:, rest], shortest=SHORTEST)


def hard(segments: list[Segment]) -> list[Segment]:
    return nms([segment for segment in segments if segment.score >= LOWEST], 0.3)


def soft(segments: list[Segment]) -> list[Segment]:
    return soft_nms([segment for segment in segments if segment.score >= LOWEST], lowest=LOWEST)


WAYS: dict[str, Way] = {
    "answers": answered,
    "windows, inside": proposed(sliding, grouping.mean_inside, hard),
    "windows, contrast": proposed(sliding, grouping.inside_less_around, hard),
    "watershed, inside": proposed(grouped, grouping.mean_inside, hard),
    "watershed, contrast": proposed(grouped, grouping.inside_less_around, hard),
    "watershed, contrast, soft": proposed(grouped, grouping.inside_less_around, soft),
}


def finds(way: Way, chances: Tensor, videos: Timelines, width: int) -> dict[str, list[Segment]]:
    """What a way makes of the probabilities (N, M, K) of some videos."""
    borders, found = grouping.cell_borders(videos.windows(SNIPPET)), {}
    for name, of_video in zip(videos.groups, chances.double().numpy(), strict=True):
        found[name] = way(grouping.smoothed(of_video, width), borders, videos.background)
    return found


def truth_of(videos: Timelines) -> dict[str, tuple[Segment, ...]]:
    return dict(zip(videos.groups, videos.segments, strict=True))


def scores(found: dict, videos: Timelines, at=THRESHOLDS, **how) -> list[float]:
    measured = localisation.mean_average_precision(found, truth_of(videos), at, **how)
    return [round(value, 4) for value in measured.values()]


def clip_classifier(videos: Timelines, seed: int, name: str = "early_fusion", **options):
    """Trained on every third snippet of some videos."""
    model = classifier.build(name, 3, len(videos.classes), seed=seed, head_dropout=0.2, **options)
    schedule = learning.Schedule(cosine=True)
    config = learning.TrainConfig(
        epochs=8, learning_rate=3e-3, batch_size=64, seed=seed, schedule=schedule
    )
    learning.fit(model, videos.snippets(SNIPPET, stride=3), config)
    return model


def readers(features: Tensor, labels: Tensor, num_classes: int, seed: int) -> dict:
    """The LSTMs, trained on the features (N, M, D) of the training videos."""
    found = {}
    for name, both in (("LSTM", False), ("LSTM, both ways", True)):
        torch.manual_seed(seed)
        found[name] = PerFrameLSTM(features.shape[2], num_classes, both_directions=both)
        fit_per_frame(found[name], features, labels, epochs=20, seed=seed)
    return found


@torch.no_grad()
def chances_of(model, lstms: dict, videos: Timelines) -> dict[str, Tensor]:
    """Scorer -> probabilities (N, M, K) of all snippets of some videos."""
    features = features_of(model, videos.snippets(SNIPPET), len(videos))
    found = {"snippets": model.head(features).softmax(-1)}
    return found | {name: lstm(features).softmax(-1) for name, lstm in lstms.items()}


def labels_of(videos: Timelines) -> Tensor:
    return videos.snippets(SNIPPET).labels.unflatten(0, (len(videos), -1))


def lateness(found: dict, videos: Timelines) -> float:
    """Median of start less true start, of the finds that overlap an action of theirs by half."""
    gaps = []
    for name, known in truth_of(videos).items():
        for find in found[name]:
            same = [segment for segment in known if segment.label == find.label]
            near = localisation.overlaps([find], same)[0]
            if near.size and near.max() >= 0.5:
                gaps.append(find.start - same[near.argmax()].start)
    return round(float(np.median(gaps)), 3)


def random_finds(videos: Timelines, like: Timelines, draw) -> dict[str, list[Segment]]:
    """A hundred segments for each video, of lengths and classes of the training videos."""
    known = [segment for of_video in like.segments for segment in of_video]
    found, length = {}, videos.windows(SNIPPET)[-1][1]
    for name in videos.groups:
        taken = [known[k] for k in draw.integers(len(known), size=100)]
        starts = [draw.uniform(0, length - (s.end - s.start)) for s in taken]
        found[name] = [
            Segment(start, start + s.end - s.start, s.label, float(draw.uniform()))
            for s, start in zip(taken, starts, strict=True)
        ]
    return found


def with_scores_shuffled(found: dict, draw) -> dict[str, list[Segment]]:
    every = draw.permutation([s.score for of_video in found.values() for s in of_video]).tolist()
    return {name: [s._replace(score=every.pop()) for s in own] for name, own in found.items()}


def controls(model, lstms: dict, parts: dict, best: dict, width: int, seed: int) -> dict:
    """The watershed by contrast on the LSTM that reads both ways, of videos that lack something."""
    test, draw = parts["test"], np.random.default_rng(seed)
    way, who = WAYS["watershed, contrast"], "LSTM, both ways"
    still = timelines(len(TEST), size=SIZE, seed=seed, still_videos=True)
    order = torch.randperm(test.frames.shape[1], generator=torch.Generator().manual_seed(seed))
    shuffled = Timelines(**{**vars(test), "frames": test.frames[:, order]})
    single = clip_classifier(parts["train"], seed, "single_frame", widths=[16, 32, 64])
    end = test.windows(SNIPPET)[-1][1]
    whole = [Segment(0, end, label) for label in range(test.background)]
    made = {
        "random segments": random_finds(test, parts["train"], draw),
        "scores shuffled": with_scores_shuffled(best, draw),
        "one segment": dict.fromkeys(test.groups, whole),
        "still videos": finds(way, chances_of(model, lstms, still)[who], still, width),
        "frames shuffled": finds(way, chances_of(model, lstms, shuffled)[who], shuffled, width),
        "one frame": finds(way, chances_of(single, {}, test)["snippets"], test, width),
    }
    return {name: scores(found, test) for name, found in made.items()}


def located(seed: int) -> dict:
    videos = timelines(48, size=SIZE, seed=seed)
    rows = {"test": TEST, "watched": WATCHED, "train": TRAIN}
    parts = {name: videos.subset(numbers) for name, numbers in rows.items()}
    train, test, watched = parts["train"], parts["test"], parts["watched"]
    model = clip_classifier(train, seed, num_frames=SNIPPET, widths=[16, 32, 64])
    features = features_of(model, train.snippets(SNIPPET), len(train))
    lstms = readers(features, labels_of(train), len(videos.classes), seed)
    watching, asked = chances_of(model, lstms, watched), chances_of(model, lstms, test)
    run: dict = {"frames": {}, "found": {}, "spotted": {}, "late": {}}
    for who, chances in asked.items():
        run["frames"][who] = round(
            (chances.argmax(-1) == labels_of(test)).double().mean().item(), 4
        )
        run["found"][who] = {}
        for name, way in WAYS.items():
            tried = [scores(finds(way, watching[who], watched, w), watched, [0.5]) for w in WIDTHS]
            width = WIDTHS[int(np.argmax(tried))]
            found = finds(way, chances, test, width)
            run["found"][who][name] = {"width": width, "map": scores(found, test)}
            if name == "watershed, contrast":
                near, at = localisation.closeness, [-t for t in TOLERANCES]
                run["spotted"][who] = scores(found, test, at, nearness=near)
                best, best_width = found, width
        run["late"][who] = lateness(finds(answered, chances, test, 1), test)
    return run | {"controls": controls(model, lstms, parts, best, best_width, seed)}


MODELS = {
    "mean": ("mean", learning.CrossEntropy()),
    "LSTM": ("lstm", learning.CrossEntropy()),
    "LSTM, asked early": ("lstm", anticipation.EarlyCrossEntropy()),
}


def early(seed: int) -> dict:
    """Share of right directions after each quarter of the clips of two stores."""
    found: dict = {}
    for store in ("full", "partial"):
        data = EssenceSet.load(DATA / store).reversed_pairs(synthetic.REVERSED)
        train, test = data.split(0.25, seed=seed)
        for name, (aggregator, objective) in MODELS.items():
            options = {"projection_size": 64, "hidden_size": 64} if aggregator == "lstm" else {}
            config = learning.TrainConfig(
                epochs=30, learning_rate=2e-3, seed=seed, objective=objective
            )
            model = learning.trained(aggregator, train, config, dtype=torch.float32, **options)
            answers = anticipation.answers_after(model, test)
            hits = [directions.direction_hits(part, test.labels) for part in answers.unbind(1)]
            shares = [round(hit.double().mean().item(), 4) for hit in hits]
            found.setdefault(store, {})[name] = shares
        found[store]["first frame"] = [by_first_frame(train, test, seed)] * len(shares)
    return found


def by_first_frame(train: EssenceSet, test: EssenceSet, seed: int) -> float:
    """Share of right directions of a linear model that sees the first frame alone."""
    config = learning.TrainConfig(epochs=30, learning_rate=2e-3, seed=seed)
    model = learning.trained("mean", train.first_frame(), config, dtype=torch.float32)
    logits = learning.evaluate(model, test.first_frame()).logits
    return round(directions.direction_hits(logits, test.labels).double().mean().item(), 4)


def main() -> None:
    runs = run_lines.earlier(FILE)
    for seed in SEEDS:
        if seed in [run["seed"] for run in runs]:
            continue
        runs.append({"seed": seed} | located(seed) | {"early": early(seed)})
        about = {"thresholds": THRESHOLDS, "tolerances": TOLERANCES, "size": SIZE}
        about |= {"train": len(TRAIN), "watched": len(WATCHED), "test": len(TEST)}
        run_lines.write(FILE, about, runs)
        print("seed", seed, "written", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
