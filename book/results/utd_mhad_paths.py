"""Where the hand is, by the pixels: the path that essences may keep or lose (for utd_mhad.py)."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from quest82 import video
from quest82.frames.view import ViewSpec, frames_of_view

FEWEST_PIXELS = 150  # of 224 x 224; with fewer the arm is at rest


def grey(clip, num_frames):
    """The frames (T, 224, 224) that the network sees, in [0, 1]."""
    return frames_of_view(clip, 0, ViewSpec(num_frames=num_frames))[:, 0]


def hand_path(frames):
    """Centre (T, 2) of the nearest fifth of what stands out from the clip's median frame.

    Nearer is brighter. x runs to the right and y upwards, both from 0 to 1; not a number where
    nothing moves.
    """
    T, S, _ = frames.shape
    still = torch.quantile(frames, 0.5, dim=0)  # (T, S, S) -> (S, S)
    path = torch.full((T, 2), float("nan"), dtype=torch.float64)
    for t, frame in enumerate(frames):
        rows, columns = (frame - still > 0.08).nonzero(as_tuple=True)
        if len(rows) >= FEWEST_PIXELS:
            near = frame[rows, columns].topk(len(rows) // 5).indices
            path[t] = torch.stack([columns[near], S - rows[near]]).double().mean(dim=1) / S
    return path


def person_path(frames):
    """Centre (T, 2) of all that is not background."""
    S = frames.shape[1]
    centres = []
    for frame in frames:
        rows, columns = (frame > 0.1).nonzero(as_tuple=True)
        centres.append(torch.stack([columns, S - rows]).double().mean(dim=1) / S)
    return torch.stack(centres)


def turning(path):
    """Area that a path (T, 2) goes round, once closed: above 0 against the clock."""
    x, y = path[~np.isnan(path).any(axis=1)].T
    return 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def measures(clip):
    """Length in frames, brightness of the first frame, share of it that is person."""
    first = grey(clip, 10)[0]
    return [
        video.probe(clip.path).num_frames,
        float(first.mean()),
        float((first > 0.1).double().mean()),
    ]


def without_network(clips):
    """Right answers of linear models that see a clip's length, its first frame's light or size."""
    values = np.array([measures(clip) for clip in clips])
    labels, groups = [clip.label for clip in clips], [clip.group for clip in clips]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    chosen = {"length": [0], "brightness": [1], "size": [2], "all three": [0, 1, 2]}
    said = {
        name: cross_val_predict(model, values[:, c], labels, groups=groups, cv=LeaveOneGroupOut())
        for name, c in chosen.items()
    }
    lengths = {
        name: [int(n) for n, label in zip(values[:, 0], labels, strict=True) if label == name]
        for name in sorted(set(labels))
    }
    return {
        "lengths": lengths,
        "correct": {name: (s == labels).astype(int).tolist() for name, s in said.items()},
    }


def circles_by_rule(clips):
    """No learning at all: does the sign of the turned area say in which direction a circle goes?"""
    return {
        T: [
            int((turning(hand_path(grey(clip, T)).numpy()) > 0) == clip.label.endswith("ccw"))
            for clip in clips
        ]
        for T in (8, 10, 16)
    }


def reader():
    """The probe. Features are not scaled: numbers that hardly vary would blow up."""
    return RidgeCV(np.logspace(-1, 4, 11))


def probe(features, tracked, groups):
    """Paths (N, T, 2) read from features (N, T, D) by a linear model, of people not seen before."""
    N, T, D = features.shape
    seen = ~np.isnan(tracked).any(axis=2).ravel()
    x, y = features.reshape(N * T, D)[seen], tracked.reshape(N * T, 2)[seen]
    owner = np.repeat(groups, T)[seen]
    read = np.full((N * T, 2), np.nan)
    read[seen] = cross_val_predict(reader(), x, y, groups=owner, cv=LeaveOneGroupOut())
    left_over = ((read[seen] - y) ** 2).sum(axis=0) / ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    return read.reshape(N, T, 2), (1 - left_over).round(3).tolist()


def paths_without(features, tracked, groups):
    """Person -> all paths (N, T, 2), read from features (N, T, D) by a probe of the others."""
    N, T, D = features.shape
    x, y = features.reshape(N * T, D), tracked.reshape(N * T, 2)
    owner, read = np.repeat(groups, T), {}
    for person in sorted(set(groups)):
        model = reader().fit(x[owner != person], y[owner != person])
        read[person] = model.predict(x).reshape(N, T, 2)
    return read


def what_is_kept(clips, features):
    """How well a linear probe reads the hand's path of circles, and their direction by the rule."""
    T = features.shape[1]
    seen = np.stack([hand_path(grey(clip, T)).numpy() for clip in clips])
    read, r2 = probe(features.numpy(), seen, [clip.group for clip in clips])
    right = [
        int((turning(path) > 0) == clip.label.endswith("ccw"))
        for clip, path in zip(clips, read, strict=True)
    ]
    return {"r2": r2, "direction": right}


def six_paths(clips, person="s3", trial=1, num_frames=32):
    """One path per class: of the hand, or of the whole person who sits down or stands up."""
    shown = {}
    for clip in clips:
        if clip.id.endswith(f"/{person}_{clip.label}_{trial}.mp4"):
            follow = person_path if "sit" in clip.label else hand_path
            shown[clip.label] = follow(grey(clip, num_frames)).numpy().round(3).tolist()
    return shown


def tracked(clips, num_frames=10):
    """The hand's path in each clip: (N, T, 2) as lists of rounded numbers."""
    return [hand_path(grey(clip, num_frames)).numpy().round(3).tolist() for clip in clips]


MEASUREMENTS = {
    "without network": lambda pairs, few, six, maps, grid: without_network(pairs),
    "circles by rule": lambda pairs, few, six, maps, grid: circles_by_rule(few),
    "paths": lambda pairs, few, six, maps, grid: six_paths(pairs),
    "tracked": lambda pairs, few, six, maps, grid: tracked(few),
    "probe": lambda pairs, few, six, maps, grid: {
        "global": what_is_kept(few, six.essences[: len(few)]),
        "2 x 2": what_is_kept(few, grid(maps, 2).essences),
        "3 x 3": what_is_kept(few, grid(maps, 3).essences),
    },
}
