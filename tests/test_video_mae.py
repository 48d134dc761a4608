"""VideoMAE: laws of its masks and tubelets, and transformers' own with the same weights."""

import json
from dataclasses import replace

import pytest
import safetensors.torch
import torch
from torch import nn

from quest82 import plots
from quest82.data import clips as clip_lists
from quest82.data import motions
from quest82.essences import extract
from quest82.essences.engines import PlainEngine, open_engine
from quest82.frames.view import ViewSpec
from quest82.learning import TrainConfig, evaluate, fit
from quest82.learning.pretraining import MaskedPixels, ReversalContrast
from quest82.learning.probing import evaluate_probe, features_of, fit_probe
from quest82.systems import video_mae_files
from quest82.systems.backbones import open_backbone
from quest82.systems.initial import drawn
from quest82.systems.parts.imagenet import IMAGENET_MEAN, IMAGENET_STD
from quest82.systems.parts.mae_block import AttentionBlock, sines
from quest82.systems.parts.masks import MASKS, num_hidden
from quest82.systems.parts.tubelet_pixels import normalised, put_together, tubelets
from quest82.systems.video_backbone import VideoMAEBackbone
from quest82.systems.video_mae import MaskedAutoencoder, VideoMAE, reconstructed

TINY = {"width": 8, "depth": 2, "num_heads": 2, "patch_size": 4}
CLIPS = torch.rand(3, 6, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def tiny(seed=0, dtype=torch.float32):
    def make():
        return MaskedAutoencoder(VideoMAE(3, **TINY), width=4, depth=1, num_heads=2)

    return drawn(make, seed=seed, dtype=dtype)


def mask_of(name="tube", share=0.75, B=3):
    return MASKS[name](B, 3, 16, share, torch.Generator().manual_seed(1))


class TestMasks:
    @pytest.mark.parametrize("name", MASKS)
    @pytest.mark.parametrize("share", [0.5, 0.75, 0.9, 0.95])
    def test_as_many_are_hidden_of_each_clip_and_clips_differ(self, name, share):
        moments = 20 if name == "frame" else 3
        hidden = MASKS[name](50, moments, 16, share, torch.Generator().manual_seed(0))
        assert hidden.shape == (50, moments * 16)
        assert hidden.dtype == torch.bool
        assert len(hidden.sum(dim=1).unique()) == 1
        assert len(hidden.unique(dim=0)) > 10
        of = {"tube": 16, "frame": moments, "random": moments * 16}[name]
        assert hidden[0].sum() == num_hidden(of, share) * moments * 16 // of

    def test_a_tube_goes_through_all_moments_and_a_frame_over_all_positions(self):
        tube, frame = (mask_of(name, 0.7).unflatten(1, (3, 16)) for name in ("tube", "frame"))
        assert (tube == tube[:, :1]).all()
        assert (frame == frame[:, :, :1]).all()
        anywhere = mask_of("random").unflatten(1, (3, 16))
        assert not (anywhere == anywhere[:, :1]).all()

    def test_every_position_is_hidden_as_often(self):
        often = MASKS["tube"](4000, 1, 16, 0.75, torch.Generator().manual_seed(0)).double().mean(0)
        assert (often - 0.75).abs().max() < 0.03

    def test_nothing_and_everything_are_refused(self):
        assert [num_hidden(16, share) for share in (0.75, 0.9, 0.95)] == [12, 14, 15]
        for share in (0.01, 0.99):
            with pytest.raises(ValueError, match="must hide at least 1 of 16 and leave at least 1"):
                mask_of("tube", share)
        with pytest.raises(ValueError, match=r"mask .'cube'. must be one of tube, frame, random"):
            MaskedPixels("cube")
        with pytest.raises(ValueError, match=r"share .1.0. must be above 0 and below 1"):
            MaskedPixels(share=1.0)


class TestTubelets:
    def test_cutting_and_putting_together_are_each_others_inverse(self):
        cut = tubelets(CLIPS, 2, 4)
        assert cut.shape == (3, 3 * 4 * 4, 2 * 4 * 4 * 3)
        assert torch.equal(put_together(cut, tuple(CLIPS.shape), 2, 4), CLIPS)

    def test_a_tubelet_is_a_block_of_the_clip(self):
        cut = tubelets(CLIPS, 2, 4).unflatten(1, (3, 4, 4))
        block = CLIPS[:, 2:4, :, 4:8, 8:12]  # second moment, second row, third column
        assert torch.equal(cut[:, 1, 1, 2], block.permute(0, 1, 3, 4, 2).flatten(1))

    def test_brightness_and_contrast_of_a_colour_do_not_count(self):
        cut = tubelets(CLIPS.double(), 2, 4)
        target = normalised(cut, 3)
        pixels = target.unflatten(2, (-1, 3))
        torch.testing.assert_close(pixels.mean(dim=2), torch.zeros(3, 48, 3).double())
        torch.testing.assert_close(
            pixels.var(dim=2), torch.ones(3, 48, 3).double(), rtol=1e-4, atol=0
        )
        scale = torch.tensor([0.2, 1.0, 3.0]).double().view(3, 1, 1)
        other = normalised(tubelets(CLIPS.double() * scale + 0.1, 2, 4), 3)
        torch.testing.assert_close(other, target, rtol=1e-4, atol=1e-4)

    def test_what_cannot_be_cut_is_refused(self):
        for shape in ((1, 5, 3, 16, 16), (1, 6, 3, 18, 16), (1, 6, 3, 16, 18)):
            with pytest.raises(
                ValueError, match=r"cut into tubelets of 2 frames .* without a rest"
            ):
                tiny().encoder(torch.rand(shape))


class TestAutoencoder:
    def test_what_is_hidden_is_not_seen(self):
        model, hidden = tiny(), mask_of()
        other = put_together(
            tubelets(CLIPS, 2, 4).masked_fill(hidden[..., None], 0.7), tuple(CLIPS.shape), 2, 4
        )
        assert not torch.equal(other, CLIPS)
        assert torch.equal(model(other, hidden), model(CLIPS, hidden))
        seen = model.encoder.tokens(CLIPS, hidden)
        assert seen.shape == (3, 3 * 4, 8)  # a quarter of 48 tokens: what makes it cheap

    def test_only_hidden_tubelets_count(self):
        model, hidden = tiny(), mask_of()
        model.loss(clips := CLIPS.clone().requires_grad_(), hidden)
        error = (model(clips, hidden) - model.targets(clips, hidden)).square()
        assert error.shape == (3, 36, 96)
        torch.testing.assert_close(model.loss(clips, hidden), error.mean())
        whole = normalised(tubelets(CLIPS, 2, 4), 3)
        assert torch.equal(model.targets(CLIPS, hidden), whole[hidden].view(3, 36, 96))

    def test_gradients_reach_every_weight(self):
        model = tiny()
        model.loss(CLIPS, mask_of()).backward()
        for name, weight in model.named_parameters():
            assert weight.grad.abs().sum() > 0, name

    def test_reconstructions_keep_what_is_visible_and_brightness(self):
        model, hidden = tiny(), mask_of()
        shown = reconstructed(model, CLIPS, hidden)
        ours, theirs = (tubelets(x, 2, 4) for x in (shown, CLIPS))
        assert torch.equal(ours[~hidden], theirs[~hidden])
        assert not torch.equal(ours[hidden], theirs[hidden])
        perfect = tiny()
        perfect.forward = perfect.targets
        torch.testing.assert_close(reconstructed(perfect, CLIPS, hidden), CLIPS)

    def test_moments_are_means_of_their_tokens(self):
        encoder = tiny().encoder
        tokens = encoder.tokens(CLIPS)
        expected = encoder.norm(tokens[:, 16:32].mean(dim=1))
        assert encoder.moments(CLIPS).shape == (3, 3, 8)
        torch.testing.assert_close(encoder.moments(CLIPS)[:, 1], expected)
        torch.testing.assert_close(encoder(CLIPS), encoder.norm(tokens.mean(dim=1)))

    def test_the_bias_of_keys_does_nothing(self):
        block, x = AttentionBlock(8, 2).double(), torch.randn(2, 5, 8).double()
        before = block(x)
        with torch.no_grad():
            block.queries_keys_values.bias[8:16] += 3
        torch.testing.assert_close(block(x), before)

    def test_heads_share_the_width(self):
        with pytest.raises(ValueError, match=r"width .9. must be a multiple of num_heads .2."):
            AttentionBlock(9, 2)


class TestPretraining:
    clips = motions.clips(4, kinds=["across", "turn"], size=16)

    def train(self, model, objective, epochs=8, labels=None):
        config = TrainConfig(epochs=epochs, batch_size=4, learning_rate=3e-3, objective=objective)
        clips = self.clips if labels is None else replace(self.clips, labels=labels)
        return fit(model, clips, config)

    def test_filling_in_is_learned_without_labels(self):
        losses = []
        for labels in (self.clips.labels, self.clips.labels.flip(0)):
            found = self.train(tiny(), MaskedPixels(share=0.75), labels=labels)
            losses.append(found.train_loss)
        assert losses[0] == losses[1]
        assert losses[0][-1] < losses[0][0]

    def test_watching_is_repeatable_and_says_what_is_explained(self):
        objective, model = MaskedPixels(share=0.75), tiny()
        loss, explained = objective.watch(model, self.clips)
        assert (loss, explained) == objective.watch(model, self.clips)
        assert explained < 1 - loss  # grey has a loss of 31/32 here
        grey = tiny()
        nn.init.zeros_(grey.head.weight)
        loss, explained = objective.watch(grey, self.clips)
        assert loss == pytest.approx(31 / 32, abs=1e-3)
        assert explained == pytest.approx(0, abs=1e-6)

    def test_contrast_with_the_reverse_unlearns_it(self):
        model = tiny().encoder
        before = self.gap(model)
        history = self.train(model, ReversalContrast(), epochs=25)
        assert history.train_loss[-1] < history.train_loss[0]
        assert self.gap(model) < 0.75 * before
        loss, found = ReversalContrast().watch(model, self.clips)
        assert loss > 0
        assert 0 <= found <= 1

    def gap(self, model):
        """Distance of a clip to its reverse as a share of that to other clips."""
        here, there = (features_of(model, x) for x in (self.clips, self.clips.backwards()))
        apart = torch.cdist(here, here).sum() / (len(here) * (len(here) - 1))
        return ((here - there).norm(dim=1).mean() / apart).item()

    def test_a_probe_is_a_logistic_regression(self):
        labels = torch.arange(60) % 3
        features = torch.randn(60, 5, generator=torch.Generator().manual_seed(0))
        features[:, 0] += 4 * labels
        result = evaluate_probe(fit_probe(features, labels), features, labels)
        assert result.top1 > 0.9
        assert result.logits.shape == (60, 3)


@pytest.fixture(scope="module")
def transformers():
    return pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def theirs(transformers):
    """A tiny VideoMAE of transformers, with weights that are far from their first ones."""
    config = transformers.VideoMAEConfig(
        image_size=16, patch_size=4, num_frames=6, tubelet_size=2, hidden_size=8,
        num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, use_mean_pooling=False,
        decoder_num_attention_heads=1, decoder_hidden_size=4, decoder_num_hidden_layers=1,
        decoder_intermediate_size=16,
    )  # fmt: skip
    return shaken(transformers.VideoMAEForPreTraining(config))


def shaken(model):
    drawn = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.3 * torch.randn(weight.shape, generator=drawn)
    return model.eval()


def written(model, folder, **other):
    """Its weights and config, as transformers writes them."""
    folder.mkdir(exist_ok=True)
    config = {**model.config.to_dict(), "model_type": "videomae", **other}
    (folder / "config.json").write_text(json.dumps(config, default=str))
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    safetensors.torch.save_file(state, folder / "model.safetensors")
    return folder / "model.safetensors"


@pytest.fixture(scope="module")
def file(theirs, tmp_path_factory):
    return written(theirs, tmp_path_factory.mktemp("published"))


def as_they_want(clips):
    mean, std = (torch.tensor(three).view(3, 1, 1) for three in (IMAGENET_MEAN, IMAGENET_STD))
    return (clips - mean) / std


class TestAgainstTransformers:
    def test_same_weights_same_guesses_and_loss(self, theirs, file):
        ours, config = video_mae_files.load_autoencoder(file)
        assert config["num_frames"] == 6
        for name in ("tube", "random"):
            hidden = mask_of(name)
            with torch.no_grad():
                expected = theirs(as_they_want(CLIPS), hidden)
                torch.testing.assert_close(
                    ours(CLIPS, hidden), expected.logits, rtol=1e-4, atol=1e-4
                )
                torch.testing.assert_close(ours.loss(CLIPS, hidden), expected.loss)

    def test_same_weights_same_tokens(self, theirs, file):
        encoder, _ = video_mae_files.load_encoder(file)
        with torch.no_grad():
            expected = theirs.videomae(as_they_want(CLIPS)).last_hidden_state
            found = encoder.norm(encoder.tokens(CLIPS))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)

    def test_a_fine_tuned_one_gives_the_same_features(self, transformers, theirs, tmp_path):
        config = theirs.config.__class__(**{**theirs.config.to_dict(), "use_mean_pooling": True})
        model = shaken(transformers.VideoMAEForVideoClassification(config))
        file = written(model, tmp_path / "tuned")
        encoder, _ = video_mae_files.load_encoder(file)
        with torch.no_grad():
            features = encoder(CLIPS)
            expected = model(as_they_want(CLIPS)).logits
        torch.testing.assert_close(model.classifier(features), expected, rtol=1e-4, atol=1e-4)
        with pytest.raises(ValueError, match="hold no decoder"):
            video_mae_files.load_autoencoder(file)

    def test_files_of_before_2026_call_biases_otherwise(self, theirs, file, tmp_path):
        state = {}
        for name, tensor in safetensors.torch.load_file(file).items():
            for part in ("query", "value"):
                name = name.replace(f"attention.{part}.bias", f"attention.{part[0]}_bias")
            state[name] = tensor
        assert "videomae.encoder.layer.0.attention.attention.q_bias" in state
        safetensors.torch.save_file(state, tmp_path / "model.safetensors")
        (tmp_path / "config.json").write_text(file.with_name("config.json").read_text())
        old, new = (
            video_mae_files.load_encoder(f)[0] for f in (tmp_path / "model.safetensors", file)
        )
        assert torch.equal(old(CLIPS), new(CLIPS))

    def test_positions_are_theirs(self, transformers):
        from transformers.models.videomae import modeling_videomae

        table = modeling_videomae.get_sinusoid_encoding_table(40, 12)[0]
        torch.testing.assert_close(sines(40, 12).float(), table)

    def test_what_is_no_checkpoint_is_refused_by_name(self, theirs, file, tmp_path):
        with pytest.raises(ValueError, match=r"none.safetensors.*there is no such file"):
            video_mae_files.load_encoder(tmp_path / "none.safetensors")
        alone = tmp_path / "model.safetensors"
        alone.write_bytes(file.read_bytes())
        with pytest.raises(ValueError, match=r"config.json.*there is no such file"):
            video_mae_files.load_encoder(alone)
        with pytest.raises(ValueError, match="of 'vivit', not of 'videomae'"):
            video_mae_files.load_encoder(written(theirs, tmp_path / "a", model_type="vivit"))
        with pytest.raises(ValueError, match="not those that its config.json describes"):
            video_mae_files.load_encoder(written(theirs, tmp_path / "b", num_hidden_layers=3))
        with pytest.raises(ValueError, match=r"intermediate_size .9. must be 4 times"):
            video_mae_files.load_encoder(written(theirs, tmp_path / "c", intermediate_size=9))
        broken = written(theirs, tmp_path / "d")
        broken.write_bytes(b"no weights")
        with pytest.raises(ValueError, match="not a safetensors file"):
            video_mae_files.load_encoder(broken)


