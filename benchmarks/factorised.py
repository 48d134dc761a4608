"""What is a fast layout for 3D convolutions, whole and factorised, on a processor?

Three layers of usual sizes, each forwards alone and with its gradients. The default layout keeps a
channel together, "channels last" a position; a factorised layer is two `nn.Conv3d` of 1 x 3 x 3 and
3 x 1 x 1, or the package's `Space` and `Time`, which compute the same as 2D convolutions. Ways take
turns, so that a busy neighbour slows all of them.

    OMP_NUM_THREADS=1 python benchmarks/factorised.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from table import publish
from torch import Tensor, nn

from quest82.systems.parts.factors import Space, Time, middle_width
from quest82.systems.parts.volume import as_volume

# Clips, channels in and out, frames, side: early and late in a small network, early in a large one.
SIZES = ((8, 32, 64, 8, 16), (8, 64, 128, 4, 8), (1, 64, 64, 8, 56))
ROUNDS = 11


class Plainly(nn.Module):
    """`nn.Conv3d`'s own way with the weights of a factor."""

    def __init__(self, factor: nn.Conv3d) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, volumes: Tensor) -> Tensor:
        return nn.Conv3d.forward(self.factor, volumes)


def ways(clips: Tensor, outs: int) -> dict[str, tuple[nn.Module, Tensor]]:
    """Name -> layer and input; the two factorised ways have the same weights."""
    ins = clips.shape[2]
    whole = nn.Conv3d(ins, outs, 3, padding=1, bias=False)
    M = middle_width(ins, outs)
    factors = Space(ins, M), Time(M, outs)
    plain = nn.Sequential(*(Plainly(factor) for factor in factors))
    default, last = clips.transpose(1, 2).contiguous(), as_volume(clips)
    return {
        "3 x 3 x 3": (whole, default),
        "3 x 3 x 3, channels last": (whole, last),
        "factorised, two Conv3d": (plain, default),
        "factorised, two Conv3d, channels last": (plain, last),
        "factorised, Space and Time": (nn.Sequential(*factors), last),
    }


def backwards(layer: nn.Module, volumes: Tensor) -> None:
    layer(volumes.requires_grad_()).sum().backward()


@torch.no_grad()
def forwards(layer: nn.Module, volumes: Tensor) -> None:
    layer(volumes)


def seconds(run: Callable, layers: dict[str, tuple[nn.Module, Tensor]]) -> dict[str, float]:
    """The median of some rounds for each way."""
    taken: dict[str, list[float]] = {name: [] for name in layers}
    for _ in range(ROUNDS + 1):
        for name, (layer, volumes) in layers.items():
            start = time.perf_counter()
            run(layer, volumes)
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(times[1:]) for name, times in taken.items()}


def main() -> None:
    rows: list[dict[str, str]] = []
    for B, ins, outs, T, S in SIZES:
        layers = ways(torch.rand(B, T, ins, S, S), outs)
        found = [seconds(run, layers) for run in (forwards, backwards)]
        for name in layers:
            row = {"layer": f"{ins} to {outs}, {B} x {T} x {S} x {S}", "how": name}
            for head, times in zip(("forwards", "with gradients"), found, strict=True):
                row[f"{head}, ms"] = f"{1e3 * times[name]:.1f}"
                row[f"of 3 x 3 x 3, {head}"] = f"{times[name] / times['3 x 3 x 3']:.2f}"
            rows.append(row)
    publish("factorised", rows)


if __name__ == "__main__":
    main()
