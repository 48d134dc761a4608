"""VideoMAE (Tong et al. 2022): hide nine tenths of a clip, learn by filling them in.

The encoder, which is kept, sees the visible tokens alone and is large; the decoder, which is thrown
away, is told where the others stood and guesses their pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .parts.imagenet import Standardised
from .parts.mae_block import AttentionBlock, sines
from .parts.system import System
from .parts.transformer import drawn_afresh
from .parts.tubelet_pixels import (
    brightness_and_contrast,
    normalised,
    put_together,
    require_whole,
    tubelets,
)


class VideoMAE(System):
    """The encoder: a transformer on tubelets, each of which attends to all; the mean of tokens.

    A tubelet is a block of t frames of p x p pixels; a linear layer makes a token of it, and its
    number in the clip, as sines and cosines, tells where it stood. Without pre-training this is
    a plain transformer; `MaskedAutoencoder` pre-trains it. Frames are brought to ImageNet's mean
    and variance, as the authors do (on `motions` the network learns next to nothing without);
    feature maps are read as they are.

    Args:
        in_features: C.
        width: D of a token, even, a multiple of num_heads.
        depth: blocks.
        num_heads: of each block.
        tubelet_size: t, in frames.
        patch_size: p, the side in pixels; for feature maps in positions.

    Attributes:
        out_features: D.

    Raises:
        ValueError: if width does not fit the heads; or in `forward`, if clips cannot be cut into
            whole tubelets.
    """

    source = "Tong et al. 2022, VideoMAE: Masked Autoencoders are Data-Efficient Learners"
    view = {"num_frames": 16, "size": 224, "sampler": "strided", "stride": 4}
    small = {"width": 64, "depth": 2, "num_heads": 4, "patch_size": 8}
    on_maps = {"width": 64, "depth": 2, "num_heads": 4, "patch_size": 1}

    def __init__(
        self,
        in_features: int,
        *,
        width: int = 768,
        depth: int = 12,
        num_heads: int = 12,
        tubelet_size: int = 2,
        patch_size: int = 16,
    ) -> None:
        super().__init__(
            in_features,
            width,
            width=width,
            depth=depth,
            num_heads=num_heads,
            tubelet_size=tubelet_size,
            patch_size=patch_size,
        )
        self.tubelet_size, self.patch_size = tubelet_size, patch_size
        self.embedding = nn.Linear(tubelet_size * patch_size**2 * in_features, width)
        self.blocks = nn.Sequential(*(AttentionBlock(width, num_heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        drawn_afresh(self)
        self.standardised = Standardised(in_features)

    def tokens(self, clips: Tensor, hidden: Tensor | None = None) -> Tensor:
        """What the last block says of the visible tokens.

        Args:
            clips: (B, T, C, H, W).
            hidden: bool (B, N), as many of each clip; they are taken out before the first block,
                so that nothing is computed for them. None: all are visible.

        Returns:
            (B, visible, D), in their order, before the norm.
        """
        clips = self.standardised(clips)
        cut = tubelets(clips, self.tubelet_size, self.patch_size)  # (B, N, t p p C)
        tokens = self.embedding(cut)  # (B, N, D)
        tokens = tokens + sines(*tokens.shape[1:]).to(tokens)
        if hidden is not None:
            tokens = _taken(tokens, ~hidden)
        return self.blocks(tokens)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> the mean of all tokens, normalised (B, D).

        Pre-training normalises each token; here the same layer normalises their mean, where the
        authors begin with a fresh one.
        """
        return self.norm(self.tokens(clips).mean(dim=1))

    def moments(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> the mean of the tokens of each moment, normalised (B, T / t, D).

        A moment is t frames; its tokens have attended to the whole clip.
        """
        T = clips.shape[1] // self.tubelet_size
        tokens = self.tokens(clips).unflatten(1, (T, -1))  # (B, N, D) -> (B, T / t, S, D)
        return self.norm(tokens.mean(dim=2))

    def grid(self, clips: Tensor) -> tuple[int, int]:
        """How many moments, and positions at each, such clips are cut into."""
        _, T, _, H, W = require_whole(clips, self.tubelet_size, self.patch_size).shape
        return T // self.tubelet_size, H * W // self.patch_size**2


class MaskedAutoencoder(nn.Module):
    """The encoder on what is visible, and a smaller decoder that guesses what is hidden.

    Args:
        encoder: is trained in place; what is kept.
        width: E of the decoder's tokens, even, a multiple of num_heads.
        depth: blocks of the decoder.
        num_heads: of each.

    Attributes:
        encoder: the same.
    """

    def __init__(
        self, encoder: VideoMAE, *, width: int = 384, depth: int = 4, num_heads: int = 6
    ) -> None:
        super().__init__()
        self.to_decoder = nn.Linear(encoder.out_features, width, bias=False)
        self.blocks = nn.Sequential(*(AttentionBlock(width, num_heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, encoder.embedding.in_features)
        drawn_afresh(self)
        self.hidden_token = nn.Parameter(torch.zeros(width))
        self.encoder = encoder

    def forward(self, clips: Tensor, hidden: Tensor) -> Tensor:
        """Guess the hidden tubelets, normalised.

        Args:
            clips: (B, T, C, H, W).
            hidden: bool (B, N), as many of each clip.

        Returns:
            (B, hidden, t p p C), in their order.
        """
        seen = self.to_decoder(self.encoder.norm(self.encoder.tokens(clips, hidden)))
        B, _, E = seen.shape
        places = sines(hidden.shape[1], E).to(seen).expand(B, -1, -1)  # (B, N, E)
        wanted = self.hidden_token + _taken(places, hidden)  # (B, hidden, E)
        everything = torch.cat([seen + _taken(places, ~hidden), wanted], dim=1)
        return self.head(self.norm(self.blocks(everything)[:, -wanted.shape[1] :]))

    def targets(self, clips: Tensor, hidden: Tensor) -> Tensor:
        """What `forward` is to guess (B, hidden, t p p C)."""
        cut = tubelets(clips, self.encoder.tubelet_size, self.encoder.patch_size)
        return normalised(_taken(cut, hidden), clips.shape[2])

    def loss(self, clips: Tensor, hidden: Tensor) -> Tensor:
        """Mean squared error of the hidden tubelets, a scalar; nearly 1 for a guess of grey."""
        return (self(clips, hidden) - self.targets(clips, hidden)).square().mean()


@torch.no_grad()
def reconstructed(model: MaskedAutoencoder, clips: Tensor, hidden: Tensor) -> Tensor:
    """Clips (B, T, C, H, W) with the guesses in place of what is hidden.

    A guess has no brightness and contrast: it is lent those of the tubelet that it stands for, as
    in the figures of the paper. So only the structure within a tubelet is the network's.
    """
    t, p = model.encoder.tubelet_size, model.encoder.patch_size
    cut, C = tubelets(clips, t, p), clips.shape[2]
    mean, std = brightness_and_contrast(_taken(cut, hidden), C)
    guesses = model(clips, hidden).unflatten(2, (-1, C)) * std + mean  # (B, hidden, t p p, C)
    whole = cut.masked_scatter(hidden[:, :, None], guesses.flatten(2))
    return put_together(whole, tuple(clips.shape), t, p)


def _taken(tokens: Tensor, which: Tensor) -> Tensor:
    """Some tokens of each clip: (B, N, D) and bool (B, N) -> (B, as many, D)."""
    return tokens[which].view(len(tokens), -1, tokens.shape[2])
