"""Optical flow against motions that are known, and against other people's flow."""

import builtins
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import safetensors.torch
import torch
from torchvision.models.optical_flow import raft_small
from torchvision.utils import flow_to_image

from quest82 import plots
from quest82.data import motions
from quest82.data.clips import from_folder
from quest82.download import FetchError, sha256_of
from quest82.frames import raft
from quest82.frames.flow import METHODS, end_point_error, flow_of
from quest82.frames.flow_bytes import from_bytes, stacked, to_bytes
from quest82.frames.flow_set import FlowSet, FlowSpec
from quest82.frames.frame_set import FrameSet
from quest82.frames.lucas_kanade import lucas_kanade, pyramid, warp
from quest82.frames.view import ViewSpec
from quest82.plots import colour_wheel, flow_colours

OFFLINE = [name for name in METHODS if name != "raft"]
SPEC = ViewSpec(num_frames=4, size=32, sampler="strided", stride=1, num_views=9)


def texture(shift=(0.0, 0.0), *, size=48, seed=0):
    """A grey image (size, size) of 40 waves, moved by some pixels: exact at any shift."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size].astype(float)
    frequencies, phases = draw.uniform(-0.12, 0.12, (40, 2)), draw.uniform(0, 6.3, 40)
    waves = [
        np.cos(2 * np.pi * (a * (x - shift[0]) + b * (y - shift[1])) + phase)
        for (a, b), phase in zip(frequencies, phases, strict=True)
    ]
    return torch.from_numpy(0.5 + 0.025 * sum(waves)).clamp(0, 1)


def moving(step, num_frames=2, **options):
    """uint8 frames (T, 3, size, size) that move by (x, y) pixels in each step."""
    shifts = [(t * step[0], t * step[1]) for t in range(num_frames)]
    grey = torch.stack([texture(shift, **options) for shift in shifts])
    return (255 * grey).round().byte()[:, None].expand(-1, 3, -1, -1)


def error_of(found, step, margin=8):
    """The mean end-point error in pixels, away from the edge, over which points come in."""
    inner = found[..., margin:-margin, margin:-margin]
    return end_point_error(inner, torch.tensor(step).view(2, 1, 1).expand_as(inner))


@pytest.mark.parametrize("name", OFFLINE)
@pytest.mark.parametrize("step", [(0.4, 0.0), (0.0, -0.4), (0.3, 0.2)])
def test_small_motions_are_found_by_all(name, step):
    found = flow_of(moving(step), name)
    assert found.shape == (1, 2, 48, 48)
    assert found.dtype == torch.float32
    assert error_of(found, step) < 0.06


@pytest.mark.parametrize("name", ["pyramid", "dis", "farneback"])
def test_larger_motions_need_several_steps(name):
    step = (4.0, -2.0)
    assert error_of(flow_of(moving(step), name), step) < 0.1
    assert error_of(flow_of(moving(step), "lucas_kanade"), step) > 1


def test_a_pyramid_finds_what_one_level_does_not():
    first, second = texture()[None], texture((6.0, 0.0))[None]
    assert error_of(pyramid(first, second), (6.0, 0.0)) < 0.1
    assert error_of(pyramid(first, second, levels=1, steps=9), (6.0, 0.0)) > 1


def test_one_step_solves_the_least_squares_of_its_window():
    """Against numpy's solver, at one pixel, with the regulariser as two more equations."""
    first, second = texture(), texture((0.5, -0.3))
    found = lucas_kanade(first[None], second[None])[0, :, 20, 31]
    gy, gx = np.gradient(((first + second) / 2).numpy())
    window = np.s_[17:24, 28:35]
    change = (second - first).numpy()[window].ravel()
    weak = np.sqrt(49 * 1e-4) * np.eye(2)
    matrix = np.concatenate([np.stack([gx[window].ravel(), gy[window].ravel()], 1), weak])
    solved, *_ = np.linalg.lstsq(matrix, np.concatenate([-change, [0, 0]]), rcond=None)
    np.testing.assert_allclose(found.numpy(), solved, atol=1e-9)


