"""The program that asks yt-dlp for the address of a video file, and reaches public hosts alone.

Python itself reports every connection that is about to be made, and every other program that is
about to be started, to an audit hook (PEP 578), which cannot be taken away again. So what is
checked is the address that is connected to, after names are resolved and at each redirect.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from ipaddress import ip_address

from .addresses import is_public

_CONNECTIONS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork")
_OPTIONS = {
    # One file over HTTP, with sound or else without; no playlist of pieces, nothing to be merged.
    "format": "b[protocol=https]/b[protocol=http]/bv[protocol=https]/bv[protocol=http]",
    "format_sort": ["res:360"],  # the largest up to that: networks look at 224 lines
    "noplaylist": True,
    # Nothing of the user's: a proxy would resolve names again.
    "proxy": "",
    "cachedir": False,
    "socket_timeout": 10,
    "quiet": True,
    "no_warnings": True,
}


def main() -> None:
    """Read a question from standard input as JSON, and write the address found; else fail."""
    sys.modules["curl_cffi"] = None  # type: ignore[assignment]  # its connections are not reported
    import yt_dlp

    asked = json.load(sys.stdin)
    _confine(asked["allowed_hosts"])
    with redirect_stdout(sys.stderr), yt_dlp.YoutubeDL(_OPTIONS) as tool:
        found = tool.extract_info(asked["url"], download=False)
    if not isinstance(found.get("url"), str):
        sys.exit("several videos, or none that is one file")
    print(json.dumps(found["url"]))


def _confine(allowed_hosts: Iterable[str]) -> None:
    """From here on this process connects to no private address and starts no program.

    Args:
        allowed_hosts: names of hosts that may be connected to although they are private.
    """
    allowed = {entry[4][0] for name in allowed_hosts for entry in socket.getaddrinfo(name, None)}

    def watch(event: str, args: tuple) -> None:
        if event in _PROGRAMS:
            raise PermissionError(f"{event}: no program is started here")
        if event in _CONNECTIONS:
            _require_public(args[1], allowed)

    sys.addaudithook(watch)


def _require_public(target: object, allowed: set) -> None:
    """Whatever is no pair of an IP address and a port, such as a local socket, is refused too."""
    host = target[0] if isinstance(target, tuple) and target else None
    if host in allowed:
        return
    try:
        public = is_public(ip_address(host))  # type: ignore[arg-type]
    except ValueError:
        public = False
    if not public:
        raise PermissionError(f"{target}: is not a public address")
