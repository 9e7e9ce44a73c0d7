"""First calls on the reference, while the backend's compiler works in the background."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .backend import Executable
from .errors import CompileError
from .origin import warn


class Ahead:
    """An Executable that is ``first`` until ``compile`` has made the other; then it is that one.

    Where compiling fails, ``instead`` says what that means, once, in the thread of a caller, and
    calls stay with ``first``. A child of a fork whose parent has not finished stays there too.
    """

    def __init__(
        self,
        first: Executable,
        compile: Callable[[], Executable],
        instead: Callable[[CompileError], object],
    ) -> None:
        self._first = first
        self._compile = compile
        self._instead = instead
        self._made: Executable | None = None
        self._problem: BaseException | None = None
        self._failed = ""
        self._last = "none so far"
        context = contextvars.copy_context()  # the configuration of the caller
        self._thread = threading.Thread(target=context.run, args=(self._work,), daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            self._made = self._compile()
        except BaseException as problem:  # noqa: BLE001 (raised by the next call)
            self._problem = problem

    def wait(self) -> None:
        """Until the compiler has ended, well or not."""
        self._thread.join()

    def _look(self) -> Executable | None:
        """The compiled one, if it is there. Raises what compiling raised, but for CompileError."""
        problem, self._problem = self._problem, None
        if problem is not None:
            self._failed = str(problem).strip().partition("\n")[0] or type(problem).__name__
            if not isinstance(problem, CompileError):
                raise problem
            if self._instead(problem) is None:
                warn(f"compiling failed, calls stay on the reference: {problem}", RuntimeWarning)
        return self._made

    def __call__(
        self, inputs: Sequence[Any], cells: Sequence[Any]
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        made = self._look()
        self._last = "the reference" if made is None else "compiled code"
        return (made or self._first)(inputs, cells)

    def bind(self, cells: Sequence[list[Any]], single: bool) -> Callable[..., Any] | None:
        """See ``backend.Binds``."""
        made = self._look()
        bind = getattr(made, "bind", None)
        if bind is None:
            return None
        self._last = "compiled code"
        found: Callable[..., Any] | None = bind(cells, single)
        return found

    def update(self, inputs: Sequence[Any], cells: Sequence[Any], announce: Any) -> Any:
        """See ``backend.Updates``."""
        made = self._look()
        update = getattr(made, "update", None)
        if update is None:
            return NotImplemented
        self._last = "compiled code"
        return update(inputs, cells, announce)

    def notes(self) -> Mapping[str, str]:
        """See ``backend.Described``."""
        if self._failed:
            state = f"compiling failed ({self._failed})"
        else:
            state = "the compiler still works" if self._made is None else "compiled code is there"
        found = {"in the background": state, "the last call ran on": self._last}
        notes = getattr(self._made, "notes", dict)
        return {**found, **notes()}
