"""Whether packets of AC-3 and E-AC-3 are whole frames, which decoders do not mind but MP4 relies on."""

from __future__ import annotations

# Kilobits per second by half the frame size code, and 16-bit words per frame and kilobit by the rate code
# (ETSI TS 102 366, 4.4.1: 48, 44.1 and 32 kHz).
_BIT_RATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_FRAME_SAMPLES, _RATES = 1536, (48000, 44100, 32000)


def is_whole(content: bytes) -> bool:
    """Whether `content` is frames, one or more, from its first byte to its last."""
    while content:
        size = _frame_size(content)
        if not 0 < size <= len(content):
            return False
        content = content[size:]
    return True


def _frame_size(content: bytes) -> int:
    """Bytes of the frame that `content` begins with; 0 if it does not begin with one."""
    if len(content) < 6 or content[:2] != b"\x0b\x77":
        return 0
    if content[5] >> 3 > 10:  # the stream is E-AC-3
        return 2 * (1 + ((content[2] & 7) << 8 | content[3]))
    rate_code, size_code = content[4] >> 6, content[4] & 63
    if rate_code >= len(_RATES) or size_code // 2 >= len(_BIT_RATES):
        return 0
    words = _BIT_RATES[size_code // 2] * 1000 * _FRAME_SAMPLES // (16 * _RATES[rate_code])
    return 2 * (words + (size_code & 1 if _RATES[rate_code] == 44100 else 0))
