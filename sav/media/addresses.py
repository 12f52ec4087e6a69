"""How sources are spelled: as a path, as a path in the form of an address, as an address with secrets."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What FFmpeg reads over a network. Its other schemes lead back to files, or to programs.
LIVE_SCHEMES = frozenset(
    {"rtsp", "rtsps", "rtmp", "rtmps", "rtmpe", "rtmpt", "rtp", "srtp", "udp", "tcp", "srt"}
)
NETWORK_SCHEMES = LIVE_SCHEMES | {"http", "https", "ftp", "sftp", "mms", "mmsh", "mmst", "tls", "rist"}

_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^:@/]*)(:\d*)?")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/(/?)")


def scheme_of(source: str | Path) -> str:
    """The scheme of what looks like an address, in small letters; empty for a path."""
    match = _SCHEME.match(str(source)) if isinstance(source, str) else None
    if match is None or len(match[1]) == 1:  # C:/ is a disk
        return ""
    return match[1].lower()


def local_path(source: str | Path) -> Path | None:
    """The file or folder that a source means, also as `file:...`; None for an address."""
    if isinstance(source, Path):
        return source
    if source.lower().startswith("file:") and not Path(source).exists():
        return _from_file_address(source[len("file:") :])
    return None if scheme_of(source) and not Path(source).exists() else Path(source)


def _from_file_address(rest: str) -> Path:
    """The path in `file:PATH`, `file:///PATH` or `file://localhost/PATH`, where it may be percent-encoded."""
    if rest.startswith("//"):
        rest = "/" + rest[2:].partition("/")[2]
    return Path(rest) if Path(rest).exists() else Path(unquote(rest))


def shown(address: str) -> str:
    """An address as others may see it: without user, password, and what comes after ?, which may be a key."""
    scheme, slashes, rest = address.partition("//")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in host:
        rest = rest[host.rindex("@") + 1 :]
    elif not _HOST.fullmatch(host):  # a password with one of /?# in it
        rest = rest.rpartition("@")[2]
    place = re.split(r"[?#]", rest, maxsplit=1)[0]
    return scheme + slashes + place + ("?..." if len(place) < len(rest) else "")


def unknown_host(address: str) -> str | None:
    """The host in an address, if nobody knows where it is; None if it is known, or there is none."""
    try:
        host = urlsplit(address).hostname
    except ValueError:
        return None
    if not host:
        return None
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return host
    return None
