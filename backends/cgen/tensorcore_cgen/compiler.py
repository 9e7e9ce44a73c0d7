"""Finding the C compiler and turning C text into loaded libraries, through the disk cache."""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from tensorcore import cache, scratch
from tensorcore.backend import Diagnosis
from tensorcore.errors import CompileError

from . import toolchain
from .library import Library
from .toolchain import Compiler

if TYPE_CHECKING:  # what runs a compiler is not imported where the cache has it all
    from .jobs import Jobs

#: Part of every key: raise it when what is built from the same text and flags changes.
FORMAT = "cgen-1"


def build(
    sources: Sequence[str],
    *,
    needs_libm: bool = False,
    optimise: int = 2,
    exports: tuple[str, ...] = (),
) -> Library:
    """``start`` and ``finish`` in one."""
    return start(sources, needs_libm=needs_libm, optimise=optimise, exports=exports).finish()


def start(
    sources: Sequence[str],
    *,
    needs_libm: bool = False,
    optimise: int = 2,
    exports: tuple[str, ...] = (),
) -> Build:
    """Begin to build one library from the C texts; ``finish`` of the result waits for it.

    Nothing runs if the cache has the library, or if it is being built already. A library that
    lacks one of ``exports`` counts as none. Raises CompileError.
    """
    recipe = _recipe(sources, needs_libm, optimise, exports)
    key = recipe.key()
    with _mutex:
        found = _running.get(key) or Build(recipe, key, _loaded.get(key))
        if not found.done:
            _running[key] = found
    found.begin()
    return found


def known(key: str, exports: tuple[str, ...] = ()) -> Library | None:
    """The library with that key, as ``Build`` has it, if it is in memory or in the cache."""
    with _mutex:
        library = _loaded.get(key)
    if library is not None:
        return library
    image = cache.default().lookup(key)
    if image is None:
        return None
    try:
        library = _found(image, exports)
        library.key = key
    except CompileError:  # made where other system libraries were installed
        return None
    with _mutex:
        return _loaded.setdefault(key, library)


def words() -> list[str]:
    """What a library depends on beside its text."""
    return _recipe((), True, 2, ()).words()


def _recipe(
    sources: Sequence[str], needs_libm: bool, optimise: int, exports: tuple[str, ...]
) -> _Recipe:
    # Debian's -lgcc is a static archive: it gives what the machine lacks, such as float16.
    link = ["-shared"] if sys.platform == "darwin" else ["-shared", "-nostdlib"]
    libraries = ["-lm"] * needs_libm + ([] if sys.platform == "darwin" else ["-lgcc"])
    if sys.platform == "darwin":
        link += ["-undefined", "dynamic_lookup"]
    options = toolchain.flags(optimise)
    return _Recipe(toolchain.find(), tuple(sources), options, link, libraries, exports)


_mutex = threading.RLock()
_running: weakref.WeakValueDictionary[str, Build] = weakref.WeakValueDictionary()
_loaded: weakref.WeakValueDictionary[str, Library] = weakref.WeakValueDictionary()
#: Seconds between two looks at what another process is making.
_PATIENCE = 0.05
#: Seconds after which one waits no longer: its maker may be idle with the work done.
_TOO_LONG = 10.0


class _Recipe(NamedTuple):
    compiler: Compiler
    sources: tuple[str, ...]
    flags: list[str]
    link: list[str]
    libraries: list[str]
    exports: tuple[str, ...] = ()

    def words(self) -> list[str]:
        """What the library depends on beside the text."""
        compiler, machine = self.compiler, toolchain.machine_identity()
        found = [FORMAT, compiler.identity, *compiler.command[1:], machine]
        return [*found, *self.flags, *self.link, *self.libraries]

    def key(self) -> str:
        return cache.key_of(*self.words(), *self.sources)

    def header(self) -> dict[str, Any]:
        """What the entry in the cache says of itself."""
        return {
            "compiler": self.compiler.identity,
            "command": list(self.compiler.command),
            "flags": [*self.flags, *self.link, *self.libraries],
            "machine": toolchain.machine_identity(),
            "format": FORMAT,
        }


def _checked(image: bytes, exports: Sequence[str]) -> Library:
    """Raises CompileError for bytes that are no library, or not the one that was wanted."""
    library = Library(image)
    for name in exports:
        library.address(name)
    return library


def _found(image: bytes, exports: Sequence[str]) -> Library:
    library = _checked(image, exports)
    library.origin = "found in the cache"
    return library


