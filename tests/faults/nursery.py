"""A process that has imported everything and compiled nothing, and forks children that meet a
fault: ``python nursery.py``. Orders are lines of JSON on standard input; ``client.py`` gives them.

A child is as fresh as a new process where it matters here, and starts in a hundredth of the time.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
import time
from typing import Any

import numpy as np
from tensorcore_cgen import compiler, emit, runtime  # noqa: F401, so that children need not

import tensorcore
import tensorcore.tensor as T
from tensorcore import cache, config

WRONG = 1
DATA = np.linspace(-2.0, 2.0, 12).reshape(3, 4)


# -- what children do ------------------------------------------------------------------------


def compute(number: int = 0, backend: str = "cgen", times: int = 1) -> dict[str, Any]:
    """Compile the graph with this number, and the next ones, and compare with NumPy."""
    right = True
    for k in range(number, number + times):
        x = T.dmatrix("x")
        factor = 2.0 + k
        f = tensorcore.function([x], T.sum(T.abs(x * factor + 1), axis=0), backend=backend)
        expected = np.abs(DATA * factor + 1).sum(axis=0)
        right = right and bool(np.allclose(f(DATA), expected, rtol=1e-12))
    report = f.report()
    return {
        "right": right,
        "backend": report.compilation.backend,
        "code": report.making.get("compiled code", ""),
    }


def train(backend: str = "cgen") -> dict[str, Any]:
    """A function of two files, with an update; twenty steps against NumPy."""
    rng = np.random.default_rng(1)
    data, start = rng.normal(size=(20, 6)), rng.normal(size=(6, 4))
    x, w = T.dmatrix("x"), tensorcore.shared(start)
    cost = T.sum(T.sqrt(1 + T.dot(x, w) ** 2)) + T.sum(T.abs(w)) / 7
    step = tensorcore.function(
        [x], [cost, T.max(x), T.min(x, axis=1), T.prod(x, axis=0), T.argmax(w)],
        updates=[(w, w - 0.01 * T.grad(cost, w))], backend=backend,
    )  # fmt: skip
    value = start
    for _ in range(20):
        step(data)
        z = data @ value
        value = value - 0.01 * (data.T @ (z / np.sqrt(1 + z * z)) + np.sign(value) / 7)
    return {"right": bool(np.allclose(w.get_value(), value, rtol=1e-9))}


def hold(key: str) -> dict[str, Any]:
    """Take the lock of ``key`` and sit there."""
    lock = cache.default().try_lock(key)
    print("held", flush=True)
    time.sleep(600)
    return {"right": lock is not None}


CASES = {"compute": compute, "train": train, "hold": hold}


# -- what befalls them -----------------------------------------------------------------------


def prepare(order: dict[str, Any]) -> None:
    """Environment, standard output and error, and the fault."""
    for name, value in order.get("environment", {}).items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    tempfile.tempdir = None
    for number, name in ((1, "out"), (2, "err")):
        handle = os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(handle, number)
    if "folder" in order:
        os.chdir(order["folder"])
    if "file_size" in order:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_size"], hard))
    if order.get("locks") is False:
        cache.fcntl.flock = _no_locks
    config.reload()


def _no_locks(handle: int, operation: int) -> None:
    raise OSError(37, "No locks available")


def live(order: dict[str, Any]) -> int:
    """The whole life of a child; the exit code."""
    prepare(order)
    try:
        answer = CASES[order["case"]](**order.get("arguments", {}))
    except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
        answer = {"right": False, "error": type(error).__name__, "message": str(error)}
    end = getattr(runtime._state, "build", None)
    if end is not None and order.get("leave", True):
        runtime._native(wait=end.own)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    print(json.dumps(answer), flush=True)
    return 0 if answer["right"] else WRONG


def serve() -> None:
    """Answer each line: the number of a child that was started, or how one ended."""
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            print(_ended(order["wait"], order["seconds"]), flush=True)
            continue
        child = os.fork()
        if child == 0:
            code = 70
            try:
                code = live(order)
            finally:
                os._exit(code)
        print(child, flush=True)


def _ended(child: int, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return str(os.waitstatus_to_exitcode(status))
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "late"


if __name__ == "__main__":
    serve()
