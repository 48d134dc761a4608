"""Two networks that were trained apart become one classifier."""

from __future__ import annotations

import torch

from .classifier import Classifier
from .fusion import EarlyFusion, SingleFrame
from .two_stream import TwoStream


def joined(spatial: Classifier, temporal: Classifier) -> Classifier:
    """A classifier whose logits are the mean of two others' logits.

    Args:
        spatial: of a `SingleFrame`, trained on frames of C channels.
        temporal: of an `EarlyFusion` of as many stages and classes, trained on the flow of T - 1
            steps, 2 channels each.

    Returns:
        Of a `TwoStream` in eval mode, which reads clips of C + 2 channels (see `streams_of`), and
        holds copies of the weights.

    Raises:
        ValueError: if the two are not such classifiers, or do not match.
    """
    images, motion = spatial.aggregator, temporal.aggregator
    if not isinstance(images, SingleFrame) or not isinstance(motion, EarlyFusion):
        raise ValueError(
            f"spatial ({type(images).__name__}) and temporal ({type(motion).__name__}) must be "
            "classifiers of a SingleFrame and an EarlyFusion"
        )
    for name, ours, theirs in (
        ("widths", images.options["widths"], motion.options["widths"]),
        ("classes", spatial.head.out_features, temporal.head.out_features),
    ):
        if ours != theirs:
            raise ValueError(f"{name} ({ours} and {theirs}) must be the same in both networks")
    pair = TwoStream(
        images.in_features + motion.in_features,
        num_frames=motion.options["num_frames"] + 1,
        flow_channels=motion.in_features,
        widths=images.options["widths"],
    )
    model = Classifier(pair, spatial.head.out_features, dropout=spatial.dropout.p)
    model = model.to(spatial.head.weight.dtype)
    pair.images.load_state_dict(images.images.state_dict())
    pair.motion.load_state_dict(motion.images.state_dict())
    with torch.no_grad():
        weight = torch.cat([spatial.head.weight, temporal.head.weight], dim=1)
        model.head.weight.copy_(weight / 2)
        model.head.bias.copy_((spatial.head.bias + temporal.head.bias) / 2)
    return model.eval()
