"""Finding the C compiler and turning C text into loaded libraries, through the disk cache."""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from tensorcore import cache
from tensorcore.backend import Diagnosis
from tensorcore.errors import CompileError

from . import toolchain
from .library import Library
from .process import Process
from .toolchain import Compiler

#: Part of every key: raise it when what is built from the same text and flags changes.
FORMAT = "cgen-1"


def build(sources: Sequence[str], *, needs_libm: bool = False, optimise: int = 2) -> Library:
    """``start`` and ``finish`` in one."""
    return start(sources, needs_libm=needs_libm, optimise=optimise).finish()


def start(sources: Sequence[str], *, needs_libm: bool = False, optimise: int = 2) -> Build:
    """Begin to build one library from the C texts; ``finish`` of the result waits for it.

    Nothing runs if the cache has the library, or if it is being built already. Raises
    CompileError.
    """
    compiler = toolchain.find()
    # Debian's -lgcc is a static archive: it gives what the machine lacks, such as float16.
    link = ["-shared"] if sys.platform == "darwin" else ["-shared", "-nostdlib"]
    libraries = ["-lm"] * needs_libm + ([] if sys.platform == "darwin" else ["-lgcc"])
    if sys.platform == "darwin":
        link += ["-undefined", "dynamic_lookup"]
    recipe = _Recipe(compiler, tuple(sources), toolchain.flags(optimise), link, libraries)
    key = recipe.key()
    with _mutex:
        found = _running.get(key) or Build(recipe, key, _loaded.get(key))
        if not found.done:
            _running[key] = found
    found.begin()
    return found


_mutex = threading.Lock()
_running: weakref.WeakValueDictionary[str, Build] = weakref.WeakValueDictionary()
_loaded: weakref.WeakValueDictionary[str, Library] = weakref.WeakValueDictionary()


class _Recipe(NamedTuple):
    compiler: Compiler
    sources: tuple[str, ...]
    flags: list[str]
    link: list[str]
    libraries: list[str]

    def key(self) -> str:
        words = [
            FORMAT,
            self.compiler.identity,
            *self.compiler.command[1:],
            toolchain.cpu_identity(),
        ]
        words += [*self.flags, *self.link, *self.libraries]
        return cache.key_of(*words, *self.sources)

    def header(self) -> dict[str, Any]:
        """What the entry in the cache says of itself."""
        return {
            "compiler": self.compiler.identity,
            "command": list(self.compiler.command),
            "flags": [*self.flags, *self.link, *self.libraries],
            "cpu": toolchain.cpu_identity()[:80],
            "format": FORMAT,
        }


class Build:
    """One library under way. Several threads may wait for it; all get the same result."""

    def __init__(self, recipe: _Recipe, key: str, library: Library | None) -> None:
        self.key = key
        self._recipe = recipe
        self._library = library
        self._error: CompileError | None = None
        self._image: bytes | None = None
        self._lock: cache.Lock | None = None
        self._jobs: _Jobs | None = None
        self._begun = False
        self._mutex = threading.RLock()

    @property
    def done(self) -> bool:
        return self._library is not None or self._error is not None

    @property
    def ready(self) -> bool:
        """Whether ``finish`` would not have to wait for a compiler."""
        return self.done or self._image is not None or (self._jobs is not None and self._jobs.ended)

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
                library = Library(self._image)
                library.origin = "found in the cache"
                return library
            except CompileError:  # made where other system libraries were installed
                store.discard(self.key)
        if self._jobs is None:
            self._compile()
        assert self._jobs is not None
        image = self._jobs.finish()
        library = Library(image)
        library.origin = "compiled now"
        store.store(self.key, image, self._recipe.header())
        return library

    def _compile(self) -> None:
        try:
            # It may have been made between our look and our lock.
            self._image = cache.default().lookup(self.key) if self._lock else None
            if self._image is None:
                self._jobs = _Jobs(self._recipe)
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

    def __del__(self) -> None:
        if not sys.is_finalizing():
            self._close()


class _Jobs:
    """The compiler's processes for one library, in a folder of their own."""

    def __init__(self, recipe: _Recipe) -> None:
        import tempfile

        self._recipe = recipe
        self._waiting: deque[list[str]] = deque()
        self._running: deque[Process] = deque()
        self._deadline = time.monotonic() + toolchain.timeout()
        self._keep: list[str] = []
        try:
            self._folder = tempfile.mkdtemp(prefix="tensorcore-")
        except OSError as problem:
            raise CompileError(f"There is no folder to compile in: {problem}.") from problem

    def launch(self) -> None:
        """Start as many processes as there are cores. Raises CompileError."""
        try:
            self._write()
        except OSError as problem:
            raise CompileError(f"Cannot write the C source: {problem}.") from problem
        self._fill()

    def _write(self) -> None:
        r = self._recipe
        base = [*r.compiler.command, *r.flags]
        for k, source in enumerate(r.sources):
            path = os.path.join(self._folder, f"{k}.c")
            with open(path, "w", encoding="utf-8") as file:
                file.write(source)
            if len(r.sources) == 1:
                target = self._path("library.so")
                self._waiting.append([*base, *r.link, path, "-o", target, *r.libraries])
            else:
                self._waiting.append([*base, "-c", path, "-o", self._path(f"{k}.o")])

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def _fill(self) -> None:
        while self._waiting and len(self._running) < toolchain.cores():
            log = self._path(f"{len(self._waiting)}.log")
            self._running.append(Process(self._waiting.popleft(), toolchain.environment(), log))

    @property
    def ended(self) -> bool:
        """Whether the last process has ended."""
        return not self._waiting and all(process.ended for process in self._running)

    def finish(self) -> bytes:
        """The library's bytes. Raises CompileError, and then the sources stay on disk."""
        r = self._recipe
        try:
            self._wait()
            if len(r.sources) > 1:
                objects = [self._path(f"{k}.o") for k in range(len(r.sources))]
                command = [*r.compiler.command, *r.link, *objects]
                self._waiting.append([*command, "-o", self._path("library.so"), *r.libraries])
                self._fill()
                self._wait()
            return self._image()
        except CompileError as error:
            self._keep = [f"{k}.c" for k in range(len(r.sources))]
            where = ", ".join(map(self._path, self._keep[:3]))
            raise CompileError(f"{error}\nThe source is kept: {where}") from None

    def _wait(self) -> None:
        while self._running:
            self._running.popleft().wait(self._deadline)
            self._fill()

    def _image(self) -> bytes:
        try:
            with open(self._path("library.so"), "rb") as file:
                image = file.read()
        except OSError:
            image = b""
        if len(image) < 64:
            import shlex

            command = shlex.join(self._recipe.compiler.command)
            raise CompileError(f"The C compiler {command} ended well but wrote no library.")
        return image

    def close(self) -> None:
        """Stop what runs and remove the folder, except for sources that are to be kept."""
        for process in self._running:
            process.kill()
        self._running.clear()
        for name in os.listdir(self._folder):
            if name not in self._keep:
                os.unlink(self._path(name))
        if not self._keep:
            os.rmdir(self._folder)


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
    import tempfile

    with tempfile.TemporaryDirectory(prefix="tensorcore-") as folder:
        log = os.path.join(folder, "log")
        process = Process([*compiler.command, "--version"], toolchain.environment(), log)
        process.wait(time.monotonic() + min(10.0, toolchain.timeout()))
        with open(log, encoding="utf-8", errors="replace") as file:
            line = file.readline(300).strip()
    if not line:
        raise CompileError(f"{compiler.command[0]} does not say which compiler it is.")
    cache.default().store(key, line.encode(), {"what": "version of a compiler"})
    return line