def test_along_an_edge_and_on_blank_ground_the_start_stays():
    """The aperture problem: stripes that move right and down show the motion to the right."""
    x = torch.arange(48).expand(1, 48, 48).double()
    stripes = [0.5 + 0.4 * torch.sin((x - step) / 3) for step in (0, 0.5)]
    for down in (0.0, 3.0):
        start = torch.tensor([0.0, down]).double().view(1, 2, 1, 1).expand(1, 2, 48, 48)
        found = lucas_kanade(*stripes, start=start)
        assert (found[0, 1, 8:-8] - down).abs().max() < 1e-9
        assert (found[0, 0, 8:-8, 8:-8] - 0.5).abs().max() < 0.05
        blank = torch.full((1, 48, 48), 0.3).double()
        torch.testing.assert_close(lucas_kanade(blank, blank, start=start), start.contiguous())


def test_a_change_of_light_is_taken_for_motion():
    """Nothing moves, but 6 % more light: flow appears where there is none."""
    frames = moving((0.0, 0.0))
    lighter = (frames[1].double() * 1.06).round().byte()
    for name in ("lucas_kanade", "pyramid"):
        assert flow_of(frames, name).abs().max() < 1e-4
        assert error_of(flow_of(torch.stack([frames[0], lighter]), name), (0.0, 0.0)) > 0.1


def test_the_end_point_error_counts_the_pixels_that_are_asked_for():
    exact = torch.zeros(1, 2, 2, 2)
    found = torch.tensor([[3.0, 0.0], [0.0, 1.0]]).expand(1, 2, 2, 2) * torch.tensor(
        [1.0, 4 / 3]
    ).view(2, 1, 1)
    assert end_point_error(found, exact) == pytest.approx((5 + 5 / 3) / 4)
    where = torch.tensor([[[True, False], [False, False]]])
    assert end_point_error(found, exact, where) == pytest.approx(5)
    with pytest.raises(ValueError, match=r"found \(2, 2, 2\) must have the shape of exact"):
        end_point_error(found[0], exact)
    with pytest.raises(ValueError, match="where must hold one pixel"):
        end_point_error(found, exact, ~where & where)


def test_the_exact_flow_of_a_drawn_scene_is_found_on_its_shape():
    """The formula of `data.motions` and OpenCV agree on what a pixel does."""
    for scene in motions.scenes(2, kinds=["across", "upright"], seed=4):
        centre = 0.5 + (scene.path.centre - scene.path.centre[0]) / 4  # 1 or 2 pixels a frame
        path = replace(scene.path, centre=centre, size=scene.path.size * 0 + 0.3)
        scene = replace(scene, noise=0.0, path=path)
        frames = torch.from_numpy(motions.render(scene, 64)[:2])
        exact, known = (torch.from_numpy(part[:1]) for part in motions.flow_of(scene, 64))
        moves = known & (exact.norm(dim=1) > 0)
        assert moves.sum() > 100
        assert end_point_error(flow_of(frames, "dis"), exact, moves) < 0.5


def test_warping_by_the_flow_brings_the_second_image_back():
    first, second = texture()[None], texture((1.5, -0.5))[None]
    step = torch.tensor([1.5, -0.5]).double().view(1, 2, 1, 1).expand(1, 2, 48, 48)
    back = warp(second, step)[0, 4:-4, 4:-4]
    assert (back - first[0, 4:-4, 4:-4]).abs().max() < 0.02
    whole = torch.zeros(1, 2, 48, 48).double()
    whole[:, 0] = 3
    assert torch.allclose(warp(second, whole)[0, :, :-3], second[0, :, 3:], atol=1e-12)


@pytest.mark.parametrize("name", OFFLINE)
def test_backwards_flow_is_minus_the_flow_in_opposite_order(name):
    frames = moving((0.6, -0.3), num_frames=4)
    there, back = flow_of(frames, name), flow_of(frames.flip(0), name)
    off = (there + back.flip(0)).abs()
    if name == "lucas_kanade":
        assert off.max() < 1e-4
        assert (there.mean((0, 2, 3)) + back.mean((0, 2, 3))).abs().max() < 1e-5
    assert off[..., 8:-8, 8:-8].mean() < 0.1


