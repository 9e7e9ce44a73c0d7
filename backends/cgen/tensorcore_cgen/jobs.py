"""The compiler's processes for one library, in a temporary folder of their own."""

from __future__ import annotations

import os
import shlex
import time
from collections import deque
from collections.abc import Sequence

from tensorcore.errors import CompileError
from tensorcore.scratch import Scratch

from . import toolchain
from .process import Process

NO_FOLDER = "There is no folder to compile in"
MAKE_ROOM = "make room on the disk, or name another folder with the variable TMPDIR"


class Jobs:
    """What turns the C texts into one library."""

    def __init__(
        self,
        command: Sequence[str],
        sources: Sequence[str],
        flags: Sequence[str],
        link: Sequence[str],
        libraries: Sequence[str],
    ) -> None:
        """Raises CompileError when there is no folder to work in."""
        self._command = [*command]
        self._sources = sources
        self._flags = flags
        self._link = link
        self._libraries = libraries
        self._waiting: deque[list[str]] = deque()
        self._running: deque[Process] = deque()
        self._kept = False
        self._deadline = time.monotonic() + toolchain.timeout()
        try:
            self._folder = Scratch()
        except OSError as problem:
            raise CompileError(f"{NO_FOLDER}: {problem}. Hint: {MAKE_ROOM}.") from problem

    def launch(self) -> None:
        """Start as many processes as there are cores. Raises CompileError."""
        try:
            self._write()
        except OSError as problem:
            raise CompileError(
                f"Cannot write the C source: {problem}. Hint: {MAKE_ROOM}."
            ) from problem
        self._fill()

    def _write(self) -> None:
        base = [*self._command, *self._flags]
        for k, source in enumerate(self._sources):
            path = self._folder.file(f"{k}.c")
            with open(path, "w", encoding="utf-8") as file:
                file.write(source)
            if len(self._sources) == 1:
                target = self._folder.file("library.so")
                self._waiting.append([*base, *self._link, path, "-o", target, *self._libraries])
            else:
                self._waiting.append([*base, "-c", path, "-o", self._folder.file(f"{k}.o")])

    def _fill(self) -> None:
        while self._waiting and len(self._running) < toolchain.cores():
            log = self._folder.file(f"{len(self._waiting)}.log")
            environment = toolchain.environment(self._folder.path)
            self._running.append(Process(self._waiting.popleft(), environment, log))

    @property
    def ended(self) -> bool:
        """Whether the last process has ended."""
        return not self._waiting and all(process.ended for process in self._running)

    def finish(self) -> bytes:
        """The library's bytes. Raises CompileError."""
        self._wait()
        if len(self._sources) > 1:
            objects = [self._folder.file(f"{k}.o") for k in range(len(self._sources))]
            command = [*self._command, *self._link, *objects]
            target = self._folder.file("library.so")
            self._waiting.append([*command, "-o", target, *self._libraries])
            self._fill()
            self._wait()
        return self._image()

    def keep_sources(self, error: CompileError) -> CompileError:
        """What to raise in place of ``error``: with the path of the sources, which stay."""
        self._stop()
        before = self._folder.path
        names = [f"{k}.c" for k in range(len(self._sources))]
        after = self._folder.keep(names)
        self._kept = True
        text = str(error).replace(os.path.basename(before), os.path.basename(after))
        where = ", ".join(os.path.join(after, name) for name in names[:3])
        more = f" and {len(names) - 3} more there" if len(names) > 3 else ""
        return CompileError(f"{text}\nThe source is kept: {where}{more}")

    def _wait(self) -> None:
        while self._running:
            self._running.popleft().wait(self._deadline)
            self._fill()

    def _image(self) -> bytes:
        try:
            with open(self._folder.file("library.so"), "rb") as file:
                image = file.read()
        except OSError:
            image = b""
        if len(image) < 64:
            command = shlex.join(self._command)
            raise CompileError(f"The C compiler {command} ended well but wrote no library.")
        return image

    def _stop(self) -> None:
        for process in self._running:
            process.kill()
        self._running.clear()

    def close(self) -> None:
        """Stop what runs and remove the folder, except for sources that are to be kept."""
        self._stop()
        if not self._kept:
            self._folder.remove()

    def disown(self) -> None:
        """Leave processes and files to the process that this one was forked from."""
        self._running.clear()
        self._folder.disown()
