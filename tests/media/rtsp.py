"""A camera on the network: an RTSP server (RFC 2326) that sends one H.264 video between its answers."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av

_CLOCK = 90_000
_SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
    f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/{_CLOCK}\r\na=fmtp:96 packetization-mode=1\r\n"
    "a=control:video\r\n"
)
_FIRST_RTCP_TYPE = 200


class _Collector:
    """A file for FFmpeg's RTP muxer, which writes one packet at a time."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []

    def write(self, packet: bytes) -> int:
        self.packets.append(bytes(packet))
        return len(packet)


def rtp_packets(path: Path) -> list[bytes]:
    """The packets, RTP and RTCP, of the H.264 in a transport stream, where parameter sets lie in band."""
    collector = _Collector()
    with av.open(str(path)) as source, av.open(collector, "w", "rtp", options={"packetsize": "1400"}) as sink:
        stream = sink.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                sink.mux(packet)
    return collector.packets


def _interleaved(packet: bytes) -> bytes:
    """A packet as it goes between the answers: channel 0 for pictures, 1 for reports about them."""
    is_report = packet[1] >= _FIRST_RTCP_TYPE
    return struct.pack(">cBH", b"$", is_report, len(packet)) + packet


@contextmanager
def serve(packets: list[bytes], hangs_up: bool = True) -> Iterator[str]:
    """The address of a server that sends the packets and then hangs up, or falls silent."""

    class Camera(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while request := self._request():
                method, number = request
                self._answer(method, number)
                if method == "PLAY":
                    self._play()
                    return

        def _play(self) -> None:
            """Send all packets, and hear the client to its end: else the last of them might be lost."""
            with suppress(ConnectionError):
                self.wfile.write(b"".join(map(_interleaved, packets)))
                if hangs_up:
                    self.connection.shutdown(socket.SHUT_WR)
                self.rfile.read()

        def _request(self) -> tuple[str, str] | None:
            """Method and number of the next request; None when there is none."""
            lines = []
            while line := self.rfile.readline().strip().decode():
                lines.append(line)
            if not lines:
                return None
            headers = dict(line.split(": ", 1) for line in lines[1:])
            return lines[0].split()[0], headers["CSeq"]

        def _answer(self, method: str, number: str) -> None:
            headers, body = {
                "OPTIONS": ("Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n", ""),
                "DESCRIBE": ("Content-Type: application/sdp\r\n", _SDP),
                "SETUP": ("Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n", ""),
            }.get(method, ("Session: 1\r\n", ""))
            length = f"Content-Length: {len(body)}\r\n" if body else ""
            self.wfile.write(f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{headers}{length}\r\n{body}".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Camera) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"rtsp://127.0.0.1:{server.server_address[1]}/camera"
        finally:
            server.shutdown()
            thread.join()