@pytest.mark.parametrize("name", OFFLINE)
def test_mirrored_frames_have_the_mirrored_flow_with_x_the_other_way(name):
    frames = moving((1.0, 0.5))
    mirrored = flow_of(frames, name).flip(-1) * torch.tensor([-1.0, 1.0]).view(2, 1, 1)
    off = (flow_of(frames.flip(-1), name) - mirrored)[..., 8:-8, 8:-8]
    assert off.abs().mean() < 0.03


@pytest.mark.parametrize("name", OFFLINE)
def test_pairs_do_not_mix(name):
    frames = torch.cat([moving((0.4, 0.1)), moving((-0.5, 0.2), seed=1)])
    together = flow_of(frames, name)
    assert together.shape == (3, 2, 48, 48)
    for t in range(3):
        torch.testing.assert_close(together[t : t + 1], flow_of(frames[t : t + 2], name))


def test_what_cannot_have_flow_is_refused(monkeypatch):
    frames = moving((1.0, 0.0))
    with pytest.raises(ValueError, match=r"method \('hs'\) must be one of lucas_kanade"):
        flow_of(frames, "hs")
    for bad in (frames[:1], frames.float(), frames[:, :1]):
        with pytest.raises(ValueError, match="must be uint8 of shape"):
            flow_of(bad)
    with pytest.raises(ValueError, match="12 pixels a side"):
        flow_of(frames[..., :9], "dis")
    ours = flow_of(frames, lambda given: torch.zeros(len(given) - 1, 2, *given.shape[2:]))
    assert ours.shape == (1, 2, 48, 48)
    load = builtins.__import__

    def without_opencv(name, *args, **kwargs):
        if name == "cv2":
            raise ModuleNotFoundError(name=name)
        return load(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_opencv)
    with pytest.raises(ValueError, match=r"pip install 'quest82\[flow\]'"):
        flow_of(frames, "farneback")


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return raft_small(weights=None).eval()


class TestRaft:
    @pytest.mark.parametrize("ending", ["pth", "safetensors"])
    def test_its_weights_come_from_a_file_and_frames_of_any_size_fit(
        self, network, tmp_path, ending
    ):
        path = tmp_path / f"raft.{ending}"
        save = torch.save if ending == "pth" else safetensors.torch.save_file
        save(network.state_dict(), path)
        frames = moving((2.0, 1.0), size=132)
        found = raft.raft(frames, weights=path)
        with torch.no_grad():
            images = torch.nn.functional.pad(
                frames.float() / 127.5 - 1, (0, 4, 0, 4), mode="replicate"
            )
            expected = network(images[:1], images[1:])[-1]
        torch.testing.assert_close(found, expected[..., :132, :132], atol=1e-4, rtol=1e-4)

    def test_frames_that_are_too_small_and_files_of_something_else_are_refused(self, tmp_path):
        with pytest.raises(ValueError, match=r"frames \(48 x 48\) must have 128 pixels"):
            flow_of(moving((1.0, 0.0)), "raft")
        frames = torch.zeros(2, 3, 128, 128, dtype=torch.uint8)
        (tmp_path / "no.pth").write_bytes(b"nothing")
        safetensors.torch.save_file({"a": torch.ones(1)}, tmp_path / "no.safetensors")
        for name in ("no.pth", "no.safetensors", "missing.pth"):
            with pytest.raises(ValueError, match=r"not a state dict of torchvision's raft_small"):
                raft.raft(frames, weights=tmp_path / name)

    def test_weights_come_from_the_cache_or_its_address_or_not_at_all(
        self, network, web, tmp_path, monkeypatch
    ):
        torch.save(network.state_dict(), tmp_path / "it.pth")
        name = f"raft_small_C_T_V2-{sha256_of(tmp_path / 'it.pth')[:8]}.pth"
        monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
        monkeypatch.setattr(raft, "ADDRESS", web.url(name))
        with pytest.raises(FetchError, match=f"put the file {name} into .*checkpoints"):
            raft.checkpoint()
        web.files[name] = b"another"
        with pytest.raises(FetchError, match="not that in its name"):
            raft.checkpoint()
        (tmp_path / "checkpoints" / name).unlink()
        web.files[name] = (tmp_path / "it.pth").read_bytes()
        frames = moving((2.0, 1.0), size=128)
        found, asked = flow_of(frames, "raft"), len(web.requests)
        torch.testing.assert_close(found, raft.raft(frames, weights=tmp_path / "it.pth"))
        raft.checkpoint()
        assert len(web.requests) == asked


