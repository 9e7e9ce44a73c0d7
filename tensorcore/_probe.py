"""Try a backend for real: compiled and run, here or in a child process.

A driver or a plugin in native code may kill the process, or never answer; strangers' plugins
are therefore looked at from outside before they are first loaded, and all by ``doctor``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import IO, Any, NamedTuple

from ._discovery import ADDONS, BACKENDS, OPTION_GROUP, Entry, installed, option_entry

_STARTED, _FOUND, _ENDED = "tensorcore-probe-started", "tensorcore-probe:", "tensorcore-probe-ended"
#: Seconds for Python and tensorcore themselves to start, before the plugin's time runs.
_START_LIMIT = 120.0
#: Signals for which Python's faulthandler shows a traceback.
_CRASHES = tuple(
    getattr(signal, name, 0) for name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")
)
#: Characters of an error that a line shows.
_LINE = 200
_RETRY = "mend or update it, then run 'tensorcore doctor', which tries it afresh"


@dataclass(frozen=True, slots=True)
class Probe:
    """What trying a backend showed. ``works`` is true when its result was right; ``blocks``
    when it killed or hung the process or computed something wrong; ``idle`` when it can run
    here, by its own word, but raised where it should have computed."""

    backend: str
    works: bool
    state: str
    reason: str = ""
    hint: str = ""
    devices: Sequence[str] = ()
    versions: dict[str, str] = field(default_factory=dict)
    blocks: bool = False
    idle: bool = False


# -- the smoke test ------------------------------------------------------------------------

#: What is computed: the first of these whose ops the backend takes.
_EXPRESSIONS: tuple[tuple[str, Callable[[Any, Any], Any]], ...] = (
    ("exp(x) * 2 + 1", lambda xp, x: xp.exp(x) * 2 + 1),
    ("x * 2 + 1", lambda xp, x: x * 2 + 1),
    ("x + x", lambda xp, x: x + x),
    ("-x", lambda xp, x: -x),
)


def smoke(name: str) -> str:
    """Compile and run a small expression on the backend; ``""`` or what was wrong."""
    try:
        return wrong_result(name)
    except Exception as cause:  # noqa: BLE001  (whatever it is, it is the answer)
        return _line(cause)


def wrong_result(name: str) -> str:
    """Compute a small expression in each float that the backend declares: ``""`` or what was
    wrong. Raises what the backend raises. Ops that it declares unsupported are not asked for.
    """
    import numpy as np

    import tensorcore
    from tensorcore import config, plugins, tensor

    from .dtypes import FLOATING
    from .errors import UnsupportedOp
    from .types import TensorType

    declared = plugins.select(name).backend.capabilities().dtypes
    dtypes = [dtype for dtype in FLOATING if dtype in declared]
    values = [np.array([0.0, 1.0, -2.0], dtype) for dtype in dtypes]
    for words, expression in _EXPRESSIONS if dtypes else ():
        inputs = [TensorType(dtype, (False,))(f"x_{dtype}") for dtype in dtypes]
        outputs = [expression(tensor, x) for x in inputs]
        try:
            with config.change_flags(fallback="error", compute_test_value="off"):
                found = tensorcore.function(inputs, outputs, backend=name)(*values)
        except UnsupportedOp:
            continue
        for dtype, value, result in zip(dtypes, values, found, strict=True):
            wanted = expression(np, value.astype("float64"))
            near = 64 * float(np.finfo(dtype).eps)
            if result.dtype != dtype or not np.allclose(result, wanted, rtol=near, atol=near):
                shown = f"{result} ({result.dtype})"
                return f"{words} of {value} in {dtype} gave {shown}, expected {wanted}"
        return ""
    return ""


def _line(cause: BaseException) -> str:
    """The first line of an error and, of a compiler's many, the first that says error."""
    first, *others = str(cause).strip().splitlines() or [""]
    error = next((line for line in others if "error" in line.lower()), "")
    limit = _LINE // 2 if error else _LINE
    words = _cut(f"{type(cause).__name__}: {first}".rstrip(": "), limit)
    return f"{words} ... {_cut(error, limit)}" if error else words


def _cut(line: str, limit: int) -> str:
    short = " ".join(line.split())
    return short if len(short) <= limit else f"{short[: limit - 4]} ..."


def probe_here(name: str) -> Probe:
    """Status and smoke test in this process."""
    from . import plugins
    from .errors import TensorcoreError

    try:
        status = plugins.status(name)
    except TensorcoreError as cause:
        return Probe(name, False, "unknown", str(cause))
    if status.state != "ok":
        return Probe(name, False, status.state, status.reason, status.hint)
    known = status.devices, dict(status.versions)
    try:
        wrong = wrong_result(name)
    except Exception as cause:  # noqa: BLE001  (whatever it is, it is the answer)
        hint = f"{_RETRY}; its traceback: a function of yours with backend={name!r}"
        return Probe(name, False, "broken", _line(cause), hint, *known, idle=True)
    if wrong:
        return Probe(name, False, "broken", wrong, _RETRY, *known, blocks=True)
    return Probe(name, True, "ok", "", "", *known)


# -- the parent's part ---------------------------------------------------------------------


