"""R17: whatever ends a call, all ten updates are there or none; and who reads meanwhile sees no
half of a value."""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tensorcore_cgen import compiler, runtime
from tensorcore_cgen.emit import emit
from tensorcore_cgen.runtime import GeneratedExecutable

import tensorcore.tensor as T
from tensorcore import Shared, config, function, interpret, shared
from tensorcore.function import Function

if TYPE_CHECKING:
    from faults.conftest import Tally

KINDS: tuple[type[BaseException], ...] = (RuntimeError, MemoryError, KeyboardInterrupt)
COUNT = 10


def ten_updates(backend: str, rows: int = 4) -> tuple[Function, list[Shared]]:
    """Eight updates of a matrix, one by rows and a counter; each from its variable alone."""
    cells = [shared(np.full((rows, 3), float(k)), name=f"w{k}") for k in range(COUNT - 2)]
    table, count = shared(np.zeros((rows, 3))), shared(0)
    x, places = T.dmatrix("x"), T.lvector("places")
    changes: list[tuple[Shared, Any]] = [
        (w, w + T.minimum(T.exp(T.dot(T.dot(w, x), x)), 1.0)) for w in cells
    ]
    changes += [(table, T.inc_subtensor(table[places], 1.0)), (count, count + 1)]
    with config.change_flags(backend=backend, debug=True):
        f = function([x, places], [T.sum(w) for w in cells], updates=changes)
    return f, [*cells, table, count]


ARGUMENTS = np.full((3, 3), 0.125), np.array([0, 2])


def state(cells: list[Shared]) -> list[bytes]:
    return [cell.get_value().tobytes() for cell in cells]


def changed(before: list[bytes], cells: list[Shared]) -> int:
    return sum(a != b for a, b in zip(before, state(cells), strict=True))


def whole(before: list[bytes], cells: list[Shared], ended: bool) -> bool:
    return changed(before, cells) in ((0,) if ended else (0, COUNT))


def test_the_reference_at_every_step(tally: Tally, monkeypatch: pytest.MonkeyPatch) -> None:
    f, cells = ten_updates("numpy_ref")
    steps = sum(type(step).__name__ == "Call" for step in f.program.steps)
    proper, tried, held = interpret.call, 0, 0
    for kind in KINDS:
        for wanted in range(steps):
            turns = iter(range(steps))

            def call(*args: Any, **kwargs: Any) -> Any:
                if next(turns) == wanted:  # noqa: B023
                    raise kind  # noqa: B023
                return proper(*args, **kwargs)

            before = state(cells)
            monkeypatch.setattr(interpret, "call", call)
            with pytest.raises(kind):
                f(*ARGUMENTS)
            monkeypatch.undo()
            tried, held = tried + 1, held + whole(before, cells, ended=True)
    before = state(cells)
    f(*ARGUMENTS)
    assert changed(before, cells) == COUNT
    tally.held("R17 updates whole or not: numpy_ref, at every step", tried, held)


def failing_at_will(f: Function) -> tuple[GeneratedExecutable, Any]:
    """The function's program as generated C in which a step can be told to fail."""
    sources, plan = emit(f.program)
    step = "    tc_steps[k].run("
    assert step in sources[0]
    head, _, tail = sources[0].rpartition("int tc_run(")
    tail = tail.replace(step, f"    if (k == tc_fail_at) return c->error[0] = tc_fail_how;\n{step}")
    sources[0] = f"{head}u32 tc_fail_at = 9999; i64 tc_fail_how;\nint tc_run({tail}"
    library = compiler.build(sources, needs_libm=True)
    made = GeneratedExecutable(library, plan, f.program, runtime._native())
    return made, library


@pytest.mark.parametrize("size", ["short", "long"])
def test_generated_code_at_every_step(size: str, tally: Tally) -> None:
    """Short calls hold the global lock, and long ones the locks of their cells."""
    assert runtime._native() is not None
    rows = 4 if size == "short" else 20_000
    f, cells = ten_updates("cgen", rows)
    f.executable, library = failing_at_will(f)
    f._fast = None
    f._bind()
    at = ctypes.c_uint.from_address(library.address("tc_fail_at"))
    how = ctypes.c_longlong.from_address(library.address("tc_fail_how"))
    section = f.program.commit_from
    assert section is not None and all(c.in_place for c in f.program.commits)
    tried, held = 0, 0
    f(*ARGUMENTS)
    for wanted in range(section - 1):  # the sizes are no step of the loop
        before, places = state(cells), [id(cell.cell[0]) for cell in cells]
        at.value, how.value = wanted, 5
        with pytest.raises(MemoryError):
            f(*ARGUMENTS)
        at.value = 9999
        tried, held = tried + 1, held + whole(before, cells, ended=True)
        f(*ARGUMENTS)
        assert changed(before, cells) == COUNT
        assert places == [id(cell.cell[0]) for cell in cells], "an update was not in place"
    tally.held(f"R17 updates whole or not: cgen, {size} calls", tried, held)


