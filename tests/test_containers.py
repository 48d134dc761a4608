"""Less common containers: what their names promise is read, frame by frame as a full decode."""

import av
import numpy as np
import pytest
from conftest import moving_square

from quest82 import video
from quest82.data.clips import from_folder
from quest82.data.files import EXTENSIONS
from quest82.frames.view import ViewSpec, take_view

# Ending -> FFmpeg's name of the container, the encoder, its pixel format.
CONTAINERS = {
    ".gif": ("gif", "gif", "rgb8"),
    ".ogv": ("ogg", "libvpx", "yuv420p"),  # Theora cannot be written with PyAV
    ".m2ts": ("mpegts", "libx264", "yuv420p"),
    ".vob": ("vob", "mpeg2video", "yuv420p"),
    ".asf": ("asf", "mpeg4", "yuv420p"),
    ".wmv": ("asf", "wmv2", "yuv420p"),
    ".flv": ("flv", "libx264", "yuv420p"),
    ".3gp": ("3gp", "mpeg4", "yuv420p"),
}
NUM_FRAMES = 30


@pytest.fixture(params=CONTAINERS, ids=lambda ending: ending[1:])
def path(request, tmp_path):
    """A clip of 30 frames, of which no two are alike."""
    kind, codec, pixels = CONTAINERS[request.param]
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV does not write {codec}")
    path = tmp_path / "class" / f"clip{request.param}"
    path.parent.mkdir()
    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = pixels
        for number, frame in enumerate(moving_square(NUM_FRAMES)):
            shown = av.VideoFrame.from_ndarray(frame.permute(1, 2, 0).numpy(), format="rgb24")
            shown.pts = number
            container.mux(stream.encode(shown.reformat(format=pixels)))
        container.mux(stream.encode())
    return path


def test_its_frames_are_those_of_a_full_decode(path):
    with av.open(str(path)) as container:
        expected = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert video.probe(path).num_frames == len(expected) == NUM_FRAMES
    wanted = [0, 17, 5, 29]
    frames = video.read_frames(path, wanted).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(frames, np.stack([expected[number] for number in wanted]))
    assert video.inspect(path).problem == ""


def test_it_is_a_clip_of_its_folder(path, tmp_path):
    assert path.suffix in EXTENSIONS
    (clip,) = from_folder(tmp_path)
    indices, frames = take_view(clip, 0, ViewSpec(num_frames=4, size=32))
    assert indices.tolist() == [3, 11, 18, 26]
    assert frames.shape == (4, 3, 32, 32)
