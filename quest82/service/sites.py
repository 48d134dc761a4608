"""Pages of video sites: the address of the video file that a page shows, found by yt-dlp.

yt-dlp is asked for the address alone; the file is fetched as any other. It runs in a process of
its own (`site_program`), which ends with the request and can connect to public addresses alone,
whatever a page, a redirect or a name server says. What remains is that a large program reads what
strangers wrote: so it is asked about sites that whoever runs the service has named, and no others.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterable

import anyio
import httpx

from .addresses import host_of
from .limits import Refused


def _command() -> list[str]:
    """The program; it finds its modules where this process does."""
    run = "from quest82.service import site_program; site_program.main()"
    return [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {run}"]


class Sites:
    """The sites whose pages are read.

    Args:
        names: of hosts, such as "youtube.com", each with all below it.
        allowed_hosts: names of hosts that may have private addresses.

    Raises:
        ValueError: if yt-dlp is not installed.
    """

    def __init__(self, names: Iterable[str], allowed_hosts: Iterable[str] = ()) -> None:
        if importlib.util.find_spec("yt_dlp") is None:
            raise ValueError('yt-dlp is not installed; pip install "quest82[sites]"')
        self.names = tuple(name.lower().removesuffix(".") for name in names)
        self.allowed_hosts = tuple(allowed_hosts)

    async def find(self, url: httpx.URL) -> str:
        """The address of the video file that a page shows.

        Raises:
            Refused: 415 if its host is none of the sites, 422 if no video file is found.
        """
        host = host_of(url)
        if not any(host == name or host.endswith(f".{name}") for name in self.names):
            raise Refused(
                415, f"{host}: sends a page, and pages are read of {', '.join(self.names)} alone"
            )
        asked = json.dumps({"url": str(url), "allowed_hosts": self.allowed_hosts}).encode()
        done = await anyio.run_process(
            _command(), input=asked, stderr=subprocess.DEVNULL, check=False
        )
        if done.returncode:
            raise Refused(
                422,
                f"{host}: no video file was found on the page; give the address of the file itself",
            )
        return json.loads(done.stdout)
