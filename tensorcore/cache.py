"""A disk cache for compiled artefacts: one verified file per entry, named by what it is made of.

Nothing read from it is trusted: an entry counts only if its length and checksum hold, and is
deleted otherwise. Nothing about it is fatal: without a usable folder, work goes on uncached.
There is no pickle on any path.
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system: processes may then compile the same thing twice
    fcntl = None  # type: ignore[assignment]

MAGIC = b"TNSRCACH"
FORMAT = 1
#: magic, format, length of the JSON header, length of the payload, checksum of both
_PREFIX = struct.Struct("<8sIIQ32s")
_ENTRY, _LOCK, _PARTIAL = ".entry", ".lock", ".partial"
SIZE_LIMIT = 1 << 30
TIDY_EVERY = SIZE_LIMIT // 16  # bytes that one process stores before it looks at the limit again
ABANDONED = 3600.0  # seconds after which a partial file belongs to a process that died


def key_of(*parts: bytes | str) -> str:
    """A key for the parts, in order; parts that differ in any way give different keys."""
    digest = hashlib.blake2b(digest_size=20)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


@functools.cache
def stamp(folder: str) -> str:
    """What changes when a file in ``folder``, or in a folder in it, does: for keys of what the
    code there makes. Raises OSError where there is no such folder, as in an archive."""
    found, folders = [], [folder]
    while folders:
        with os.scandir(folders.pop()) as items:
            for item in items:
                if item.is_dir():
                    folders += [item.path] if item.name != "__pycache__" else []
                else:
                    status = item.stat()
                    found.append(f"{item.path} {status.st_mtime_ns} {status.st_size}")
    return key_of(*sorted(found))


class Cache:
    """Entries in one folder; ``folder`` is None when there is none that can be trusted.

    Paths are plain text inside: ``pathlib`` takes longer to import than an entry to load.
    """

    def __init__(self, folder: str | os.PathLike[str] | None) -> None:
        self._folder = None if folder is None else os.fspath(folder)
        self._warned = False
        self._stored: int | None = None  # bytes since the folder was tidied

    @property
    def folder(self) -> Path | None:
        """Where the entries are."""
        from pathlib import Path

        return None if self._folder is None else Path(self._folder)

    def _path(self, name: str) -> str:
        return os.path.join(self._folder or "", name)

    def lookup(self, key: str) -> bytes | None:
        """The payload stored under ``key``, or None. A damaged entry is deleted."""
        if self._folder is None:
            return None
        path = self._path(key + _ENTRY)
        try:
            with open(path, "rb") as file:
                if not _is_safe(os.fstat(file.fileno())):
                    raise ValueError("someone else may write to it")
                data = file.read()
            payload = _unpack(data)[1]
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as problem:
            _log(f"cache entry {key + _ENTRY} is ignored and made anew: {problem}")
            self.discard(key)
            return None
        with suppress(OSError):
            os.utime(path)  # the least recently used entries go first
        return payload

    def header(self, key: str) -> Mapping[str, Any] | None:
        """What the entry says of itself, for reports."""
        import json

        if self._folder is None:
            return None
        try:
            with open(self._path(key + _ENTRY), "rb") as file:
                found = json.loads(_unpack(file.read())[0])
            return found if isinstance(found, dict) else None
        except (OSError, ValueError):
            return None

    def store(self, key: str, payload: bytes, header: Mapping[str, Any] | None = None) -> None:
        """Keep ``payload``. A folder that is full or read-only costs one warning, no more."""
        if self._folder is None:
            return
        path = self._path(key + _ENTRY)
        partial = self._path(f"{key}.{os.getpid()}.{time.monotonic_ns()}{_PARTIAL}")
        try:
            _write(partial, _pack(payload, header or {}))
            os.replace(partial, path)
            self._stored = None if self._stored is None else self._stored + len(payload)
            if self._stored is None or self._stored > TIDY_EVERY:
                self._stored = 0
                self.tidy()
        except OSError as problem:
            with suppress(OSError):
                os.unlink(partial)
            if not self._warned:
                self._warned = True
                _log(f"compiled code is not kept: cannot write to {self._folder}: {problem}")

    def discard(self, key: str) -> None:
        """Forget the entry, if there is one."""
        if self._folder is not None:
            with suppress(OSError):
                os.unlink(self._path(key + _ENTRY))

    def tidy(self, limit: int | None = None) -> None:
        """Delete what dead processes left and, above ``limit`` bytes (by default
        ``SIZE_LIMIT``), the oldest entries."""
        limit = SIZE_LIMIT if limit is None else limit
        if self._folder is None:
            return
        found = []
        with os.scandir(self._folder) as items:
            for item in items:
                with suppress(OSError):
                    status = item.stat(follow_symlinks=False)
                    old = time.time() - status.st_mtime > ABANDONED
                    if item.name.endswith((_PARTIAL, _LOCK)) and old:
                        os.unlink(item.path)
                    elif item.name.endswith(_ENTRY):
                        found.append((status.st_mtime, status.st_size, item.path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= limit:
                break
            with suppress(OSError):
                os.unlink(path)
            total -= size

    def try_lock(self, key: str) -> Lock | None:
        """The lock for making the entry, or None when another process is making it."""
        if self._folder is None or fcntl is None:
            return Lock(None, None)
        path = self._path(key + _LOCK)
        while True:
            try:
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError:
                return Lock(None, None)  # read-only or full: nothing will be stored anyway
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                return None
            except OSError:
                os.close(handle)
                return Lock(None, None)
            if os.fstat(handle).st_nlink:
                return Lock(handle, path)
            os.close(handle)  # its owner removed it between our open and our lock: try again

    def wait_lock(self, key: str, timeout: float) -> Lock:
        """As ``try_lock``, but wait; after ``timeout`` seconds go on without it, because work
        done twice is better than work not done."""
        deadline = time.monotonic() + timeout
        pause = 0.001
        while time.monotonic() < deadline:
            lock = self.try_lock(key)
            if lock is not None:
                return lock
            time.sleep(pause)
            pause = min(2 * pause, 0.02)
        return Lock(None, None)

    @contextmanager
    def locked(self, key: str, timeout: float = 300.0) -> Iterator[None]:
        """Hold the lock of ``key`` during a block."""
        lock = self.wait_lock(key, timeout)
        try:
            yield
        finally:
            lock.release()


class Lock:
    """A kernel lock: it ends with its process, however that ends."""

    def __init__(self, handle: int | None, path: str | None) -> None:
        self._handle = handle
        self._path = path

    def release(self) -> None:
        if self._handle is not None and self._path is not None:
            with suppress(OSError):
                os.unlink(self._path)
        self.disown()

    def disown(self) -> None:
        """Leave it to the process that this one was forked from."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def default() -> Cache:
    """The cache in the configured folder (option ``cache_dir``)."""
    from . import config

    return open_folder(str(config.get("cache_dir")))


