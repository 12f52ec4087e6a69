"""Other people's pictures under names of ours, without a copy: links to folders or to single pictures."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sav.errors import SettingError
from sav.files import named_errors


@dataclass(frozen=True)
class Links:
    """How pictures get into a folder of ours.

    Attributes:
        by_folder: Whether a folder is linked as a whole; else its pictures, one by one, as hard links.
    """

    by_folder: bool

    def bring_folder(self, folder: Path, link: Path) -> None:
        """Have the pictures of `folder` be found in `link`, or make `link` ready for `bring`.

        Raises:
            WriteError: It cannot be done.
        """
        with named_errors(link):
            if not self.by_folder:
                link.mkdir(parents=True, exist_ok=True)
                return
            if _leads_to(link, folder):
                return
            with contextlib.suppress(FileNotFoundError):
                link.unlink()
            link.parent.mkdir(parents=True, exist_ok=True)
            if not _link_folder(folder, link):
                raise SettingError(f"cannot link {link} to {folder}; name another folder with --work")

    def bring(self, picture: Path, link: Path) -> None:
        """Have one picture be found at `link`, in a folder that `bring_folder` made ready.

        Raises:
            WriteError: It cannot be done.
        """
        if self.by_folder:
            return
        with named_errors(link):
            if link.exists() and link.samefile(picture):
                return
            link.unlink(missing_ok=True)
            os.link(picture, link)


def links_between(pictures: Path, work: Path) -> Links:
    """The kind of link that `work` can have to what lies in `pictures`: tried out, nothing stays.

    Folders are linked symbolically, on Windows also as junctions, which need no rights; where neither can be
    done, pictures are hard links, which need one disk.

    Raises:
        SettingError: None can be made.
    """
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work, prefix=".links-") as trial:
        if _link_folder(pictures, Path(trial) / "folder"):
            with contextlib.suppress(OSError):
                (Path(trial) / "folder").unlink()
            return Links(by_folder=True)
    with tempfile.TemporaryDirectory(dir=work, prefix=".links-") as trial:
        one = next((path for path in sorted(pictures.rglob("*")) if path.is_file()), None)
        with contextlib.suppress(OSError):
            if one is not None:
                os.link(one, Path(trial) / "picture")
                return Links(by_folder=False)
    raise SettingError(
        f"{work} can have neither symbolic nor hard links to {pictures}, and pictures are not copied;"
        " name a folder on a disk that knows links (NTFS, ext4, APFS) with --work"
    )


def _link_folder(folder: Path, link: Path) -> bool:
    """Link a folder; relative if it lies beside the link, so that both can be moved together."""
    target = folder.resolve()
    with contextlib.suppress(OSError, NotImplementedError):
        link.symlink_to(_as_told(target, link), target_is_directory=True)
        return True
    if sys.platform == "win32":
        import _winapi

        with contextlib.suppress(OSError):
            _winapi.CreateJunction(str(target), str(link))
            return True
    return False


def _as_told(target: Path, link: Path) -> Path:
    home = link.parent.resolve()
    shared = os.path.commonpath([target, home]) if target.anchor == home.anchor else ""
    # Beside each other means that the link lies within what holds the pictures' folder.
    return Path(os.path.relpath(target, home)) if len(Path(shared).parts) > 1 else target


def _leads_to(link: Path, folder: Path) -> bool:
    return link.is_dir() and link.samefile(folder)
