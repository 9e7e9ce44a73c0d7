"""Temporary folders that do not outlive their process for long, even when it was killed.

Whoever makes a folder holds a kernel lock on it, which ends with the process. A later process
removes what nobody holds and nothing has changed for an hour.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress

try:
    import fcntl
except ImportError:  # not a POSIX system: age alone decides
    fcntl = None  # type: ignore[assignment]

# Names that nobody gives to a folder of their own: whatever has them is deleted.
_SCRATCH = "tensorcore-scratch-"
_FAILED = "tensorcore-failed-"
ABANDONED = 3600.0  # seconds after which a folder that nobody holds belongs to the dead
FORGOTTEN = 86400.0  # the same where one cannot know whether somebody holds it
KEPT = 16  # folders with the sources of failed compilations


class Scratch:
    """A private temporary folder."""

    def __init__(self) -> None:
        """Raises OSError."""
        import tempfile

        self.path = tempfile.mkdtemp(prefix=_SCRATCH)
        self._handle = _hold(self.path)
        self._owner = os.getpid()

    def file(self, name: str) -> str:
        """The path of a file in it."""
        return os.path.join(self.path, name)

    def remove(self) -> None:
        """Delete it with all that is in it; its maker does, and no child that was forked."""
        if os.getpid() == self._owner:
            _delete(self.path)
        self._release()

    def keep(self, names: list[str]) -> str:
        """Leave only these files, under another name, which is returned. Of such folders the
        newest are kept and no more than ``KEPT``."""
        for name in os.listdir(self.path):
            if name not in names:
                with suppress(OSError):
                    os.unlink(self.file(name))
        kept = _FAILED.join(self.path.rsplit(_SCRATCH, 1))
        with suppress(OSError):
            os.rename(self.path, kept)
            self.path = kept
        self._release()
        _forget_failures(os.path.dirname(self.path), self.path)
        return self.path

    def disown(self) -> None:
        """Leave it to the process that this one was forked from."""
        self._release()

    def _release(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def sweep() -> None:
    """Remove the folders of dead processes. Never raises."""
    import tempfile

    with suppress(OSError):
        for age, path in _ours(tempfile.gettempdir(), _SCRATCH):
            if age > ABANDONED and _is_abandoned(path, age):
                _delete(path)


def _forget_failures(parent: str, newest: str) -> None:
    with suppress(OSError):
        others = [(age, path) for age, path in _ours(parent, _FAILED) if path != newest]
        for _, path in sorted(others)[KEPT - 1 :]:
            _delete(path)


def _ours(parent: str, prefix: str) -> list[tuple[float, str]]:
    """Our folders in ``parent``, and before each the seconds since it changed. Links, and what
    belongs to others, are nobody's business."""
    found = []
    now = time.time()
    with os.scandir(parent) as items:
        for item in items:
            if item.name.startswith(prefix):
                with suppress(OSError):
                    status = item.stat(follow_symlinks=False)
                    mine = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
                    if stat.S_ISDIR(status.st_mode) and mine:
                        found.append((now - status.st_mtime, item.path))
    return found


def _hold(path: str) -> int | None:
    handle = None
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (OSError, AttributeError):  # a system or a disk without locks
        if handle is not None:
            os.close(handle)
        return None
    return handle


def _is_abandoned(path: str, age: float) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (OSError, AttributeError):
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (OSError, AttributeError):
        return age > FORGOTTEN
    finally:
        os.close(handle)
    return True


def _delete(path: str) -> None:
    import shutil

    shutil.rmtree(path, ignore_errors=True)