class TestBackbone:
    def test_an_essence_of_each_moment(self, file):
        backbone = open_backbone("video_mae", file).train()
        assert isinstance(backbone, VideoMAEBackbone)
        assert not backbone.training
        essences = backbone(CLIPS)
        assert essences.shape == (3, 3, 8) == (3, backbone.moments_in(6, 16), backbone.num_features)
        assert torch.equal(essences, video_mae_files.load_encoder(file)[0].moments(CLIPS))
        assert backbone.fingerprint() == open_backbone("video_mae", file).fingerprint()

    def test_clips_of_another_length_or_size_are_refused(self, file):
        backbone = open_backbone("video_mae", file)
        with pytest.raises(ValueError, match=r"8 frames of 16 x 16 pixels must be of 6 frames"):
            backbone(torch.rand(1, 8, 3, 16, 16))
        with pytest.raises(ValueError, match="needs the file of its weights"):
            open_backbone("video_mae")

    def test_openvino_reads_whole_clips(self, file):
        pytest.importorskip("openvino")
        backbone = open_backbone("video_mae", file)
        frames = (255 * CLIPS).byte().flatten(0, 1)
        engine, plain = open_engine(backbone, size=16), PlainEngine(backbone, 16)
        expected = torch.cat([plain(clip) for clip in frames.split(6)])
        assert engine.name == "openvino"
        assert (engine(frames) - expected).abs().max() <= 1e-5 * expected.abs().max()
        with pytest.raises(ValueError, match=r"frames \(5\) must be whole clips of 6"):
            engine(frames[:5])

    def test_a_store_has_a_row_per_moment(self, file, write_clip, tmp_path):
        for name in ("a/1.mp4", "b/1.mp4"):
            write_clip(f"clips/{name}", num_frames=8)
        found = clip_lists.from_folder(tmp_path / "clips")
        backbone, spec = open_backbone("video_mae", file), ViewSpec(num_frames=6, size=16)
        how = {"num_workers": 0, "progress": False}
        data = extract(found, backbone, tmp_path / "store", spec, **how)
        assert data.essences.shape == (2, 3, 8)
        assert data.settings["backbone"] == "video_mae"
        with pytest.raises(ValueError, match=r"8 frames of 16 pixels must be of 6 frames"):
            extract(found, backbone, tmp_path / "new", ViewSpec(num_frames=8, size=16), **how)
        assert not (tmp_path / "new").exists()


def test_a_veil_hides_what_the_network_does_not_see():
    frames = (255 * CLIPS[0]).byte()
    hidden = mask_of()[0].unflatten(0, (3, 4, 4))
    grey = plots.veiled(frames, hidden) != frames
    whole = hidden.repeat_interleave(2, 0).repeat_interleave(4, 1).repeat_interleave(4, 2)
    assert not grey[(~whole)[:, None].expand_as(grey)].any()
    assert (plots.veiled(frames, hidden)[whole[:, None].expand_as(grey)] == 200).all()


def test_a_system_learns_from_the_encoder_that_was_pretrained():
    """A classifier on the encoder fine-tunes it: the same network, and it changes."""
    from quest82.systems.classifier import Classifier

    model, data = tiny(), motions.clips(4, kinds=["across", "turn"], size=16)
    before = model.encoder.embedding.weight.clone()
    classifier = Classifier(model.encoder, 2)
    fit(classifier, data, TrainConfig(epochs=1))
    assert isinstance(classifier.aggregator, nn.Module)
    assert not torch.equal(before, model.encoder.embedding.weight)
    assert evaluate(classifier, data).logits.shape == (8, 2)
