"""Which host names and origins are trusted, so that a page on another site cannot use a local server."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

LOCAL_NAMES: Final = ("localhost",)
PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}
ANY_NAME: Final = "*"


def is_loopback(host: str) -> bool:
    """Whether an address or a name is that of this machine only."""
    with suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return host in LOCAL_NAMES or host.endswith(".localhost")


def is_trusted_host(header: str, trusted: Collection[str], listens_on: str) -> bool:
    """Whether a request may address the server by the ``Host`` header.

    A name that anybody can register may lead a browser to this machine (DNS rebinding); IP addresses
    and the names of this machine cannot be used for that.

    Args:
        header: the header.
        trusted: configured names; ``*`` is any.
        listens_on: the address that the server listens on.
    """
    if ANY_NAME in trusted or not header or (not trusted and not is_loopback(listens_on)):
        return True
    with suppress(ValueError):
        host = (urlsplit(f"//{header}").hostname or "").rstrip(".")
        names = {urlsplit(f"//{name}").hostname or "" for name in trusted}
        return host in names or is_loopback(host) or _is_address(host)
    return False


def is_trusted_origin(headers: Mapping[str, str], trusted: Collection[str]) -> bool:
    """Whether a request comes from a page of this server, from one of a trusted site, or from a program.

    Browsers send ``Origin`` or ``Sec-Fetch-Site``; programs send neither.
    """
    if ANY_NAME in trusted:
        return True
    origin = headers.get("origin")
    if origin is None:
        site, mode = headers.get("sec-fetch-site", ""), headers.get("sec-fetch-mode", "")
        return site not in ("cross-site", "same-site") or mode == "navigate"
    if origin.rstrip("/").lower() in {one.rstrip("/").lower() for one in trusted}:
        return True
    with suppress(ValueError):
        parts = urlsplit(origin)
        port = PORTS.get(parts.scheme)
        host = urlsplit(f"//{headers.get('host', '')}")
        same_port = (parts.port or port) == (host.port or port)
        return bool(parts.hostname) and parts.hostname == host.hostname and same_port
    return False


def _is_address(host: str) -> bool:
    with suppress(ValueError):
        ipaddress.ip_address(host)
        return True
    return False