def test_the_last_moment_before_cells_are_written(tally: Tally) -> None:
    f, cells = ten_updates("cgen", 20_000)
    f(*ARGUMENTS)
    held = 0
    for kind in KINDS:
        before = state(cells)

        def announce() -> None:
            raise kind  # noqa: B023

        f._announce = announce  # type: ignore[method-assign]
        with pytest.raises(kind):
            f(*ARGUMENTS)
        del f._announce
        held += whole(before, cells, ended=True)
        f(*ARGUMENTS)
        assert changed(before, cells) == COUNT
    tally.held("R17 updates whole or not: cgen, last moment", len(KINDS), held)


@pytest.mark.parametrize("backend", ["cgen", "numpy_ref"])
def test_interrupts_at_any_moment(backend: str, tally: Tally) -> None:
    f, cells = ten_updates(backend, 20_000)
    f(*ARGUMENTS)
    start = time.perf_counter()
    f(*ARGUMENTS)
    duration = time.perf_counter() - start
    rounds, held, raised = tally.size(25, 500), 0, 0
    old = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for k in range(rounds):
            before = state(cells)
            try:
                signal.setitimer(signal.ITIMER_REAL, duration * 1.2 * (k + 0.5) / rounds)
                f(*ARGUMENTS)
                while True:
                    time.sleep(0.001)
            except KeyboardInterrupt:
                raised += 1
            held += whole(before, cells, ended=False)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert raised == rounds
    before = state(cells)
    f(*ARGUMENTS)
    assert changed(before, cells) == COUNT
    tally.held(f"R17 updates whole or not: {backend}, interrupted", rounds, held)


def together(*work: Callable[[], None]) -> None:
    problems: list[BaseException] = []

    def run(one: Callable[[], None]) -> None:
        try:
            one()
        except BaseException as problem:  # noqa: BLE001 (handed on)
            problems.append(problem)

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not problems, problems
    assert not any(thread.is_alive() for thread in threads), "a thread waits for ever"


def test_readers_of_long_updates_see_whole_values(tally: Tally) -> None:
    """Two functions update two large variables each, which overlap, while others read them by
    ``get_value`` and in functions, long and short."""
    a, b, c = (shared(np.zeros(400_000), name=n) for n in "abc")
    with config.change_flags(backend="cgen"):
        one = function([], None, updates=[(a, T.sqrt(a * a) + 1), (b, T.sqrt(b * b) + 1)])
        two = function([], None, updates=[(c, T.sqrt(c * c) + 1), (b, T.sqrt(b * b) + 1)])
        look = function([], [a[0], T.min(a), T.max(a), T.min(b), T.max(b), T.max(b - a - c)])
        glance = function([], [a[7], a[399_999]])
    rounds = tally.size(40, 1000)
    wrong: list[Any] = []
    looks = [0]
    done = threading.Event()

    def writer(f: Function) -> None:
        for _ in range(rounds):
            f()

    def reader(k: int) -> None:
        while not done.is_set():
            looks[0] += 1
            if k == 0:
                first, low, high, small, large, rest = map(float, look())
                if not (first == low == high and small == large and rest == 0):
                    wrong.append((low, high, small, large, rest))
            elif k == 1:
                value = a.get_value()
                if value.min() != value.max():
                    wrong.append(("get_value", value.min(), value.max()))
            else:
                first, last = map(float, glance())
                if first != last:
                    wrong.append(("glance", first, last))

    def write() -> None:
        try:
            together(lambda: writer(one), lambda: writer(two))
        finally:
            done.set()

    together(write, *(lambda k=k: reader(k) for k in range(3)))
    assert a.get_value()[5] == rounds and b.get_value()[5] == 2 * rounds
    tally.held("R17 long updates: readers see whole values", looks[0], looks[0] - len(wrong))


def test_a_large_table_is_not_copied() -> None:
    table = shared(np.zeros((200_000, 8)))
    i, v = T.lvector("i"), T.dmatrix("v")
    with config.change_flags(backend="cgen"):
        f = function([i, v], None, updates=[(table, T.inc_subtensor(table[i], v))])
    arguments = np.arange(400_000) % 200_000, np.ones((400_000, 8))
    f(*arguments)
    assert f._fast is not None and f._fast(*arguments) is NotImplemented, "this call is not long"
    place = id(table.cell[0])
    for _ in range(3):
        f(*arguments)
    assert id(table.cell[0]) == place
    held = table.get_value(borrow=True)
    f(*arguments)
    assert id(table.cell[0]) != place, "a borrowed value was written over"
    assert held[0, 0] == 8 and table.get_value()[0, 0] == 10
