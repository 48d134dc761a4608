"""Recurrent maps: the equations by loops, and PyTorch's own layers where maps have one position."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from quest82.systems import classifier
from quest82.systems.cnn_lstm import CNNLSTM
from quest82.systems.conv_lstm import ConvGRU, ConvGRUCell, ConvLSTM, ConvLSTMCell

C, H = 5, 4


def maps(B=2, T=6, channels=C, side=1, seed=0):
    drawn = torch.Generator().manual_seed(seed)
    return torch.randn(B, T, channels, side, side, generator=drawn, dtype=torch.float64)


def cell_of(kind, **options):
    torch.manual_seed(1)
    return kind(C, H, **options).double()


def as_matrix(convolution):
    return convolution.weight[:, :, 0, 0]


def test_at_one_position_the_lstm_is_pytorchs():
    cell, x = cell_of(ConvLSTMCell, kernel_size=1), maps()
    theirs = nn.LSTM(C, H, batch_first=True, dtype=torch.float64)
    with torch.no_grad():  # both have the order i, f, g, o
        theirs.weight_ih_l0.copy_(as_matrix(cell.from_input))
        theirs.weight_hh_l0.copy_(as_matrix(cell.from_state))
        theirs.bias_ih_l0.copy_(cell.from_input.bias)
        theirs.bias_hh_l0.zero_()
    expected, _ = theirs(x.flatten(2))
    torch.testing.assert_close(cell(x).flatten(2), expected)


def test_at_one_position_the_gru_is_pytorchs_where_it_does_not_matter_when_one_resets():
    """U (r h) = r (U h) for a diagonal U: all other weights are free."""
    cell, x = cell_of(ConvGRUCell, kernel_size=1), maps()
    theirs = nn.GRU(C, H, batch_first=True, dtype=torch.float64)
    with torch.no_grad():  # both have the order r, z, n
        cell.from_reset.weight.copy_(torch.randn(H).diag()[:, :, None, None])
        theirs.weight_ih_l0.copy_(as_matrix(cell.from_input))
        gates, reset = as_matrix(cell.gates_from_state), as_matrix(cell.from_reset)
        theirs.weight_hh_l0.copy_(torch.cat([gates, reset]))
        theirs.bias_ih_l0.copy_(cell.from_input.bias)
        theirs.bias_hh_l0.zero_()
    expected, _ = theirs(x.flatten(2))
    torch.testing.assert_close(cell(x).flatten(2), expected)
    with torch.no_grad():  # and it does matter otherwise
        cell.from_reset.weight.normal_()
        theirs.weight_hh_l0[2 * H :].copy_(as_matrix(cell.from_reset))
    assert (cell(x).flatten(2) - theirs(x.flatten(2))[0]).abs().max() > 1e-2


def convolved(x, weight, bias=None):
    """With zeros that are written down, gate by gate."""
    around = weight.shape[-1] // 2
    return F.conv2d(F.pad(x, (around,) * 4), weight, bias)


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_the_lstm_is_a_loop_over_frames(kernel_size):
    cell, x = cell_of(ConvLSTMCell, kernel_size=kernel_size), maps(side=6)
    W, U, b = cell.from_input.weight, cell.from_state.weight, cell.from_input.bias
    h = c = torch.zeros(2, H, 6, 6, dtype=torch.float64)
    states = []
    for t in range(6):
        i, f, g, o = (
            convolved(x[:, t], W[rows], b[rows]) + convolved(h, U[rows])
            for rows in (slice(k * H, (k + 1) * H) for k in range(4))
        )
        c = c / (1 + (-f).exp()) + g.tanh() / (1 + (-i).exp())
        h = c.tanh() / (1 + (-o).exp())
        states.append(h)
    torch.testing.assert_close(cell(x), torch.stack(states, dim=1))


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_the_gru_is_a_loop_over_frames(kernel_size):
    cell, x = cell_of(ConvGRUCell, kernel_size=kernel_size), maps(side=6)
    (Wr, Wz, Wn), (br, bz, bn) = cell.from_input.weight.chunk(3), cell.from_input.bias.chunk(3)
    Ur, Uz = cell.gates_from_state.weight.chunk(2)
    h, states = torch.zeros(2, H, 6, 6, dtype=torch.float64), []
    for t in range(6):
        r = 1 / (1 + (-convolved(x[:, t], Wr, br) - convolved(h, Ur)).exp())
        z = 1 / (1 + (-convolved(x[:, t], Wz, bz) - convolved(h, Uz)).exp())
        n = (convolved(x[:, t], Wn, bn) + convolved(r * h, cell.from_reset.weight)).tanh()
        h = h + (1 - z) * (n - h)
        states.append(h)
    torch.testing.assert_close(cell(x), torch.stack(states, dim=1))


@pytest.mark.parametrize("kind", [ConvLSTMCell, ConvGRUCell])
class TestBothCells:
    def test_what_moves_is_remembered_where_it_moves(self, kind):
        """Away from the border: maps that are shifted give states that are shifted."""
        cell, x = cell_of(kind), maps(T=2, side=9)
        x[..., [0, 1, 2, -3, -2, -1], :] = x[..., [0, 1, 2, -3, -2, -1]] = 0
        moved = cell(x.roll((1, -1), dims=(3, 4)))
        inside = slice(3, -3)
        expected = cell(x).roll((1, -1), dims=(3, 4))
        torch.testing.assert_close(moved[..., inside, inside], expected[..., inside, inside])

    def test_a_state_knows_nothing_of_later_frames(self, kind):
        cell, x = cell_of(kind), maps(side=4)
        torch.testing.assert_close(cell(x)[:, :3], cell(x[:, :3]))

    def test_memory_spreads_by_a_position_a_frame(self, kind):
        """What stands in the middle of the first frame reaches a position t in frame t - 1."""
        cell, x = cell_of(kind), torch.zeros(1, 4, C, 11, 11, dtype=torch.float64)
        spark = x.clone()
        spark[0, 0, :, 5, 5] = 1
        reached = (cell(spark) - cell(x)).abs().amax(dim=(0, 2)) > 0  # (T, H, W)
        # The gru convolves the state twice in a frame: once for its gates, once when reset.
        pace = 1 if kind is ConvLSTMCell else 2
        widths = reached.any(dim=1).sum(dim=1).tolist()
        assert widths == [min(11, 3 + 2 * pace * t) for t in range(4)]

    def test_an_even_kernel_is_refused(self, kind):
        with pytest.raises(ValueError, match=r"kernel_size \(2\) must be odd"):
            kind(C, H, kernel_size=2)


@pytest.mark.parametrize("kind", [ConvLSTM, ConvGRU])
def test_the_answer_is_the_maximum_of_the_last_hidden_map(kind):
    system, clips = kind(3, widths=[4, 8], hidden_channels=5).eval(), torch.rand(2, 3, 3, 16, 12)
    hidden = system.hidden_maps(clips)
    assert hidden.shape == (2, 3, 5, 4, 3)
    torch.testing.assert_close(system(clips), hidden[:, -1].flatten(2).max(dim=2).values)
    assert kind(3, widths=[], hidden_channels=5).hidden_maps(clips).shape == (2, 3, 5, 16, 12)


@pytest.mark.parametrize("grid", [1, 4])
def test_cnn_lstm_is_an_lstm_on_each_frame_alone(grid):
    model = classifier.build("cnn_lstm", 3, 4, widths=[4, 8], grid=grid, hidden_size=6).eval()
    system, clips = model.aggregator, torch.rand(2, 3, 3, 16, 16)
    assert system.recurrence.input_size == 8 * grid * grid
    h, c = torch.zeros(2, 6), torch.zeros(2, 6)
    step = nn.LSTMCell(8 * grid * grid, 6)
    step.load_state_dict(
        {name.removesuffix("_l0"): p for name, p in system.recurrence.named_parameters()}
    )
    for frame in clips.unbind(dim=1):
        found = system.images[0](frame)  # (B, 8, 4, 4)
        cells = found if grid == 4 else found.flatten(2).max(dim=2).values
        h, c = step(cells.flatten(1), (h, c))
    torch.testing.assert_close(system(clips), h)


def test_pooled_features_do_not_know_where_and_a_grid_does():
    """The same feature map with its positions mixed, frame by frame."""
    x, drawn = maps(B=1, side=4).float(), torch.Generator().manual_seed(2)
    mixed = x.flatten(3).clone()
    for t in range(6):
        mixed[:, t] = mixed[:, t, :, torch.randperm(16, generator=drawn)]
    mixed = mixed.unflatten(3, (4, 4))
    for grid in (1, 4):
        torch.manual_seed(0)
        system = CNNLSTM(C, widths=[], grid=grid, hidden_size=6)
        moved = (system(mixed) - system(x)).abs().max()
        assert moved == 0 if grid == 1 else moved > 1e-3
