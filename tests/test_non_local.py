"""Non-local blocks: the paper's equation by loops, PyTorch's attention, and blindness to order."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from quest82.data.twins import twins
from quest82.systems.factorised import R3D
from quest82.systems.non_local import NonLocal
from quest82.systems.parts.non_local_block import KINDS, OVER, NonLocalBlock

C, T, H, W = 6, 3, 2, 2
TINY = {"widths": [4, 8], "blocks": [1, 1], "stem_size": 3}
each_kind = pytest.mark.parametrize("kind", KINDS)
each_over = pytest.mark.parametrize("over", OVER)


def volumes(B=2, shape=(C, T, H, W), seed=0):
    drawn = torch.Generator().manual_seed(seed)
    return torch.randn(B, *shape, generator=drawn, dtype=torch.float64)


def awake(module, seed=1):
    """In eval mode, with a batch norm that lets its block's answer through and changes it."""
    drawn = torch.Generator().manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm1d):
            with torch.no_grad():
                layer.weight.copy_(0.5 + torch.rand(layer.weight.shape, generator=drawn))
                layer.running_mean += 0.3
    return module.eval()


def block_of(channels=C, **options):
    torch.manual_seed(0)
    return awake(NonLocalBlock(channels, **options).double())


def linear(layer, x):
    """W x + b of one position, by hand."""
    return layer.weight @ x + (0 if layer.bias is None else layer.bias)


def compared(block, a, b):
    """f(x_i, x_j) as the paper has it."""
    if block.kind == "gaussian":
        return math.exp(sum(p * q for p, q in zip(a.tolist(), b.tolist(), strict=True)))
    if block.kind == "concatenation":
        (theta, w_theta), (phi, w_phi) = block.query, block.key
        both = torch.cat([linear(theta, a), linear(phi, b)])
        w = torch.cat([w_theta.weight[0], w_phi.weight[0]])
        return max(0.0, float(w @ both))
    fit = float(linear(block.query, a) @ linear(block.key, b))
    return math.exp(fit) if block.kind == "embedded_gaussian" else fit


def heard_by(over, i, places):
    same = {"space": lambda j: j[0] == i[0], "time": lambda j: j[1:] == i[1:]}
    return [j for j in places if same.get(over, lambda j: True)(j)]


