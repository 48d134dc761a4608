"""Recurrent networks: each frame meets a summary of all earlier ones."""

from __future__ import annotations

from torch import Tensor, nn

from .projected import Projected

State = Tensor | tuple[Tensor, Tensor]
"""What a recurrence has kept: (h, c) of an LSTM, h of a GRU, each (num_layers, B, H)."""


class _Recurrent(Projected):
    """What recurrent aggregators share: a projection, then layers that read it in order."""

    layers: type[nn.LSTM] | type[nn.GRU]

    def __init__(
        self,
        in_features: int,
        *,
        projection_size: int = 256,
        hidden_size: int = 256,
        num_layers: int = 1,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(in_features, projection_size=projection_size, dropout=dropout)
        self.out_features = hidden_size
        self.options |= {"hidden_size": hidden_size, "num_layers": num_layers}
        self.recurrence = self.layers(
            projection_size,
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=dropout if num_layers > 1 else 0.0,  # between layers: there must be two
        )

    def step(self, essence: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """One frame more: what `forward` gives of all frames so far, without reading them again.

        It takes the road of `forward`. In eval mode the answers of T steps from no state are those
        of the first 1, 2, ..., T essences, up to rounding; in training each step drops out anew.

        Args:
            essence: (B, D), the next frame of each of B clips.
            state: what the step before gave back, as PyTorch's layers have it: (h, c) of an LSTM,
                h of a GRU, each (num_layers, B, H). None: these frames are the first.

        Returns:
            The last layer's hidden state (B, H), and the state for the next step.

        Raises:
            ValueError: if essence is not (B, D).
        """
        if essence.ndim != 2 or essence.shape[1] != self.in_features:
            raise ValueError(
                f"essence {tuple(essence.shape)} must be (B, {self.in_features}), one frame of "
                "each clip; whole clips (B, T, D) go through the model itself"
            )
        projected = self.projection(essence[:, None])  # (B, D) -> (B, 1, P)
        hidden, state = self.recurrence(projected, state)  # (B, 1, H)
        return hidden[:, 0], state


class LSTM(_Recurrent):
    """A recurrent network that reads the essences in order (Hochreiter & Schmidhuber 1997).

    A linear projection with a ReLU comes first: it halves the weights that there are to
    over-fit with. States start at zero; the last layer's last hidden state is the answer.

    Args:
        in_features: width D of an essence.
        projection_size: width P that essences are projected to.
        hidden_size: width H of the hidden state.
        num_layers: LSTM layers on top of each other.
        dropout: share of the projected essences (and between layers) set to zero in training.

    Attributes:
        out_features: H.
    """

    layers = nn.LSTM

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> last hidden state (B, H)."""
        projected = self.projection(essences)  # (B, T, D) -> (B, T, P)
        _, (hidden, _) = self.recurrence(projected)  # (num_layers, B, H)
        return hidden[-1]


class LSTM5(LSTM):
    """Five LSTM layers on top of each other (Ng et al. 2015, Beyond Short Snippets).

    The last hidden state is the answer, which is the first of the paper's four ways to read it; the
    others weigh or pool the predictions at all frames.

    Args:
        in_features: width D of an essence.
        projection_size: width P that essences are projected to.
        hidden_size: width H of each hidden state; in the paper 512.
        num_layers: 5 in the paper.
        dropout: share of the projected essences, and between layers, set to zero in training.

    Attributes:
        out_features: H.
    """

    def __init__(
        self,
        in_features: int,
        *,
        projection_size: int = 256,
        hidden_size: int = 256,
        num_layers: int = 5,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(
            in_features,
            projection_size=projection_size,
            hidden_size=hidden_size,
            num_layers=num_layers,
            dropout=dropout,
        )


class GRU(_Recurrent):
    """A gated recurrent unit (Cho et al. 2014): three blocks of weights for the LSTM's four.

    It has no cell beside its state. Otherwise it is like `LSTM`: projection first, states from
    zero, the last layer's last state is the answer. (PyTorch's form of it, which resets the state
    after multiplying by its weights, not before.)

    Args:
        in_features: width D of an essence.
        projection_size: width P that essences are projected to.
        hidden_size: width H of the state.
        num_layers: GRU layers on top of each other.
        dropout: share of the projected essences (and between layers) set to zero in training.

    Attributes:
        out_features: H.
    """

    layers = nn.GRU

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> last state (B, H)."""
        projected = self.projection(essences)  # (B, T, D) -> (B, T, P)
        _, hidden = self.recurrence(projected)  # (num_layers, B, H)
        return hidden[-1]
