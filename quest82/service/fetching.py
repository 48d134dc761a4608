"""Fetch a video from the web for somebody whom nobody knows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from .addresses import Resolve, checked_addresses, host_of, parse, resolve
from .limits import Refused
from .sites import Sites

_MOST_REDIRECTS = 5
_SILENCE_SECONDS = 10  # without a byte


class _Page(Refused):
    """A page stands at the address."""


class Fetcher:
    """Downloads from public hosts, and from those that are allowed by name.

    Args:
        max_bytes: of a file.
        allowed_hosts: names of hosts that may have private addresses.
        resolve: name and port to addresses.
        transport: in place of the network.
        sites: whose pages are read for the video that they show; None: no page is read.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        allowed_hosts: Iterable[str] = (),
        resolve: Resolve = resolve,
        transport: httpx.AsyncBaseTransport | None = None,
        sites: Sites | None = None,
    ) -> None:
        self.max_bytes, self.resolve, self.transport = max_bytes, resolve, transport
        self.sites = sites
        self.allowed = frozenset(name.lower().removesuffix(".") for name in allowed_hosts)
        self._certificates = httpx.create_ssl_context(trust_env=False)

    async def fetch(self, address: str, target: Path) -> None:
        """Write what stands at an address to a file; each redirect is checked like the first.

        Raises:
            Refused: if the address is none, is private, does not answer, or has no video file.
        """
        url = parse(address)
        try:
            await self._fetch(url, target)
        except _Page:
            if self.sites is None:
                raise
            await self._fetch(parse(await self.sites.find(url)), target)

    async def _fetch(self, url: httpx.URL, target: Path) -> None:
        async with self._client() as client:
            for _ in range(_MOST_REDIRECTS + 1):
                async with self._opened(client, url) as response:
                    if not response.has_redirect_location:
                        await self._save(response, host_of(url), target)
                        return
                    url = _redirected(url, response.headers["Location"])
        raise Refused(422, f"{host_of(url)}: redirects more than {_MOST_REDIRECTS} times")

    def _client(self) -> httpx.AsyncClient:
        """A client without proxies of the environment, which would resolve names again.

        No connection is kept: two names of one address must not share what was verified for one.
        """
        return httpx.AsyncClient(
            transport=self.transport,
            verify=self._certificates,
            trust_env=False,
            follow_redirects=False,
            timeout=_SILENCE_SECONDS,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    @asynccontextmanager
    async def _opened(
        self, client: httpx.AsyncClient, url: httpx.URL
    ) -> AsyncIterator[httpx.Response]:
        """The answer of the first checked address that takes the connection, not yet read."""
        response = None
        for address in await checked_addresses(url, self.allowed, self.resolve):
            try:
                response = await client.send(_request(url, address), stream=True)
                break
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
            except httpx.HTTPError as error:
                raise _unreachable(url, error) from error
        if response is None:
            raise Refused(422, f"{host_of(url)}: does not take the connection; try again later")
        try:
            yield response
        except httpx.HTTPError as error:
            raise _unreachable(url, error) from error
        finally:
            await response.aclose()

    async def _save(self, response: httpx.Response, host: str, target: Path) -> None:
        """Write the body as it is sent; what is said to be compressed is refused, not unpacked."""
        if response.status_code != 200:
            raise Refused(422, f"{host}: answers with status {response.status_code}, not a file")
        kind = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if kind in ("text/html", "application/xhtml+xml"):
            raise _Page(
                415, f"{host}: sends a page, not a video; give the address of the file itself"
            )
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Refused(422, f"{host}: sends the file compressed, which is not taken")
        announced = response.headers.get("Content-Length", "")
        num_bytes = int(announced[:20]) if announced.isdecimal() else 0
        with target.open("wb") as file:
            if num_bytes <= self.max_bytes:
                num_bytes = 0
                async for chunk in response.aiter_raw():
                    num_bytes += len(chunk)
                    if num_bytes > self.max_bytes:
                        break
                    file.write(chunk)
        if num_bytes > self.max_bytes:
            raise Refused(413, f"{host}: the file is larger than {self.max_bytes} bytes")


def _request(url: httpx.URL, address: str) -> httpx.Request:
    """A request to a checked address, which still names the host: for the server and for TLS."""
    return httpx.Request(
        "GET",
        url.copy_with(host=address, fragment=None),
        headers={
            "Host": url.netloc.decode("ascii"),
            "Accept-Encoding": "identity",
            "User-Agent": "quest82",
        },
        extensions={
            "sni_hostname": host_of(url),
            "timeout": httpx.Timeout(_SILENCE_SECONDS).as_dict(),
        },
    )


def _redirected(url: httpx.URL, location: str) -> httpx.URL:
    try:
        return parse(str(url.join(location)))
    except (httpx.InvalidURL, ValueError):
        raise Refused(422, f"{host_of(url)}: redirects to what is no address") from None


def _unreachable(url: httpx.URL, error: httpx.HTTPError) -> Refused:
    slow = isinstance(error, httpx.TimeoutException)
    what = f"says nothing for {_SILENCE_SECONDS} s" if slow else "breaks the connection off"
    return Refused(422, f"{host_of(url)}: {what}; try again later")