def probe_all(seconds: float) -> list[Probe]:
    """Try every plugin that is announced, afresh; none is imported here."""
    from . import _trial, config

    entries = () if "off" in config.plugins else installed()
    found: list[Probe] = []
    for entry in entries:
        label = f"add-on {entry.spec}" if entry.group == ADDONS else entry.spec
        found += [replace(probe, backend=label) for probe in _trial.try_afresh(entry, seconds)]
    for word in config.plugins:
        if word != "off":
            found += _trial.try_afresh(option_entry(word), seconds)
    specs = {probe.backend for probe in found if not probe.backend.startswith("add-on ")}
    names = [spec.partition("@")[0] for spec in specs]
    alone = {spec: name for spec, name in zip(specs, names, strict=True) if names.count(name) == 1}
    return [replace(probe, backend=alone.get(probe.backend, probe.backend)) for probe in found]


def probe_in_child(entry: Entry, seconds: float) -> list[Probe] | None:
    """Try one plugin, and all of its backends, in a child process, which may crash or hang
    without harm. ``None`` when no child came as far as the plugin, so that nothing is known."""
    try:
        child = _run(entry, seconds)
    except OSError:
        return None
    if _STARTED not in child.lines:
        return None
    marked = [line.removeprefix(_FOUND) for line in child.lines if line.startswith(_FOUND)]
    found = [Probe(**json.loads(line)) for line in marked]
    label = entry.value if entry.group == OPTION_GROUP else entry.name
    if child.code is None:
        reason = f"no answer within {seconds:g} s"
        more = "if it only needs more time: tensorcore doctor --timeout SECONDS"
        found.append(Probe(label, False, "broken", reason, f"{_RETRY}; {more}", blocks=True))
    elif child.code or _ENDED not in child.lines:
        reason = f"the process that tried it {_ending(child.code)}{child.last_words}"
        hint = _RETRY
        if -child.code in _CRASHES:
            module = entry.value.partition(":")[0].strip()
            hint += f'; where it died: python -X faulthandler -c "import {module}"'
        found.append(Probe(label, False, "broken", reason, hint, blocks=True))
    return found


class _Child(NamedTuple):
    """How a child ended: its exit code (``None``: it did not), and what it said."""

    code: int | None
    lines: list[str]
    last_words: str


def _run(entry: Entry, seconds: float) -> _Child:
    """Raises OSError when no child can be started."""
    # A file for an answer, since a pipe that the plugin handed on would stay open; a group of
    # its own, so that what the plugin started ends with it.
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "tensorcore._probe", *_identity(entry)],
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=errors,
            env=_environment(entry),
            start_new_session=True,
        )
        try:
            code = _wait(child, answer, seconds)
        finally:
            if child.poll() is None:
                _kill(child)
        lines = _read(answer)
        said = [line for line in _read(errors) if line.strip() and not _is_ours(line)]
    return _Child(code, lines, f": {said[-1].strip()}" if said else "")


def _identity(entry: Entry) -> tuple[str, str, str]:
    return entry.group, entry.name, entry.distribution


def _is_ours(line: str) -> bool:
    """What we say ourselves there, as of a mistake in an rc file, explains no crash."""
    return line.startswith("tensorcore: ")


def _wait(child: subprocess.Popen[bytes], answer: IO[bytes], seconds: float) -> int | None:
    """Its exit code, or ``None`` when its time is over. The time runs from its first word."""
    started = False
    deadline = time.monotonic() + _START_LIMIT
    while (code := child.poll()) is None:
        now = time.monotonic()
        if not started and os.fstat(answer.fileno()).st_size:
            started, deadline = True, now + seconds
        if now > deadline:
            return None
        time.sleep(0.01)
    return code


def _kill(child: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        with suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)
    child.kill()
    child.wait()


def _read(file: IO[bytes]) -> list[str]:
    file.seek(0)
    return file.read().decode(errors="replace").splitlines()


def _environment(entry: Entry) -> dict[str, str]:
    """The child sees no other module of the option, and imports from where we do."""
    word = f"off,{entry.value}" if entry.group == OPTION_GROUP else ","
    path = os.pathsep.join(place or os.getcwd() for place in sys.path)
    return {**os.environ, "TENSORCORE_PLUGINS": word, "PYTHONPATH": path}


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


# -- the child's part ----------------------------------------------------------------------


def main(arguments: Sequence[str]) -> int:
    """Print what was found, one marked line for each backend of the plugin."""
    from . import _trial, config

    _leave_no_core()
    known = [*installed(), *(option_entry(word) for word in config.plugins)]
    entry = next(entry for entry in known if _identity(entry) == tuple(arguments))
    _trial.alone = entry
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answer:  # the plugin may close its own
        print(_STARTED, file=answer, flush=True)
        for probe in _probes(entry):
            print(f"\n{_FOUND}{json.dumps(asdict(probe))}", file=answer, flush=True)
        print(f"\n{_ENDED}", file=answer, flush=True)
    return 0


def _probes(entry: Entry) -> Iterator[Probe]:
    from . import plugins

    names = []
    if entry.group == OPTION_GROUP:
        names = [backend.spec for backend in plugins.backends()]
    elif entry.group == BACKENDS:
        names = [entry.spec]
    for name in names:
        yield probe_here(name)
    if not names:
        status = plugins.plugin_status(entry)
        yield Probe(entry.spec, status.state == "ok", status.state, status.reason, status.hint)


def _leave_no_core() -> None:
    """A crash here is an answer and needs no file of the memory."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
