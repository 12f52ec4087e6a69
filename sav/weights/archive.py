"""Zip archives from anywhere: looked through before anything is unpacked. It needs no torch."""

from __future__ import annotations

import io
import os
import struct
import threading
import zipfile
import zlib
from typing import BinaryIO

from sav.weights.places import Places

# An archive may unpack to this many times its size: compressed weights need less, zip bombs a thousand times.
_MOST_UNPACKED = 4
_SLACK = 2**20
# Bytes of the list of members; some hundred a member, of which large models have a few thousand.
_LARGEST_DIRECTORY = 16 * 2**20
# Bytes before a member's name.
_HEADER = 30
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x07"


class ArchiveError(ValueError):
    """An archive that is damaged, or made to do harm."""


class Archive:
    """The members of a zip archive, none of which unpacks to more than the file's size warrants.

    Attributes:
        names: The members' names.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Read the list of members.

        Raises:
            ArchiveError: If there is none, or it cannot be true.
        """
        size = file.seek(0, os.SEEK_END)
        _check_directory(file, size)
        # zipfile tells whether members overlap by where it is in the file, which threads would share.
        self._alone = threading.Lock()
        self._places = Places(file, self._alone)
        try:
            self._zip = zipfile.ZipFile(file)
        except (
            zipfile.BadZipFile,
            OSError,
            ValueError,
            OverflowError,
            NotImplementedError,
            struct.error,
        ) as error:
            raise ArchiveError(f"is damaged or incomplete ({error})") from error
        self._members = {member.filename: member for member in self._zip.infolist()}
        self.names = tuple(self._members)
        kinds = {member.compress_type for member in self._zip.infolist()}
        if not kinds <= {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise ArchiveError("is compressed in a way that PyTorch does not read")
        unpacked = sum(member.file_size for member in self._zip.infolist())
        if unpacked > _MOST_UNPACKED * size + _SLACK:
            raise ArchiveError(
                f"would unpack to {unpacked / 2**20:,.0f} MiB, though the file has {size / 2**20:,.1f}"
            )

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def size(self, name: str) -> int:
        """Unpacked bytes of a member.

        Raises:
            ArchiveError: If there is no such member.
        """
        if name not in self._members:
            raise ArchiveError(f"lacks its part {name[-80:]!r}; it is damaged or incomplete")
        return self._members[name].file_size

    def read(self, name: str) -> bytes:
        """The bytes of a member.

        Raises:
            ArchiveError: If there is no such member, or it is damaged.
        """
        content = bytearray(self.size(name))
        self.read_into(name, memoryview(content))
        return bytes(content)

    def read_into(self, name: str, target: memoryview) -> None:
        """Fill `target` with the first bytes of a member; several threads may do so at once.

        Raises:
            ArchiveError: If there is no such member, or it is damaged, or too short.
        """
        member = self._members.get(name)
        if member and member.compress_type == zipfile.ZIP_STORED and member.file_size == len(target):
            self._read_stored(member, target)
        else:
            self._read_through(name, target)

    def _read_stored(self, member: zipfile.ZipInfo, target: memoryview) -> None:
        """`read_into` of all of a member that is not compressed: its bytes go where they belong at once."""
        name = member.filename
        try:
            with self._alone:
                self._zip.open(member).close()  # looks at what stands before the bytes
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
            raise ArchiveError(f"is damaged ({error})") from error
        header = bytearray(_HEADER)
        is_whole = self._places.read_into(member.header_offset, memoryview(header))
        behind = sum(struct.unpack_from("<HH", header, 26))  # the name, and more, come between
        is_whole &= self._places.read_into(member.header_offset + _HEADER + behind, target)
        if not is_whole:
            raise ArchiveError(f"is damaged: its part {name[-80:]!r} is too short")
        if zlib.crc32(target) != member.CRC:
            raise ArchiveError(f"is damaged (Bad CRC-32 for file {name[-80:]!r})")

    def _read_through(self, name: str, target: memoryview) -> None:
        self.size(name)
        try:
            with self._alone, self._zip.open(self._members[name]) as member:
                done = 0
                while done < len(target):
                    count = member.readinto(target[done:])  # type: ignore[attr-defined]
                    if not count:
                        raise ArchiveError(f"is damaged: its part {name[-80:]!r} is too short")
                    done += count
                member.read(1)  # its end is where the checksum is looked at
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise ArchiveError(f"is damaged ({error})") from error


def _check_directory(file: BinaryIO, size: int) -> None:
    """Look at how large the list of members says it is, before all of it is read.

    Raises:
        ArchiveError: If there is no such list, or it is too large.
    """
    file.seek(max(0, size - 2**16 - 22 - 76))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise ArchiveError("is damaged or incomplete: its list of parts is missing; get it again")
    (length,) = struct.unpack_from("<I", tail, at + 12)
    if at >= 76 and tail[at - 20 : at - 16] == _END_64:  # it may stand in a longer form before its locator
        (place,) = struct.unpack_from("<Q", tail, at - 12)
        file.seek(min(place, size))
        length = max(*(int.from_bytes(end[40:48], "little") for end in (file.read(48), tail[at - 76 : at])))
    if length > _LARGEST_DIRECTORY:
        raise ArchiveError(f"has a list of parts of {length} bytes, which no checkpoint has")
    file.seek(0, io.SEEK_SET)
