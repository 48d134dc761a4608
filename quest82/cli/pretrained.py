"""Options of `quest82 predict` for a network that others trained, in the place of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..service import PretrainedPredictor
    from .options import ReadingOptions


@dataclass(frozen=True)
class PretrainedOptions:
    """Which network answers, if it is none of `quest82 train`."""

    pretrained: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="In the place of MODEL a video network of torchvision, trained on Kinetics-400: "
            "r3d_18, mc3_18, r2plus1d_18, s3d, mvit_v1_b, mvit_v2_s, swin3d_t, swin3d_s, swin3d_b.",
        ),
    ] = None
    pretrained_weights: Annotated[
        Path | None,
        typer.Option(
            help="State dict of that network (.safetensors or .pth); else torchvision's, fetched "
            "on first use (32 to 364 MB)."
        ),
    ] = None

    def require_usable(self, others: Mapping[str, object]) -> None:
        """Refuse options that do not go together.

        Args:
            others: options that only a model of `quest82 train` knows, and what was given.

        Raises:
            ValueError: says what to change.
        """
        if self.pretrained is None and self.pretrained_weights is not None:
            raise ValueError("--pretrained-weights needs --pretrained: the network they belong to")
        given = [option for option, value in others.items() if value not in (None, False)]
        if self.pretrained is not None and given:
            raise ValueError(
                f"{given[0]} is for models of `quest82 train`; leave it out, or leave out "
                "--pretrained"
            )

    def opened(self, num_workers: int, reading: ReadingOptions) -> PretrainedPredictor:
        """The predictor of the network that is named."""
        from ..service import PretrainedPredictor

        return PretrainedPredictor.load(
            self.pretrained or "",
            weights=self.pretrained_weights,
            device=reading.device,
            num_workers=num_workers,
            time_limit_seconds=reading.time_limit,
        )
