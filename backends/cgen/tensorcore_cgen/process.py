"""Running one program with a time limit, with the least delay there is."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Sequence

from tensorcore.errors import CompileError


class Process:
    """A running program; what it says goes to the file ``log``. It is started without a shell,
    in a process group of its own."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: str) -> None:
        """Raises CompileError if it cannot be started."""
        self.command = list(command)
        self._log = log
        write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        # posix_spawn, not subprocess: that one takes 10 ms to import.
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, write, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        try:
            self._id = os.posix_spawn(
                self.command[0], self.command, environment, file_actions=actions, setpgroup=0
            )
        except OSError as problem:
            raise CompileError(f"Cannot start {self._text()}: {problem}.") from problem
        self._alive = True

    def wait(self, deadline: float) -> None:
        """Until it ends. Raises CompileError unless it ends well and before ``deadline`` on
        the monotonic clock."""
        try:
            status = self._status(deadline)
        finally:
            self.kill()
        if status == 0:
            return
        if status is None:
            what = "did not finish in time (option cgen.timeout)"
        elif status > 0:
            what = f"failed with exit status {status}"
        else:
            what = f"failed with signal {_signal_name(-status)}"
        said = self._said()
        raise CompileError(
            f"The C compiler {what}.\nIt was started as: {self._text()}\n"
            + (f"It said:\n{said}" if said else "It said nothing.")
        )

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself; its status is still to be had from ``wait``."""
        try:
            return os.waitid(os.P_PID, self._id, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except OSError:
            return True

    def kill(self) -> None:
        """Stop it and all it started, if it still runs."""
        if not self._alive:
            return
        self._alive = False
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._id, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._id, 0)

    def _status(self, deadline: float) -> int | None:
        """Exit status, minus the signal's number, or None at the deadline."""
        try:
            while time.monotonic() < deadline:
                self._sleep(deadline)
                done, status = os.waitpid(self._id, os.WNOHANG)
                if done:
                    self._alive = False
                    return os.waitstatus_to_exitcode(status)
        except ChildProcessError:
            # The host program ignores SIGCHLD: the status is lost, the output file decides.
            self._alive = False
            return 0
        return None

    def _sleep(self, deadline: float) -> None:
        """Until it ends, the deadline, or for a moment where one cannot wait for it."""
        if not hasattr(os, "pidfd_open"):
            time.sleep(0.002)
            return
        try:
            handle = os.pidfd_open(self._id)
        except OSError:
            time.sleep(0.002)
            return
        try:
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
        finally:
            os.close(handle)

    def _said(self, lines: int = 20, width: int = 300) -> str:
        """Its last words, fit to be printed whatever they are."""
        try:
            with open(self._log, "rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - 65536))
                text = file.read().decode(errors="replace")
        except OSError:
            return ""
        last = text.strip().splitlines()[-lines:]
        return "\n".join(
            "".join(c if c.isprintable() else " " for c in line[:width]).rstrip() for line in last
        )

    def _text(self) -> str:
        import shlex

        return shlex.join(self.command)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