@pytest.mark.parametrize("bound", [1.0, 8.0, 20.0])
def test_bytes_are_off_by_half_a_step_at_most(bound):
    values = torch.linspace(-bound, bound, 4001).view(1, 1, -1)
    stored = to_bytes(values, bound=bound)
    back = from_bytes(stored.bytes, bound=bound)
    assert (back - values).abs().max() <= bound / 254 * (1 + 1e-5)
    assert stored.saturated == 0
    assert torch.equal(to_bytes(back, bound=bound).bytes, stored.bytes)
    assert torch.equal(from_bytes(to_bytes(-values, bound=bound).bytes, bound=bound), -back)


def test_what_is_beyond_the_bound_is_clipped_and_counted():
    values = torch.tensor([0.0, 3.0, -5.0, 4.0, 90.0, -4.5])
    stored = to_bytes(values, bound=4.0)
    assert stored.saturated == 3
    assert stored.bytes.tolist() == [128, 223, 1, 255, 255, 1]
    assert from_bytes(stored.bytes, bound=4.0)[[0, 2, 4]].tolist() == [0, -4, 4]
    with pytest.raises(ValueError, match=r"bound \(0\) must be above 0 pixels"):
        to_bytes(values, bound=0)
    with pytest.raises(ValueError, match="must be finite"):
        to_bytes(values / 0, bound=1)
    with pytest.raises(TypeError, match=r"stored \(torch.float32\) must be uint8"):
        from_bytes(values, bound=1)


