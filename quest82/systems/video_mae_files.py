"""Published weights of VideoMAE: files of Hugging Face's `transformers`, read without it.

A checkpoint is a folder with `model.safetensors` and, beside it, `config.json`: the file has the
shapes, and the rest (heads, frames, size) stands in the config alone. Nothing is fetched here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from .initial import Undrawn
from .state_dicts import read_safetensors
from .video_mae import MaskedAutoencoder, VideoMAE

# Their names of the parts of a block -> ours; of queries, keys and values one layer is made.
_PARTS = {
    "layernorm_before": "before_attention",
    "attention.output.dense": "joined",
    "layernorm_after": "before_mlp",
    "intermediate.dense": "mlp.0",
    "output.dense": "mlp.2",
}
_QKV = ("query", "key", "value")
_OLD_BIAS = re.compile(r"attention\.attention\.([qv])_bias$")  # in files of before 2026


class Published(NamedTuple):
    """A checkpoint in a folder.

    Attributes:
        config: what `config.json` says.
        state: names in `transformers` -> tensors, float32.
        path: of the weights, for messages.
    """

    config: Mapping
    state: Mapping[str, Tensor]
    path: Path


def load_encoder(path: str | Path) -> tuple[VideoMAE, Mapping]:
    """The encoder in a published file, pre-trained alone or fine-tuned, and what its config says.

    Of a pre-trained one the norm is that of the tokens, of a fine-tuned one that of their mean; a
    linear layer for classes is left out.

    Args:
        path: of `model.safetensors`; `config.json` lies beside it.

    Raises:
        ValueError: if a file is missing or is not of a VideoMAE.
    """
    published = read_published(path)
    encoder = _encoder_like(published.config)
    _fill(encoder, _encoder_state(published), published)
    return encoder, published.config


def load_autoencoder(path: str | Path) -> tuple[MaskedAutoencoder, Mapping]:
    """The encoder with its decoder, and what the config says: see `load_encoder`.

    Raises:
        ValueError: also if the file is of a fine-tuned model, which has no decoder any more.
    """
    published = read_published(path)
    config, state = published.config, published.state
    if "mask_token" not in state:
        raise ValueError(
            f"weights ({published.path}): hold no decoder, as those of a fine-tuned model; take "
            "a pre-trained one, or the encoder alone"
        )
    with Undrawn():
        model = MaskedAutoencoder(
            _encoder_like(config),
            width=config.get("decoder_hidden_size", 384),
            depth=config.get("decoder_num_hidden_layers", 4),
            num_heads=config.get("decoder_num_attention_heads", 6),
        )
    ours = {f"encoder.{name}": tensor for name, tensor in _encoder_state(published).items()}
    ours |= _blocks(state, "decoder.decoder_layers")
    ours |= _layer(state, "decoder.norm", "norm") | _layer(state, "decoder.head", "head")
    ours |= _layer(state, "encoder_to_decoder", "to_decoder")
    ours["hidden_token"] = state["mask_token"].flatten()
    _fill(model, ours, published)
    return model, config


def read_published(path: str | Path) -> Published:
    """The tensors in a file and the config beside it.

    Raises:
        ValueError: if one is missing, is no such file, or is of another network.
    """
    path, beside = Path(path), Path(path).with_name("config.json")
    for file in (path, beside):
        if not file.is_file():
            raise ValueError(
                f"weights ({file}): there is no such file; a checkpoint of VideoMAE is a "
                "model.safetensors with its config.json beside it"
            )
    try:
        config = json.loads(beside.read_text("utf-8"))
        _, state = read_safetensors(path)
    except (SafetensorError, ValueError) as error:
        raise ValueError(
            f"weights ({path}): not a safetensors file with a config.json ({error}); other formats "
            "can run code and are not read"
        ) from error
    if not isinstance(config, dict) or config.get("model_type") != "videomae":
        kind = config.get("model_type") if isinstance(config, dict) else type(config).__name__
        raise ValueError(f"weights ({path}): of {kind!r}, not of 'videomae', says {beside}")
    return Published(config, {name: x.float() for name, x in state.items()}, path)


def _encoder_like(config: Mapping) -> VideoMAE:
    """An encoder of these widths, weights yet to come; what is not said is as in the format."""
    width = config.get("hidden_size", 768)
    if config.get("intermediate_size", 3072) != 4 * width:
        raise ValueError(
            f"intermediate_size ({config.get('intermediate_size', 3072)}) must be 4 times "
            f"hidden_size ({width}), as in all that were published"
        )
    with Undrawn():
        return VideoMAE(
            config.get("num_channels", 3),
            width=width,
            depth=config.get("num_hidden_layers", 12),
            num_heads=config.get("num_attention_heads", 12),
            tubelet_size=config.get("tubelet_size", 2),
            patch_size=config.get("patch_size", 16),
        )


def _encoder_state(published: Published) -> dict[str, Tensor]:
    """The encoder's weights by our names."""
    state, kernel = published.state, "videomae.embeddings.patch_embeddings.projection"
    norm = "fc_norm" if "fc_norm.weight" in state else "videomae.layernorm"
    ours = _blocks(state, "videomae.encoder.layer") | _layer(state, norm, "norm")
    if f"{kernel}.weight" in state:  # (D, C, t, p, p) -> (D, t p p C)
        ours["embedding.weight"] = state[f"{kernel}.weight"].permute(0, 2, 3, 4, 1).flatten(1)
        ours["embedding.bias"] = state[f"{kernel}.bias"]
    return ours


def _blocks(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """All blocks whose names begin so, by our names."""
    renamed = {_OLD_BIAS.sub(_new_bias, name): tensor for name, tensor in state.items()}
    number = re.compile(re.escape(prefix) + r"\.(\d+)\.")
    numbers = {int(found[1]) for name in renamed if (found := number.match(name))}
    ours: dict[str, Tensor] = {}
    for k in sorted(numbers):
        theirs, own = f"{prefix}.{k}", f"blocks.{k}"
        for part, name in _PARTS.items():
            ours |= _layer(renamed, f"{theirs}.{part}", f"{own}.{name}")
        ours |= _joined(renamed, f"{theirs}.attention.attention", f"{own}.queries_keys_values")
    return ours


def _new_bias(found: re.Match[str]) -> str:
    return f"attention.attention.{'query' if found[1] == 'q' else 'value'}.bias"


def _joined(state: Mapping[str, Tensor], theirs: str, own: str) -> dict[str, Tensor]:
    """One layer for queries, keys and values; their keys have no bias, and need none."""
    names = [f"{theirs}.{part}.weight" for part in _QKV]
    if not state.keys() >= set(names):
        return {}  # what is missing is then told with all that is
    weights = [state[name] for name in names]
    zeros = torch.zeros(len(weights[0]))
    biases = [state.get(f"{theirs}.{part}.bias", zeros) for part in _QKV]
    return {f"{own}.weight": torch.cat(weights), f"{own}.bias": torch.cat(biases)}


def _layer(state: Mapping[str, Tensor], theirs: str, own: str) -> dict[str, Tensor]:
    """What there is of the weight and the bias of a layer."""
    kept = ("weight", "bias")
    return {f"{own}.{n}": state[f"{theirs}.{n}"] for n in kept if f"{theirs}.{n}" in state}


def _fill(network: nn.Module, ours: Mapping[str, Tensor], published: Published) -> None:
    """Give the network these weights, and put it into eval mode."""
    try:
        network.load_state_dict(ours)
    except RuntimeError as error:
        raise ValueError(
            f"weights ({published.path}): not those that its config.json describes ({error})"
        ) from error
    network.eval()