class Build:
    """One library under way. Several threads may wait for it; all get the same result."""

    def __init__(self, recipe: _Recipe, key: str, library: Library | None) -> None:
        self.key = key
        self._recipe = recipe
        self._library = library
        self._error: CompileError | None = None
        self._image: bytes | None = None
        self._lock: cache.Lock | None = None
        self._jobs: Jobs | None = None
        self._begun = False
        self._next_look = 0.0
        self._others_since = 0.0
        self._mutex = threading.RLock()

    @property
    def done(self) -> bool:
        return self._library is not None or self._error is not None

    @property
    def own(self) -> bool:
        """Whether this process runs the compiler for it."""
        return self._jobs is not None

    @property
    def ready(self) -> bool:
        """Whether ``finish`` would not have to wait for a compiler."""
        if self.done or self._image is not None:
            return True
        if self._jobs is not None:
            return self._jobs.ended
        self._look_again()
        return self._image is not None

    def _look_again(self) -> None:
        """See, now and then, what became of the library that another process is making."""
        now = time.monotonic()
        if now < self._next_look or not self._mutex.acquire(blocking=False):
            return
        try:
            self._next_look = now + _PATIENCE
            self._begun = False
            # One that cannot be made here either has an error to tell, when it is asked for.
            with suppress(CompileError):
                self.begin()
                self._others_since = self._others_since or now
                if not self.own and now - self._others_since > _TOO_LONG:
                    self._compile()
        finally:
            self._mutex.release()

    def begin(self) -> None:
        """Look into the cache and, on a miss, start the compiler unless another process has."""
        with self._mutex:
            if self._begun or self.done:
                return
            self._begun = True
            store = cache.default()
            self._image = store.lookup(self.key)
            if self._image is None:
                self._lock = store.try_lock(self.key)
            if self._lock is not None:
                self._compile()

    def finish(self) -> Library:
        """Wait for the library. Raises CompileError."""
        with self._mutex:
            if self._error is None and self._library is None:
                try:
                    self._library = self._finish()
                    self._library.key = self.key
                    _loaded[self.key] = self._library
                except CompileError as error:
                    self._error = error
                finally:
                    self._close()
            if self._library is None:
                raise self._error or CompileError("This build was interrupted.")
            return self._library

    def _finish(self) -> Library:
        store = cache.default()
        if self._image is None and self._jobs is None:  # another process is at it
            self._lock = store.wait_lock(self.key, min(60.0, toolchain.timeout()))
            self._image = store.lookup(self.key)
        if self._image is not None:
            try:
                return _found(self._image, self._recipe.exports)
            except CompileError:  # made where other system libraries were installed
                store.discard(self.key)
                self._image = None
        if self._jobs is None:
            self._compile()
        if self._jobs is None:  # it came between our look and our lock after all
            return self._finish()
        return self._compiled(store, self._jobs)

    def _compiled(self, store: cache.Cache, jobs: Jobs) -> Library:
        try:
            image = jobs.finish()
            library = _checked(image, self._recipe.exports)
        except CompileError as error:
            raise jobs.keep_sources(error) from None
        library.origin = "compiled now"
        store.store(self.key, image, self._recipe.header())
        _sweep()
        return library

    def _compile(self) -> None:
        from .jobs import Jobs

        r = self._recipe
        try:
            # It may have been made between our look and our lock.
            self._image = cache.default().lookup(self.key) if self._lock else None
            if self._image is None:
                self._jobs = Jobs(r.compiler.command, r.sources, r.flags, r.link, r.libraries)
                self._jobs.launch()
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        if self._jobs is not None:
            self._jobs.close()
            self._jobs = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        _running.pop(self.key, None)

    def disown(self) -> None:
        """In a child process that was forked meanwhile: leave all to the parent, whose compiler
        and files these are, and begin anew."""
        self._mutex = threading.RLock()
        self._begun = False
        jobs, self._jobs = self._jobs, None
        if jobs is not None:
            jobs.disown()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.disown()

    def __del__(self) -> None:
        if not sys.is_finalizing():
            self._close()


def _after_fork() -> None:
    globals()["_mutex"] = threading.RLock()  # another thread may have held it
    for build in list(_running.values()):
        build.disown()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@functools.cache
def _sweep() -> None:
    """Once per process that compiles: remove what killed processes left."""
    scratch.sweep()


def diagnose() -> Diagnosis:
    """Whether C can be compiled here. Runs the compiler at most once per machine, to learn
    its version."""
    try:
        text = version(toolchain.find())
    except CompileError as problem:
        reason, _, hint = str(problem).partition(" Hint: ")
        return Diagnosis(False, False, reason, hint or toolchain.HINT)
    return Diagnosis(True, True, versions={"compiler": text})


def version(compiler: Compiler) -> str:
    """The compiler's first line about itself. Raises CompileError if it cannot say it."""
    key = cache.key_of("version", compiler.identity, *compiler.command)
    known = cache.default().lookup(key)
    if known is not None:
        return known.decode(errors="replace")
    from . import jobs
    from .process import Process

    try:
        folder = scratch.Scratch()
    except OSError as problem:
        raise CompileError(f"{jobs.NO_FOLDER}: {problem}. Hint: {jobs.MAKE_ROOM}.") from problem
    try:
        log = folder.file("log")
        environment = toolchain.environment(folder.path)
        process = Process([*compiler.command, "--version"], environment, log)
        process.wait(time.monotonic() + min(10.0, toolchain.timeout()))
        with open(log, encoding="utf-8", errors="replace") as file:
            line = file.readline(300).strip()
    finally:
        folder.remove()
    if not line:
        raise CompileError(f"{compiler.command[0]} does not say which compiler it is.")
    cache.default().store(key, line.encode(), {"what": "version of a compiler"})
    return line
