"""A process that has compiled functions and forks children with ever more memory: ``python
starved.py BACKEND LIMITS FAILURES``. It prints one line of JSON: how the children ended, and by how
many bytes a process grew over so many calls that failed."""

from __future__ import annotations

import json
import os
import resource
import sys
from collections import Counter
from typing import Any

import numpy as np

import tensorcore.tensor as T
from tensorcore import config, function, shared

SUCCESS, REFUSED, WRONG = 0, 10, 11
SIDE = 500


def address_space() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))


class Work:
    """A function with buffers, a result and an update, each of some 2 MB."""

    def __init__(self, backend: str) -> None:
        x = T.dmatrix("x")
        self.cell = shared(np.zeros((SIDE, SIDE)))
        y = T.exp(T.dot(x, x.T) * 1e-9) + T.cumsum(x, axis=0)
        with config.change_flags(backend=backend):
            self.f = function(
                [x], [T.dot(y, x), y], updates=[(self.cell, self.cell + T.dot(y, y) * 0 + 1)]
            )
        self.small, self.large = np.ones((3, 3)), np.ones((SIDE, SIDE))
        self.cell.set_value(np.zeros((3, 3)))
        self.f(self.small)
        self.cell.set_value(np.zeros((SIDE, SIDE)))

    def call(self) -> int:
        """How a call ends; WRONG too where it changed the cell and raised, or the reverse."""
        before = self.cell.cell[0][0, 0]
        try:
            _, y = self.f(self.large)
            ended = SUCCESS if y[5, 5] == np.exp(SIDE * 1e-9) + 6 else WRONG
            del _, y
        except MemoryError:
            ended = REFUSED
        except BaseException as problem:  # noqa: BLE001 (told)
            os.write(2, f"{type(problem).__name__}: {problem}\n".encode()[:500])
            return WRONG
        cell = self.cell.cell[0]
        right = cell[0, 0] == cell[-1, -1] == before + (ended == SUCCESS)
        return ended if right else WRONG


def steps(work: Work, count: int) -> dict[str, int]:
    """How children end whose memory grows from nothing beside ours to plenty."""
    endings: Counter[str] = Counter()
    start = address_space()
    for k in range(count):
        child = os.fork()
        if child == 0:
            limit(start + (k + 1) * (32 << 20) // count)
            os._exit(work.call())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        endings[{SUCCESS: "success", REFUSED: "refused"}.get(code, f"ended with {code}")] += 1
    return dict(endings)


def failures(work: Work, count: int) -> dict[str, Any]:
    """Growth over calls that all fail, in a child."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        limit(address_space() + (3 << 20))
        refused = sum(work.call() == REFUSED for _ in range(100))
        before = resident()
        refused += sum(work.call() == REFUSED for _ in range(count))
        grown = resident() - before
        os.write(writing, json.dumps({"refused": refused - 100, "grown": grown}).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    return dict(json.loads(os.read(reading, 1000) or "{}"))


def main() -> None:
    backend, limits, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    work = Work(backend)
    print(json.dumps({"endings": steps(work, limits), **failures(work, count)}))


main()
