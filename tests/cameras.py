"""Servers on this machine that send moving images, as cameras do."""

from __future__ import annotations

import base64
import io
import itertools
import socketserver
import struct
import threading
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
from conftest import moving_square
from PIL import Image
from torch import Tensor


class _Served:
    """A server in a thread, between the ends of a ``with``.

    Args:
        server: it; its handlers find this object in it as `served`.
        scheme: of its address.
    """

    def __init__(self, server: socketserver.TCPServer, scheme: str) -> None:
        self.server, self.over = server, threading.Event()
        self.address = f"{scheme}://127.0.0.1:{server.server_address[1]}/live"
        server.served = self
        server.handle_error = lambda *args: None

    def __enter__(self):
        poll = {"poll_interval": 0.01}
        threading.Thread(target=self.server.serve_forever, kwargs=poll, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass


class Camera(_Served):
    """Sends moving JPEGs; one connection after the other, each of so many images.

    Args:
        lengths: of the connections; those after them are refused.
        at: called with the number of each image.
    """

    def __init__(self, *lengths, at=lambda number: None):
        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), _Images), "http")
        self.lengths, self.at = list(lengths), at


class _Images(_Handler):
    def do_GET(self):
        camera = self.server.served
        if not camera.lengths:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
        self.end_headers()
        frames = itertools.cycle(moving_square(25))
        for number, frame in enumerate(itertools.islice(frames, camera.lengths.pop(0))):
            buffer = io.BytesIO()
            Image.fromarray(frame.permute(1, 2, 0).numpy()).save(buffer, "JPEG")
            head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {buffer.tell()}\r\n\r\n"
            self.wfile.write(head.encode() + buffer.getvalue() + b"\r\n")
            camera.at(number)
            if camera.over.wait(0.02):
                return


class Film(_Served):
    """Sends an MPEG transport stream of 25 frames per second, and not how long it is."""

    def __init__(self, frames: Tensor) -> None:
        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), _Bytes), "http")
        buffer = io.BytesIO()
        with av.open(buffer, "w", format="mpegts") as container:
            output = container.add_stream("libx264", rate=25, options={"tune": "zerolatency"})
            _, _, output.height, output.width = frames.shape
            for pixels in frames.permute(0, 2, 3, 1).contiguous().numpy():
                container.mux(output.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(output.encode())
        self.body = buffer.getvalue()


class _Bytes(_Handler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.served.body)


class RTSPCamera(_Served):
    """Speaks as much RTSP as is needed: H.264 within the connection (RFC 2326, RFC 6184).

    The first frames go out at once, as what an encoder has just kept, the others at their pace.
    """

    def __init__(self, frames: Tensor) -> None:
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Conversation)
        server.daemon_threads = True
        super().__init__(server, "rtsp")
        self.units_of_frames = [_units(packet) for packet in _h264(frames)]
        sets = [unit for unit in self.units_of_frames[0] if unit[0] & 31 in (7, 8)]
        self.description = (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:video\r\n"
            "a=fmtp:96 packetization-mode=1;sprop-parameter-sets="
            + ",".join(base64.b64encode(unit).decode() for unit in sets)
            + "\r\n"
        )


class _Conversation(socketserver.StreamRequestHandler):
    timeout = 10

    def handle(self):
        camera, method = self.server.served, ""
        while method != "PLAY":
            lines = list(iter(lambda: self.rfile.readline().decode().strip(), ""))
            if not lines:
                return
            method = lines[0].split()[0]
            number = next(line for line in lines if line.lower().startswith("cseq"))
            text = camera.description if method == "DESCRIBE" else ""
            told = {
                "DESCRIBE": f"Content-Type: application/sdp\r\nContent-Length: {len(text)}\r\n",
                "SETUP": "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n",
            }.get(method, "")
            self.wfile.write(f"RTSP/1.0 200 OK\r\n{number}\r\n{told}\r\n{text}".encode())
        self._play(camera)

    def _play(self, camera: RTSPCamera) -> None:
        numbers = itertools.count()
        for t, units in enumerate(camera.units_of_frames):
            for unit in units:
                kind = 96 | (128 if unit is units[-1] else 0)  # the mark ends a frame
                packet = struct.pack(">BBHII", 128, kind, next(numbers), t * 3600, 1) + unit
                self.wfile.write(b"$\0" + struct.pack(">H", len(packet)) + packet)
            if t > 25 and camera.over.wait(0.04):
                return


def _h264(frames: Tensor) -> list[bytes]:
    """A packet for each frame, coded at once and in one slice."""
    context = av.CodecContext.create("libx264", "w")
    _, _, context.height, context.width = frames.shape
    context.pix_fmt, context.time_base = "yuv420p", Fraction(1, 25)
    context.options = {"tune": "zerolatency", "g": "10", "x264-params": "slices=1"}
    packets = []
    for t, pixels in enumerate(frames.permute(0, 2, 3, 1).contiguous().numpy()):
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = t, context.time_base
        packets += map(bytes, context.encode(frame))
    return packets


def _units(packet: bytes) -> list[bytes]:
    """The units of a packet, without the codes at which they start."""
    units = packet.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    return [unit for unit in units if unit]
