"""ViViT, TimeSformer and pooling attention: laws of groups, and other people's code."""

import itertools

import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn

from quest82 import plots
from quest82.systems import classifier
from quest82.systems.costs import costs, kept_bytes
from quest82.systems.parts.attention import Attention, recorded_attention
from quest82.systems.parts.pooling_attention import PoolingAttention
from quest82.systems.parts.token_groups import SCHEMES, attended, comparisons, groups
from quest82.systems.parts.transformer import Block
from quest82.systems.parts.tubelets import Tubelets, averaged, central_frame, grid_of
from quest82.systems.timesformer import TimeSformer
from quest82.systems.vivit import FactorisedEncoder, ViViT

GRID = (4, 4, 6)
STEPS = ["joint", "space", "time", "width", "height", "local", "sparse"]
TINY = {"num_frames": 4, "size": 8, "patch_size": 2, "width": 8, "depth": 2, "heads": 2}


def randomised(network, seed=0):
    """Weights that are far from those of a fresh network, norms and biases too."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.3)
    return network.eval()


def clips(B=2, T=4, C=3, S=8, seed=3):
    return torch.rand(B, T, C, S, S, generator=torch.Generator().manual_seed(seed))


class TestGroups:
    @pytest.mark.parametrize("step", STEPS)
    def test_every_patch_is_in_one_group(self, step):
        cut = groups(step, GRID)
        assert cut.flatten().sort().values.tolist() == list(range(4 * 4 * 6))

    @pytest.mark.parametrize("step", STEPS)
    def test_who_attends_is_attended(self, step):
        """The relation is symmetric, and every patch attends to itself."""
        places = list(itertools.product(*map(range, GRID)))
        seen = torch.stack([attended(step, GRID, place).flatten() for place in places])
        assert torch.equal(seen, seen.T)
        assert seen.diagonal().all()

    def test_by_their_definition(self):
        query = (2, 1, 3)
        t, h, w = torch.meshgrid(*map(torch.arange, GRID), indexing="ij")
        same_place = (h == 1) & (w == 3)
        expected = {
            "joint": t >= 0,
            "space": t == 2,
            "time": same_place,
            "width": (t == 2) & (h == 1),
            "height": (t == 2) & (w == 3),
            "local": (h < 2) & (w >= 3),
            "sparse": (t % 2 == 0) & (h % 2 == 1) & (w % 2 == 1),
        }
        assert expected.keys() == set(STEPS)
        for step, mask in expected.items():
            assert torch.equal(attended(step, GRID, query), mask), step

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_after_one_block_all_have_met_but_in_space(self, scheme):
        links = torch.eye(4 * 4 * 6)
        for step in SCHEMES[scheme]:
            places = itertools.product(*map(range, GRID))
            seen = torch.stack([attended(step, GRID, place).flatten() for place in places])
            links = seen.float() @ links
        assert bool((links > 0).all()) == (scheme != "space")

    def test_comparisons_are_those_on_paper(self):
        S, T = 196, 8
        counted = {s: comparisons(steps, (T, 14, 14)) for s, steps in SCHEMES.items()}
        assert counted == {
            "space": S * T * S,
            "joint": (S * T) ** 2,
            "divided": S * T * (S + T),
            "local_global": S * T * (S * T // 4 + S * T // 8),
            "axial": S * T * (T + 14 + 14),
        }

    def test_what_cannot_be_halved_is_refused(self):
        with pytest.raises(ValueError, match=r"even sides for the step 'sparse'"):
            groups("sparse", (3, 4, 4))
        with pytest.raises(ValueError, match=r"step \('diagonal'\) must be one of"):
            groups("diagonal", GRID)


class TestAttention:
    @pytest.mark.parametrize("class_token", [False, True])
    def test_in_one_group_it_is_pytorchs(self, class_token):
        ours = Attention(8, 2, ["joint"], (2, 3, 3), class_token=class_token)
        theirs = nn.MultiheadAttention(8, 2, batch_first=True)
        theirs.load_state_dict(
            {
                "in_proj_weight": ours.qkv.weight,
                "in_proj_bias": ours.qkv.bias,
                "out_proj.weight": ours.out.weight,
                "out_proj.bias": ours.out.bias,
            }
        )
        x = torch.randn(2, 18 + class_token, 8)
        expected, weights = theirs(x, x, x, average_attn_weights=False)
        torch.testing.assert_close(ours(x), expected)
        torch.testing.assert_close(ours.weights(x)["joint"][:, :, 0], weights)

    @pytest.mark.parametrize("step", STEPS)
    def test_groups_are_a_mask_of_what_is_attended(self, step):
        ours = Attention(8, 2, [step], GRID, class_token=False)
        whole = Attention(8, 2, ["joint"], GRID, class_token=False)
        x, n = torch.randn(1, 4 * 4 * 6, 8), 4 * 4 * 6
        q, k, v = ours.qkv(x).unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4)
        places = itertools.product(*map(range, GRID))
        mask = torch.stack([attended(step, GRID, place).flatten() for place in places])
        expected = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        torch.testing.assert_close(ours(x), ours.out(expected.transpose(1, 2).flatten(2)))
        assert whole.weights(x)["joint"].shape == (1, 2, 1, n, n)

    def test_half_of_the_heads_look_over_space_and_half_over_time(self):
        both = Attention(8, 4, ["space", "time"], GRID, class_token=False)
        x = torch.randn(1, 96, 8)
        heads = both.qkv(x).unflatten(2, (3, 4, 2)).permute(2, 0, 3, 1, 4)
        found = []
        for step, share in (("space", slice(0, 2)), ("time", slice(2, 4))):
            places = itertools.product(*map(range, GRID))
            mask = torch.stack([attended(step, GRID, place).flatten() for place in places])
            q, k, v = heads[:, :, share]
            found.append(nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask))
        expected = both.out(torch.cat(found, dim=1).transpose(1, 2).flatten(2))
        torch.testing.assert_close(both(x), expected)

    def test_a_class_token_finds_the_mean_of_its_groups(self):
        one = Attention(8, 2, ["space"], (3, 2, 2), class_token=True)
        frame = Attention(8, 2, ["joint"], (1, 2, 2), class_token=True)
        frame.load_state_dict(one.state_dict())
        x = torch.randn(2, 13, 8)
        frames = x[:, 1:].unflatten(1, (3, 4))
        found = torch.stack([frame(torch.cat([x[:, :1], f], 1)) for f in frames.unbind(1)], 1)
        expected = torch.cat(
            [found[:, :, 0].mean(dim=1)[:, None], found[:, :, 1:].flatten(1, 2)], 1
        )
        torch.testing.assert_close(one(x), expected)

    def test_the_class_token_waits_for_the_last_step(self):
        block = randomised(Block(8, 2, ["time", "space"], (3, 2, 2), class_token=True))
        with torch.no_grad():
            block.attentions[1].out.weight.zero_()
            block.attentions[1].out.bias.zero_()
        x = torch.randn(2, 13, 8)
        torch.testing.assert_close(block(x)[:, 0], x[:, 0] + block.mlp(x[:, 0]))

    def test_heads_that_do_not_divide_are_refused(self):
        with pytest.raises(ValueError, match=r"heads \(3\) must divide width \(8\)"):
            Attention(8, 3, ["joint"], GRID, class_token=False)
        with pytest.raises(ValueError, match=r"multiple of the number of groupings \(2\)"):
            Attention(9, 3, ["space", "time"], GRID, class_token=False)


class TestTubelets:
    def test_a_tubelet_is_a_linear_map(self):
        tubelets, x = Tubelets(3, 5, frames=2, patch_size=4), clips()
        tokens = tubelets(x)
        assert tokens.shape == (2, 8, 5)
        last = x[:, 2:4, :, 4:, 4:].transpose(1, 2).flatten(1)
        expected = last @ tubelets.weight.flatten(1).T + tubelets.bias
        torch.testing.assert_close(tokens[:, 7], expected)

    @pytest.mark.parametrize("frames", [2, 3])
    def test_averaged_weights_see_a_still_clip_as_the_frame(self, frames):
        images = nn.Conv2d(3, 5, 4, 4)
        tubelets = Tubelets(3, 5, frames=frames, patch_size=4)
        tubelets.bias = images.bias
        still = clips()[:, :1].repeat(1, frames, 1, 1, 1)
        expected = images(still[:, 0]).flatten(2).transpose(1, 2)
        for inflated in (averaged, central_frame):
            tubelets.weight = nn.Parameter(inflated(images.weight.detach(), frames))
            torch.testing.assert_close(tubelets(still), expected)

    def test_central_weights_see_one_frame_of_any_clip(self):
        images, x = nn.Conv2d(3, 5, 4, 4), clips(T=3)
        tubelets = Tubelets(3, 5, frames=3, patch_size=4)
        tubelets.bias = images.bias
        tubelets.weight = nn.Parameter(central_frame(images.weight.detach(), 3))
        expected = images(x[:, 1]).flatten(2).transpose(1, 2)
        torch.testing.assert_close(tubelets(x), expected)
        tubelets.weight = nn.Parameter(averaged(images.weight.detach(), 3))
        assert (tubelets(x) - expected).abs().max() > 0.01
        torch.testing.assert_close(tubelets(x.flip(1)), tubelets(x))  # it is blind to order

    def test_what_does_not_fit_is_refused(self):
        assert grid_of(32, 224, frames=2, patch_size=16) == (16, 14, 14)
        with pytest.raises(ValueError, match="whole tubelets of 3 frames and 16 pixels"):
            grid_of(32, 224, frames=3, patch_size=16)


class TestViViT:
    @pytest.mark.parametrize("model", [1, 2, 3, 4])
    def test_tokens_meet_as_the_model_says(self, model):
        system = randomised(ViViT(3, model=model, tubelet_frames=2, **TINY))
        found = {k: set(v) for k, v in recorded_attention(system, clips()).items()}
        kinds = [found[f"transformer.blocks.0.attentions.{i}"] for i in range(1 + (model == 3))]
        expected = {1: [{"joint"}], 2: [{"space"}], 3: [{"space"}, {"time"}]}
        assert kinds == expected.get(model, [{"space", "time"}])
        assert len(found) == {1: 2, 2: 2 + 4, 3: 4, 4: 2}[model]

    def test_model_4_has_the_weights_of_model_1_and_model_3_more(self):
        weights = {
            m: sum(
                p.numel()
                for p in ViViT(3, model=m, tubelet_frames=2, **TINY).transformer.parameters()
            )
            for m in (1, 3, 4)
        }
        assert weights[1] - weights[4] == TINY["width"]  # the class token
        assert weights[3] - weights[4] == 2 * (4 * 8 * 8 + 4 * 8 + 2 * 8)

    def test_moments_meet_late_in_a_factorised_encoder(self):
        """The first transformer of model 2 reads each moment as if it were alone."""
        system, x = randomised(ViViT(3, model=2, tubelet_frames=2, **TINY)), clips()
        before = {}
        system.over_time.register_forward_pre_hook(
            lambda module, args: before.setdefault(len(before), args[0])
        )
        changed = x.clone()
        changed[:, 2:] = 0
        system(x), system(changed)
        torch.testing.assert_close(before[0][:, 0], before[1][:, 0])
        assert (before[0][:, 1] - before[1][:, 1]).abs().max() > 1e-3

    def test_the_factorised_encoder_is_model_2(self):
        options = {**TINY, "tubelet_frames": 2}
        ours, same = FactorisedEncoder(3, **options), ViViT(3, model=2, **options)
        same.load_state_dict(ours.state_dict())
        assert ours.options == same.options
        torch.testing.assert_close(ours(clips()), same(clips()))

    def test_the_papers_sizes(self):
        """ViT-B has 86 million weights; a joint block multiplies 4 n D^2 + 2 n^2 D + 8 n D^2."""
        with torch.device("meta"):
            model = classifier.build("vivit", 3, 400)
        n, D = 16 * 14 * 14 + 1, 768
        block = 12 * n * D * D + 2 * n * n * D
        found = costs(model, (32, 3, 224, 224))
        tubelets = (n - 1) * D * 3 * 2 * 16 * 16
        assert found.multiply_adds == tubelets + 12 * block + D * 400
        assert 87e6 < found.parameters < 90e6

    @pytest.mark.parametrize(
        ("model", "millions", "billions"),
        [(1, 88.9, 455.2), (2, 115.1, 284.4), (3, 117.3, 372.3), (4, 88.9, 277.1)],
    )
    def test_costs_are_those_of_the_papers_table(self, model, millions, billions):
        """Arnab et al. 2021, Table 2: what they count apart from products is below 1 %."""
        with torch.device("meta"):
            network = classifier.build("vivit", 3, 400, model=model)
        found = costs(network, (32, 3, 224, 224))
        assert abs(found.parameters / 1e6 - millions) < 0.1
        assert 0 < billions - found.multiply_adds / 1e9 < 0.01 * billions

    def test_unknown_models_and_other_clips_are_refused(self):
        with pytest.raises(ValueError, match=r"model \(5\) must be 1, 2, 3 or 4"):
            ViViT(3, model=5, tubelet_frames=2, **TINY)
        with pytest.raises(ValueError, match="clips have 4 frames of 16 x 16"):
            ViViT(3, tubelet_frames=2, **TINY)(clips(S=16))


class TestTimeSformer:
    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_only_space_is_blind_to_order(self, scheme):
        system, x = randomised(TimeSformer(3, scheme=scheme, **TINY)).double(), clips().double()
        for order in ([3, 2, 1, 0], [2, 0, 3, 1]):
            moved = (system(x[:, order]) - system(x)).abs().max()
            assert moved < 1e-12 if scheme == "space" else moved > 1e-6

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_without_positions_in_time_reversal_changes_nothing(self, scheme):
        system, x = randomised(TimeSformer(3, scheme=scheme, **TINY)).double(), clips().double()
        if system.times is not None:
            nn.init.zeros_(system.times)
        torch.testing.assert_close(system(x.flip(1)), system(x))

    def test_unknown_schemes_are_refused(self):
        with pytest.raises(ValueError, match=r"scheme \('all'\) must be one of space, joint"):
            TimeSformer(3, scheme="all", **TINY)

    def test_the_papers_weights(self):
        """Table 1 of the paper: 85.9 million for space and joint, 121.4 million for divided."""
        for scheme, millions in (("space", 85.9), ("joint", 85.9), ("divided", 121.4)):
            with torch.device("meta"):
                system = TimeSformer(3, scheme=scheme)
            found = sum(p.numel() for p in system.parameters())
            own = 12 * (768 * 768 + 768) if scheme == "divided" else 0  # see `copy_block`
            assert abs((found + own) / 1e6 - millions) < 0.5


def test_the_figure_paints_query_steps_and_rest():
    steps = [attended(step, (2, 2, 2), (0, 0, 0)) for step in SCHEMES["divided"]]
    axes = plots.attended_patches({"divided": steps}, (0, 0, 0))
    first, second = (cell.images[0].get_array() for cell in axes.figure.axes)
    assert len({tuple(colour) for colour in first.reshape(-1, 3)}) == 2  # query, second step
    assert tuple(second[0, 0]) != tuple(second[0, 1])  # first step, rest
    plt.close(axes.figure)


def test_the_figure_calls_steps_and_columns_as_it_is_told():
    steps = [attended("joint", (2, 2, 2), (0, 0, 0))]
    axes = plots.attended_patches({"a": steps}, (0, 0, 0), kinds=("all", "none"), column="moment")
    assert [cell.get_xlabel() for cell in axes.figure.axes] == ["moment 0", "moment 1"]
    assert [text.get_text() for text in axes.figure.legends[0].get_texts()] == ["query", "all"]
    plt.close(axes.figure)


def test_what_a_step_of_training_keeps():
    network = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3))
    assert kept_bytes(network, (5,)) == 4 * (5 + 7)  # its input, and the ReLU's output


def copy_linear(ours, *theirs):
    """One linear map of several side by side."""
    ours.weight.copy_(torch.cat([layer.weight for layer in theirs]))
    ours.bias.copy_(torch.cat([layer.bias for layer in theirs]))


def copy_norm(ours, theirs):
    ours.load_state_dict(theirs.state_dict())


@torch.no_grad()
def test_model_1_is_transformers_vivit():
    transformers = pytest.importorskip("transformers")
    config = transformers.VivitConfig(
        image_size=8, num_frames=4, tubelet_size=[2, 2, 2], hidden_size=8, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=32, hidden_act="gelu",
    )  # fmt: skip
    theirs = randomised(transformers.VivitModel(config, add_pooling_layer=False))
    ours = ViViT(3, tubelet_frames=2, **TINY).eval()
    given, (first, rest) = (
        theirs.embeddings,
        theirs.embeddings.position_embeddings[0].split([1, 64 // 2]),
    )
    ours.tubelets.load_state_dict(given.patch_embeddings.projection.state_dict())
    ours.positions.copy_(rest)
    ours.transformer.class_token.copy_(given.cls_token[0] + first)
    for block, layer in zip(ours.transformer.blocks, theirs.layers, strict=True):
        attention = layer.attention
        copy_norm(block.norms[0], layer.layernorm_before)
        copy_linear(block.attentions[0].qkv, attention.q_proj, attention.k_proj, attention.v_proj)
        copy_linear(block.attentions[0].out, attention.o_proj)
        copy_norm(block.mlp[0], layer.layernorm_after)
        copy_linear(block.mlp[1], layer.mlp.fc1)
        copy_linear(block.mlp[3], layer.mlp.fc2)
    copy_norm(ours.transformer.norm, theirs.layernorm)
    expected = theirs(ours.standardised(clips())).last_hidden_state[:, 0]
    torch.testing.assert_close(ours(clips()), expected, atol=1e-5, rtol=0)


def copy_attention(ours, theirs):
    copy_linear(ours.qkv, theirs.attention.qkv)
    copy_linear(ours.out, theirs.output.dense)


def copy_block(block, layer):
    """Theirs has two linear maps after the attention over time, with nothing between: ours one."""
    copy_norm(block.norms[-1], layer.layernorm_before)
    copy_attention(block.attentions[-1], layer.attention)
    copy_norm(block.mlp[0], layer.layernorm_after)
    copy_linear(block.mlp[1], layer.intermediate.dense)
    copy_linear(block.mlp[3], layer.output.dense)
    if len(block.norms) == 2:
        copy_norm(block.norms[0], layer.temporal_layernorm)
        copy_attention(block.attentions[0], layer.temporal_attention)
        out, after = block.attentions[0].out, layer.temporal_dense
        out.bias.copy_(after(out.bias))
        out.weight.copy_(after.weight @ out.weight)


@pytest.mark.parametrize("scheme", ["divided", "joint", "space"])
@torch.no_grad()
def test_timesformer_is_that_of_transformers(scheme):
    transformers = pytest.importorskip("transformers")
    kind = {"divided": "divided_space_time", "joint": "joint_space_time", "space": "space_only"}
    config = transformers.TimesformerConfig(
        image_size=8, patch_size=2, num_frames=4, hidden_size=8, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=32, attention_type=kind[scheme],
    )  # fmt: skip
    theirs, ours = (
        randomised(transformers.TimesformerModel(config)),
        TimeSformer(3, scheme=scheme, **TINY),
    )
    given, (first, rest) = (
        theirs.embeddings,
        theirs.embeddings.position_embeddings[0].split([1, 16]),
    )
    ours.tubelets.bias.copy_(given.patch_embeddings.projection.bias)
    ours.tubelets.weight.copy_(given.patch_embeddings.projection.weight[:, :, None])
    ours.places.copy_(rest)
    ours.transformer.class_token.copy_(given.cls_token[0] + first)
    if scheme != "space":
        ours.times.copy_(given.time_embeddings[0, :, None])
    for block, layer in zip(ours.transformer.blocks, theirs.encoder.layer, strict=True):
        copy_block(block, layer)
    copy_norm(ours.transformer.norm, theirs.layernorm)
    expected = theirs(ours.standardised(clips())).last_hidden_state[:, 0]
    if scheme == "space":  # theirs leaves a class token for each frame
        expected = expected.unflatten(0, (2, 4)).mean(dim=1)
    torch.testing.assert_close(ours.eval()(clips()), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("query_stride", [(1, 1, 1), (1, 2, 2)])
@torch.no_grad()
def test_pooling_attention_is_torchvisions(query_stride):
    """Theirs has a class token, which their pools pass by: its key is made to weigh nothing."""
    mvit = pytest.importorskip("torchvision.models.video.mvit")
    theirs = mvit.MultiscaleAttention(
        [2, 4, 4], 8, 8, 2, [3, 3, 3], [3, 3, 3], list(query_stride), [1, 2, 2],
        residual_pool=False, residual_with_cls_embed=False, rel_pos_embed=False,
        norm_layer=lambda width: nn.LayerNorm(width, eps=1e-6),
    )  # fmt: skip
    randomised(theirs)
    ours = PoolingAttention(8, 2, query_stride=query_stride, key_stride=(1, 2, 2))
    ours.qkv.load_state_dict(theirs.qkv.state_dict())
    ours.out.load_state_dict(theirs.project[0].state_dict())
    for name, pool in ours.pools.items():
        given = getattr(theirs, f"pool_{name}")
        pool.pool.load_state_dict(given.pool.state_dict())
        pool.norm.load_state_dict(given.norm_act[0].state_dict())
    x = torch.randn(2, 32, 8)
    expected = without_class_token(theirs, x)
    torch.testing.assert_close(ours(x, (2, 4, 4)), expected, atol=1e-5, rtol=0)


def without_class_token(attention, x):
    """torchvision's attention, with softmax told to pass the first key by."""
    softmax = torch.Tensor.softmax

    def passing_by(scores, dim):
        return softmax(scores.index_fill(dim, torch.tensor([0]), -torch.inf), dim=dim)

    first = torch.zeros(len(x), 1, x.shape[2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "softmax", passing_by)
        found, _ = attention(torch.cat([first, x], dim=1), (2, 4, 4))
    return found[:, 1:]