def test_a_stack_has_x_and_y_of_each_step_in_turn():
    flows = torch.arange(3 * 2).view(3, 2, 1, 1).expand(3, 2, 4, 5)
    assert stacked(flows)[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert stacked(flows[None].expand(7, -1, -1, -1, -1)).shape == (7, 6, 4, 5)
    with pytest.raises(ValueError, match=r"must have the shape \(\.\.\., L, 2, H, W\)"):
        stacked(flows.transpose(0, 1))


@pytest.mark.parametrize(
    ("motion", "colour"),
    [
        ((1, 0), (255, 0, 0)),
        ((0, 1), (255, 229, 0)),  # 13.5 of the 15 steps from red to yellow
        ((-1, 0), (0, 208, 255)),
        ((0, -1), (88, 0, 255)),
        ((0.5, 0), (255, 127, 127)),
        ((0, 0), (255, 255, 255)),
        ((2, 0), (191, 0, 0)),
    ],
)
def test_colours_by_hand(motion, colour):
    shown = flow_colours(torch.tensor(motion).view(2, 1, 1), bound=1)
    assert tuple(shown.flatten().tolist()) == colour


def test_colours_are_those_of_torchvision():
    """They differ in how the wheel is rounded: by one of 255 levels."""
    found = torch.randn(2, 20, 30, generator=torch.Generator().manual_seed(0))
    off = flow_colours(found).int() - flow_to_image(found).int()
    assert off.abs().max() <= 1


def test_the_wheel_shows_no_motion_in_its_centre_and_ends_in_a_circle():
    wheel = colour_wheel(51)
    assert wheel.shape == (3, 51, 51)
    assert wheel[:, 25, 25].tolist() == wheel[:, 0, 0].tolist() == [255, 255, 255]
    assert wheel[:, 25, 50].tolist() == [255, 0, 0]


class TestFigures:
    @pytest.fixture(autouse=True)
    def close_figures(self):
        yield
        plt.close("all")

    def test_a_sheet_shows_frames_as_they_are_and_flow_in_colours(self):
        found = torch.zeros(2, 2, 8, 8)
        found[1, 0] = 3
        frames = moving((1.0, 0.0), size=8)
        axes = plots.flow_sheet({"frames": frames, "flow": found}, bound=3, titles=["a", "b"])
        cells = axes.figure.axes
        shown = [cell.images[0].get_array() for cell in cells]
        assert np.array_equal(shown[0], frames[0].permute(1, 2, 0))
        assert (shown[2] == 255).all()
        assert (shown[3] == [255, 0, 0]).all()
        titles = [cell.get_title(loc="left") for cell in cells]
        assert titles == ["frames", "", "flow", "", "rim: 3\npixels"]
        assert [cell.get_xlabel() for cell in cells[2:4]] == ["a", "b"]

    def test_arrows_are_as_long_as_the_way(self):
        found = torch.stack([torch.full((12, 12), 2.0), torch.full((12, 12), -1.0)])
        arrows = plots.flow_arrows({"a": (torch.zeros(12, 12), found)}).collections[0]
        assert arrows.U.tolist() == [2.0] * 4
        assert arrows.V.tolist() == [-1.0] * 4
        assert (arrows.scale, arrows.scale_units, arrows.angles) == (1, "xy", "xy")


class TestFlowSet:
    @pytest.fixture
    def clips(self, write_clip, tmp_path):
        for name in "ab":
            write_clip(f"clips/{name}/0.mp4", num_frames=30, size=96)
        return from_folder(tmp_path / "clips", groups=r"\d")

    def test_flow_is_that_of_the_frames_a_network_would_see(self, clips):
        data = FlowSet.of(clips, SPEC, flow=FlowSpec("pyramid", bound=2.0), num_workers=0)
        rows, views = torch.tensor([1, 0, 1]), torch.tensor([0, 1, 2])
        frames = FrameSet.of(clips, SPEC, num_workers=0).batch(rows, views)
        expected = [flow_of((255 * f).round().byte(), "pyramid") for f in frames]
        found = data.batch(rows, views)
        assert found.shape == (3, 3, 2, 32, 32)
        torch.testing.assert_close(found, (torch.stack(expected) / 2).clamp(-1, 1))
        assert found.abs().max() > 0.1

    def test_a_clip_played_backwards_has_a_flow_of_its_own(self, clips):
        data = FlowSet.of(clips, SPEC, flow=FlowSpec("lucas_kanade", bound=99), num_workers=0)
        pairs = data.reversed_pairs().subset([0, 1])
        there, back = pairs.batch(torch.tensor([0, 1]))
        assert isinstance(pairs, FlowSet)
        assert there.abs().max() > 1e-3
        torch.testing.assert_close(back, -there.flip(0), atol=1e-4, rtol=0)

    def test_by_default_sixteen_neighbours_are_taken(self, clips):
        data = FlowSet.of(clips, num_workers=0)
        assert (data.spec.sampler, data.spec.stride, data.num_frames) == ("strided", 1, 16)
        assert data.flow == FlowSpec("pyramid", 20.0)
        assert data.subset([1]).flow is data.flow

    def test_frames_that_are_no_neighbours_are_refused(self, clips):
        data = FlowSet.of(clips, SPEC, num_workers=0)
        for spec in (ViewSpec(), replace(SPEC, stride=2), replace(SPEC, num_frames=1)):
            with pytest.raises(ValueError, match="frames that are neighbours"):
                FlowSet.of(clips, spec, num_workers=0)
            with pytest.raises(ValueError, match="frames that are neighbours"):
                replace(data, spec=spec)
        with pytest.raises(ValueError, match=r"method \('x'\) must be one of"):
            FlowSpec("x")
        with pytest.raises(ValueError, match=r"bound \(0\) must be above 0"):
            FlowSpec(bound=0)