@functools.cache
def open_folder(name: str) -> Cache:
    """The cache in ``name``, which is created if need be. A folder that others could write to
    is refused, and a private temporary one takes its place for the life of this process."""
    if not name:
        return Cache(None)
    folder = os.path.expanduser(name)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        status = os.lstat(folder)
    except (OSError, RuntimeError) as problem:
        _log(f"compiled code is not kept: no cache folder {folder}: {problem}")
        return Cache(None)
    if stat.S_ISDIR(status.st_mode) and _is_safe(status):
        return Cache(folder)
    _log(
        f"cache folder {folder} is not used: it must be a real folder that only its owner, "
        "you, can write to. A temporary one takes its place."
    )
    return Cache(_temporary_folder())


def _temporary_folder() -> str | None:
    import atexit

    from .scratch import Scratch

    try:
        folder = Scratch()
    except OSError:
        return None
    atexit.register(folder.remove)
    return folder.path


def _is_safe(status: os.stat_result) -> bool:
    if not hasattr(os, "geteuid"):
        return True
    shared = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return status.st_uid == os.geteuid() and not shared


def _pack(payload: bytes, header: Mapping[str, Any]) -> bytes:
    import json

    text = json.dumps(header, sort_keys=True).encode()
    digest = hashlib.blake2b(text + payload, digest_size=32).digest()
    return _PREFIX.pack(MAGIC, FORMAT, len(text), len(payload), digest) + text + payload


def _unpack(data: bytes) -> tuple[bytes, bytes]:
    if len(data) < _PREFIX.size:
        raise ValueError("it is cut short")
    magic, version, header_size, size, digest = _PREFIX.unpack_from(data)
    if magic != MAGIC or version != FORMAT:
        raise ValueError("it has another format")
    body = data[_PREFIX.size :]
    if len(body) != header_size + size:
        raise ValueError("its length is wrong")
    if hashlib.blake2b(body, digest_size=32).digest() != digest:
        raise ValueError("its checksum is wrong")
    return body[:header_size], body[header_size:]


def _write(path: str, data: bytes) -> None:
    """Without ``fsync``, which takes longer than a small compilation: what a crash of the
    machine tears fails its checksum and is made anew."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:
        file.write(data)


def _log(message: str) -> None:
    import logging

    logging.getLogger("tensorcore.cache").warning("tensorcore: %s", message)