def by_loops(block, x):
    places = [(t, h, w) for t in range(T) for h in range(H) for w in range(W)]
    z = torch.empty_like(x)
    for b in range(len(x)):
        at = {i: x[b, :, i[0], i[1], i[2]] for i in places}
        for i in places:
            heard = heard_by(block.over, i, places)
            f = [compared(block, at[i], at[j]) for j in heard]
            total = sum(f) if "gaussian" in block.kind else len(heard)
            y = sum(own * linear(block.value, at[j]) for own, j in zip(f, heard, strict=True))
            out, norm = linear(block.out, y / total), block.norm
            out = (out - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
            z[b, :, i[0], i[1], i[2]] = at[i] + norm.weight * out + norm.bias
    return z


@each_over
@each_kind
@torch.no_grad()
def test_a_block_is_the_papers_equation(kind, over):
    block, x = block_of(kind=kind, over=over), volumes()
    torch.testing.assert_close(block(x), by_loops(block, x))


@torch.no_grad()
def test_embedded_gaussian_is_self_attention():
    """PyTorch divides by the root of the width; queries that are larger by it make up for that."""
    block, x = block_of(), volumes()
    tokens, root = x.flatten(2).transpose(1, 2), math.sqrt(C // 2)
    q, k, v = block.query(tokens), block.key(tokens), block.value(tokens)
    y = F.scaled_dot_product_attention(root * q, k, v)
    theirs = nn.MultiheadAttention(C, 1, batch_first=True, dtype=torch.float64)
    theirs.in_proj_weight.zero_()  # it has C channels inside, of which half stay empty
    theirs.in_proj_bias.zero_()
    theirs.out_proj.weight.zero_()
    for row, layer, scale in ((0, block.query, C**0.5), (C, block.key, 1), (2 * C, block.value, 1)):
        theirs.in_proj_weight[row : row + C // 2] = scale * layer.weight
        theirs.in_proj_bias[row : row + C // 2] = 0 if layer.bias is None else scale * layer.bias
    theirs.out_proj.weight[:, : C // 2] = block.out.weight
    theirs.out_proj.bias.copy_(block.out.bias)
    attended, weights = theirs(tokens, tokens, tokens)
    torch.testing.assert_close(attended, block.out(y))
    torch.testing.assert_close(weights, block.weights(x))
    found = x + block.norm(attended.flatten(0, 1)).view_as(attended).mT.reshape(x.shape)
    torch.testing.assert_close(block(x), found)


@each_over
@each_kind
def test_it_begins_as_identity_and_learns_at_once(kind, over):
    x = volumes()
    block = NonLocalBlock(C, kind=kind, over=over, positions=True).double()
    assert torch.equal(block(x), x)  # also where batch norm takes the batch's own mean
    block(x).square().sum().backward()
    assert block.norm.weight.grad.abs().sum() > 0


@each_kind
@torch.no_grad()
def test_mixed_positions_give_the_same_answers_mixed(kind):
    """So no mean over positions knows their order, be it in time or in space."""
    block, x = block_of(kind=kind), volumes()
    order = torch.randperm(T * H * W, generator=torch.Generator().manual_seed(2))
    mixed = x.flatten(2)[..., order].view_as(x)
    torch.testing.assert_close(block(mixed).flatten(2), block(x).flatten(2)[..., order])
    aware = block_of(12, kind=kind, positions=True)
    x = volumes(shape=(12, T, H, W))
    moved = aware(x.flip(2)).flip(2) - aware(x)
    assert moved.abs().max() > 1e-3


@torch.no_grad()
def test_weights_say_who_hears_whom():
    x = volumes(B=2)
    for over, shape in (("space", (2 * T, H * W)), ("time", (2 * H * W, T)), (OVER[2], (2, 12))):
        weights = block_of(over=over).weights(x)
        assert weights.shape == (*shape, shape[1])
        torch.testing.assert_close(weights.sum(dim=2), torch.ones(shape, dtype=torch.float64))
    changed = x.clone()
    changed[:, :, 0] += 1  # the first frame
    for over, hears in (("space", False), ("time", True)):
        block = block_of(over=over)
        later = (block(changed) - block(x))[:, :, 1:]
        assert bool(later.abs().max() > 1e-6) == hears


class TestNetwork:
    def made(self, **options):
        torch.manual_seed(0)
        return NonLocal(3, **{**TINY, **options}).double().eval()

    def clips(self, frames=8):
        return volumes(shape=(frames, 3, 8, 8))

    @torch.no_grad()
    def test_at_birth_it_answers_as_r3d_with_its_weights(self):
        plain = R3D(3, **TINY).double().eval()
        for at in ([], [1], [2], [1, 2, 2]):
            network = self.made(at=at)
            network.network.load_state_dict(plain.network.state_dict())
            assert torch.equal(network(self.clips()), plain(self.clips()))
            assert sum(map(len, network.blocks.values())) == len(at)
            assert torch.equal(awake(network)(self.clips()), plain(self.clips())) == (not at)

    @torch.no_grad()
    def test_blind_after_frames_alone_and_not_after_volumes_or_with_positions(self):
        x = self.clips()
        for options, sees in (
            ({"volumes": False}, False),
            ({"volumes": False, "kind": "dot_product", "over": "time"}, False),
            ({"volumes": False, "positions": True}, True),
            ({"volumes": True}, True),
        ):
            network = awake(self.made(at=[1, 2], **options))
            for order in ([7, 6, 5, 4, 3, 2, 1, 0], [2, 5, 0, 4, 1, 3, 7, 6]):
                assert bool((network(x[:, order]) - network(x)).abs().max() > 1e-6) == sees

    @torch.no_grad()
    def test_what_a_block_is_given_can_be_asked_for(self):
        network = awake(self.made(at=[1, 2]))
        for stage, shape in ((1, (2, 4, 8, 4, 4)), (2, (2, 8, 4, 2, 2))):
            assert network.volumes_after(self.clips(), stage).shape == shape
        last = network.blocks["layer2"](network.volumes_after(self.clips(), 2))
        torch.testing.assert_close(network(self.clips()), last.mean(dim=(2, 3, 4)))

    def test_frames_of_the_2d_network_stay_apart_without_blocks(self):
        network, x = self.made(at=[], volumes=False), self.clips()
        alone = torch.stack([network(x[:, [t]]) for t in range(8)]).mean(dim=0)
        torch.testing.assert_close(network(x), alone)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "cosine"}, r"kind \('cosine'\) must be one of gaussian"),
        ({"over": "place"}, r"over \('place'\) must be one of space, time"),
        ({"at": [3]}, r"at \(3\) must be the number of a stage, 1 to 2"),
        ({"at": [1], "widths": [5, 8]}, r"channels \(5\) must be even"),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        NonLocal(3, **{**TINY, "at": [2], **options})


class TestTwins:
    def test_halves_are_same_and_different_and_blobs_are_apart(self):
        data = twins(8, num_frames=4, size=8)
        assert data.labels.tolist() == [0, 1, 0, 1] * 2
        bright = (data.tensors[:, :, :2] > 150).flatten(3).sum(dim=3)  # (N, T, red or green)
        assert ((bright.sum(dim=2) == 16).sum(dim=1) == 2).all()
        colours = (bright.sum(dim=1) > 0).sum(dim=1)
        assert torch.equal(colours == 2, data.labels == 1)

    def test_arguments(self):
        with pytest.raises(ValueError, match=r"num_frames \(1\) must be at least 2"):
            twins(4, num_frames=1)
