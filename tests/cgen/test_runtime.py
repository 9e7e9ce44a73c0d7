"""The call path of generated code, with C written by hand in the generator's place."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from tensorcore_cgen import blas, compiler, runtime
from tensorcore_cgen.callplan import CallPlan
from tensorcore_cgen.emit import emit
from tensorcore_cgen.runtime import GeneratedExecutable

import tensorcore.tensor as T
from tensorcore import In, config, function, shared
from tensorcore.errors import CompileError, ShapeError, TensorcoreError
from tensorcore.program import Check, Program, Size, Sizes, Slot

PRELUDE = """
typedef long long i64;
typedef struct Context Context;
struct Context {
  void **slot; i64 *size; const i64 *const *dims; void *const *blas; i64 blas_int; i64 work;
  i64 error[8]; i64 *times; int (*host)(i64);
  void (*split)(Context *, const unsigned *, void *, i64, double, i64); int (*poll)(Context *);
  void *(*room)(Context *, i64); void *own, *shared; i64 threads; int (*begin)(Context *);
};
"""
DOUBLE = """
int tc_sizes(Context *c, i64 s) { c->work = c->size[0] = c->dims[0][0]; return c->size[0] > 99999; }
int tc_run(Context *c, i64 s) {
  const T *x = c->slot[0]; T *y = c->slot[1];
  for (i64 i = 0; i < c->size[0]; i++) y[i] = x[i] * 2;
  return 0;
}
"""
EMPTY = Program((), (), (), (), (), (), (), ())
C_TYPES = {"float64": "double", "float32": "float", "int64": "i64", "int8": "signed char"}


@cache
def library(text: str) -> Any:
    return compiler.build([PRELUDE + text])


def load(text: str, plan: CallPlan, path: str, program: Program = EMPTY) -> GeneratedExecutable:
    native = runtime._native() if path == "runtime" else None
    if path == "runtime" and not runtime._is_supported():
        pytest.skip("the C runtime does not fit this Python")
    made = GeneratedExecutable(library(text), plan, program, native, attach=False)
    assert made.path == path
    return made


def double(path: str, dtype: str = "float64") -> GeneratedExecutable:
    vector = ((0, dtype, 1),)
    plan = CallPlan(2, 1, 1, vector, (), (), ((1, dtype, (0,), 0),), (), ())
    return load(DOUBLE.replace("T ", C_TYPES[dtype] + " "), plan, path)


both = pytest.mark.parametrize("path", ["runtime", "ctypes"])


@both
@pytest.mark.parametrize("dtype", C_TYPES)
@pytest.mark.parametrize("size", [0, 1, 5, 30000])
def test_execute_doubles(path: str, dtype: str, size: int) -> None:
    x = np.arange(size).astype(dtype)
    (y,), commits = double(path, dtype)([x], [])
    assert y.dtype == dtype
    assert y.flags.c_contiguous and y.flags.owndata and y.flags.writeable
    assert_array_equal(y, x * np.array(2, dtype))
    assert len(commits) == 0


@pytest.mark.parametrize("size", [0, 1, 5, 30000])
def test_bound_call_doubles(size: int) -> None:
    executable = double("runtime")
    x = np.arange(float(size))
    alone, listed = executable.bind([], True), executable.bind([], False)
    assert alone is not None and listed is not None
    assert_array_equal(alone(x), x * 2)
    (found,) = listed(x)
    assert_array_equal(found, x * 2)
    del executable  # what is bound must keep library and plan alive
    gc.collect()
    assert_array_equal(alone(x), x * 2)


def test_dropped_outputs_come_again_and_held_ones_never() -> None:
    call = double("runtime").bind([], True)
    assert call is not None
    x = np.arange(4.0)
    places = set()
    for _ in range(10):
        y = call(x)
        places.add(id(y))
        assert_array_equal(y, x * 2)
    assert len(places) == 2
    held = [call(x + k) for k in range(10)]
    assert len({id(a) for a in held}) == 10
    for k, found in enumerate(held):
        assert_array_equal(found, (x + k) * 2)
    rest = held[0][1:]
    watched = [weakref.ref(a) for a in held]
    held.clear()
    for k in range(5):
        call(x - 1 - k)
    assert_array_equal(rest, x[1:] * 2)
    for k, reference in enumerate(watched):
        found = reference()
        assert found is None or (found == (x + k) * 2).all()


def spoil_flags(a: Any) -> None:
    a.flags.writeable = False


@pytest.mark.parametrize(
    "spoil",
    [
        lambda a: setattr(a, "shape", (2, 2)),
        lambda a: setattr(a, "dtype", "i8"),
        lambda a: setattr(a, "dtype", ">f8"),
        lambda a: a.resize(2, refcheck=False),
        spoil_flags,
    ],
)
def test_output_that_its_caller_changed_does_not_come_again(spoil: Callable[[Any], None]) -> None:
    call = double("runtime").bind([], True)
    assert call is not None
    x = np.arange(4.0)
    for _ in range(4):
        y = call(x)
        spoil(y)
        del y
        found = call(x)
        assert found.dtype == "float64"
        assert found.flags.writeable
        assert_array_equal(found, x * 2)
        del found


def test_no_bound_call_through_ctypes() -> None:
    assert double("ctypes").bind([], True) is None


REFUSED: dict[str, Callable[[], tuple[Any, ...]]] = {
    "too few": lambda: (),
    "too many": lambda: (np.ones(2), np.ones(2)),
    "dtype": lambda: (np.ones(2, "f4"),),
    "integers": lambda: (np.ones(2, "i8"),),
    "rank 0": lambda: (np.array(1.0),),
    "rank 2": lambda: (np.ones((2, 2)),),
    "strided": lambda: (np.ones(6)[::2],),
    "reversed": lambda: (np.ones(6)[::-1],),
    "byte order": lambda: (np.ones(2).astype(">f8"),),
    "unaligned": lambda: (np.zeros(17, "u1")[1:].view("f8"),),
    "subclass": lambda: (np.ma.masked_array([1.0]),),
    "list": lambda: ([1.0, 2.0],),
    "none": lambda: (None,),
    "float for a vector": lambda: (1.0,),
    "the sizes' check": lambda: (np.ones(100001),),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bound_call_would_rather_not(case: str) -> None:
    call = double("runtime").bind([], True)
    assert call is not None
    arguments = REFUSED[case]()
    owned = [a for a in arguments if isinstance(a, np.ndarray)]
    before = [sys.getrefcount(a) for a in owned]
    for _ in range(3):
        assert call(*arguments) is NotImplemented
    assert [sys.getrefcount(a) for a in owned] == before
    assert_array_equal(call(np.ones(2)), [2, 2])


def test_longlong_is_int64() -> None:
    call = double("runtime", "int64").bind([], True)
    assert call is not None
    assert_array_equal(call(np.arange(3, dtype="q")), [0, 2, 4])
    assert_array_equal(call(np.arange(3, dtype="l")), [0, 2, 4])


SCALARS = """
int tc_sizes(Context *c, i64 s) { return 0; }
int tc_run(Context *c, i64 s) {
  *(double *)c->slot[2] = *(double *)c->slot[0] + *(i64 *)c->slot[1]; return 0;
}
"""


def test_python_numbers_for_single_numbers() -> None:
    inputs = ((0, "float64", 0), (1, "int64", 0))
    plan = CallPlan(3, 0, 1, inputs, (), (), ((2, "float64", (), 0),), (), ())
    call = load(SCALARS, plan, "runtime").bind([], True)
    assert call is not None
    assert call(1.5, 2) == 3.5
    assert call(1, 2) == 3.0
    assert call(np.float64(0.5), np.array(2)) == 2.5
    assert call(0.0, -(2**63)) == -(2.0**63)
    assert call(np.array(2.5), np.array(4)).shape == ()
    for bad in ((1.0, 2.0), (True, 2), (1.0, True), (1.0, 2**63), (10**400, 2), ("1", 2)):
        assert call(*bad) is NotImplemented
    assert call(-1, 1) == 0.0


STEP = """
int tc_sizes(Context *c, i64 s) {
  c->size[0] = c->dims[1][0]; c->work = c->size[0];
  return c->dims[1][0] != c->dims[0][0];
}
int tc_run(Context *c, i64 s) {
  const double *x = c->slot[0], *w = c->slot[1], *n = c->slot[2];
  double *b = c->slot[3], *v = c->slot[4], *out = c->slot[6];
  if (((i64)b) % 64) return 1;
  *out = *n;
  for (i64 i = 0; i < c->size[0]; i++) b[i] = x[i] * 0.5;
  if (c->begin && c->begin(c)) return 1;
  v = c->slot[4];
  for (i64 i = 0; i < c->size[0]; i++) v[i] = w[i] - b[i];
  *(double *)c->slot[5] = *n + 1;
  return 0;
}
"""
# one input, a vector cell and a counter; the output is the counter's value before the call
STEP_PLAN = CallPlan(
    slots=7, sizes=1, segments=1,
    inputs=((0, "float64", 1),), cells=((1, "float64", 1), (2, "float64", 0)), constants=(),
    outputs=((6, "float64", (), 0),),
    commits=((0, 4, "float64", (0,), 0, True), (1, 5, "float64", (), 0, True)),
    storage=((0, 8, 0, 3, 0, 0),),
)  # fmt: skip
STEP_PROGRAM = Program(
    tuple(Slot("float64", shape) for shape in ((0,), (1,), (), (1,), (1,), (), ())),
    (Size("dim", (0, 0)), Size("dim", (1, 0))),
    (0,), (1, 2), (), (Sizes((0, 1), (Check("equal", (0, 1), "{0} rows, not {1}"),)),), (6,), (),
)  # fmt: skip


def step_cells(size: int = 3) -> list[list[Any]]:
    return [[np.ones(size), None], [np.array(0.0), None]]


@both
def test_execute_leaves_cells_alone(path: str) -> None:
    executable = load(STEP, STEP_PLAN, path, STEP_PROGRAM)
    w, n = np.ones(3), np.array(4.0)
    (out,), (new_w, new_n) = executable([np.array([0.0, 2, 4])], [w, n])
    assert_array_equal(new_w, [1, 0, -1])
    assert (float(new_n), float(out), float(n)) == (5.0, 4.0, 4.0)
    assert_array_equal(w, np.ones(3))


@both
def test_failed_check_says_what_the_program_says(path: str) -> None:
    executable = load(STEP, STEP_PLAN, path, STEP_PROGRAM)
    with pytest.raises(ShapeError, match=r"^2 rows, not 3$"):
        executable([np.ones(2)], [np.ones(3), np.array(0.0)])
    blind = replace(STEP_PROGRAM, steps=())
    with pytest.raises(TensorcoreError, match="mistake in the code generator"):
        load(STEP, STEP_PLAN, path, blind)([np.ones(2)], [np.ones(3), np.array(0.0)])


def test_updates_go_in_place_when_nobody_looks() -> None:
    cells = step_cells()
    call = load(STEP, STEP_PLAN, "runtime", STEP_PROGRAM).bind(cells, False)
    assert call is not None
    places = [id(cell[0]) for cell in cells]
    x = np.array([2.0, 2, 2])
    for k in range(5):
        assert [float(out) for out in call(x)] == [k]
    assert [id(cell[0]) for cell in cells] == places
    assert_array_equal(cells[0][0], np.full(3, -4.0))
    held = cells[0][0]
    view = memoryview(cells[1][0])
    call(x)
    assert_array_equal(held, np.full(3, -4.0))
    assert_array_equal(cells[0][0], np.full(3, -5.0))
    assert (view[()], float(cells[1][0])) == (5.0, 6.0)
    assert sys.getrefcount(held) == 2


def test_cells_that_cannot_be_overwritten_are_swapped() -> None:
    base = np.ones(6)
    locked = np.ones(3)
    locked.flags.writeable = False
    for value in (base[:3], locked):
        cells = step_cells()
        cells[0][0] = value
        call = load(STEP, STEP_PLAN, "runtime", STEP_PROGRAM).bind(cells, False)
        assert call is not None
        call(np.full(3, 2.0))
        assert cells[0][0] is not value
        assert_array_equal(cells[0][0], np.zeros(3))
    assert_array_equal(base, np.ones(6))
    assert_array_equal(locked, np.ones(3))


def test_refused_call_updates_nothing() -> None:
    cells = step_cells()
    executable = load(STEP, STEP_PLAN, "runtime", STEP_PROGRAM)
    call = executable.bind(cells, False)
    assert call is not None
    assert call(np.ones(2)) is NotImplemented  # sizes
    cells[1][1] = "busy"
    assert call(np.ones(3)) is NotImplemented
    cells[1][1] = None
    for bad in (np.ones((3, 1)), np.ones(6)[::2], np.ones(3, "f4"), None, [1.0, 1.0, 1.0]):
        cells[0][0] = bad
        assert call(np.ones(3)) is NotImplemented
        assert cells[0][0] is bad
    cells[0][0] = np.ones(30000)
    assert call(np.ones(30000)) is NotImplemented  # so much work that locks are needed
    assert float(cells[1][0]) == 0.0
    assert_array_equal(cells[0][0], np.ones(30000))
    assert executable.bind(cells[:1], False) is None
    assert executable.bind([(1, None), cells[1]], False) is None  # type: ignore[list-item]


FAILS = """
int tc_sizes(Context *c, i64 s) { c->size[0] = c->dims[0][0]; c->work = 0; return 0; }
int tc_run(Context *c, i64 s) {
  c->error[0] = 1; c->error[1] = 0; c->error[2] = 7; c->error[3] = c->size[0]; return 1;
}
"""
FAILS_PLAN = CallPlan(
    3, 1, 1, ((0, "float64", 1),), ((1, "float64", 1),), (), ((2, "float64", (0,), 0),),
    ((0, 2, "float64", (0,), 0, False),), (),
    failures=((IndexError, "index {0} is out of range for {1}"),),
)  # fmt: skip


@both
def test_a_timed_program_keeps_time(path: str) -> None:
    x = T.dvector("x")
    with config.change_flags(backend="cgen"):
        program = function([x], T.exp(T.dot(x, x)) + x, profile=True).program
    sources, plan = emit(program)
    assert "tc_now" in sources[0]
    built = compiler.build(sources, needs_libm=True)
    native = runtime._native() if path == "runtime" else None
    executable = GeneratedExecutable(built, plan, program, native, attach=False)
    assert executable.path == path
    for size in (3, 50_000):  # the longer one lets other threads run
        (found,), _ = executable([np.full(size, 1e-3)], [])
        np.testing.assert_allclose(found, np.exp(size * 1e-6) + 1e-3)
    timings = executable.timings()
    assert [t.step for t in timings] == list(range(1, len(program.steps)))
    assert {t.calls for t in timings} == {2}
    assert 0 < sum(t.seconds for t in timings) < 60
    assert "tc_now" not in emit(replace(program, timed=False))[0][0]


@both
def test_failure_while_running(path: str) -> None:
    executable = load(FAILS, FAILS_PLAN, path)
    cell = [np.ones(2), None]
    with pytest.raises(IndexError, match="index 7 is out of range for 3"):
        executable([np.ones(3)], [cell[0]])
    if path == "runtime":
        call = executable.bind([cell], True)
        assert call is not None
        assert call(np.ones(3)) is NotImplemented
    assert_array_equal(cell[0], np.ones(2))
    with pytest.raises(TensorcoreError, match="mistake in the code generator"):
        load(FAILS, FAILS_PLAN._replace(failures=()), path)([np.ones(3)], [cell[0]])


HUGE = """
int tc_sizes(Context *c, i64 s) {
  c->size[0] = *(i64 *)c->slot[0]; c->size[1] = *(i64 *)c->slot[1]; c->work = 0; return 0;
}
int tc_run(Context *c, i64 s) { *(double *)c->slot[4] = 1; return 0; }
"""


@both
@pytest.mark.parametrize("where", ["output", "storage"])
@pytest.mark.parametrize("sizes", [(-1, 3), (2**62, 2**62), (2**60, 1), (2**45, 1), (2**63 - 1, 2)])
def test_sizes_beyond_memory_are_refused(path: str, where: str, sizes: tuple[int, int]) -> None:
    inputs = ((0, "int64", 0), (1, "int64", 0))
    shape = (0, 1) if where == "output" else ()
    storage = ((0, 8, 0, 3, 0, 0),) if where == "storage" else ()
    plan = CallPlan(5, 2, 1, inputs, (), (), ((2, "float64", shape, 0), (4, "float64", (), 0)),
                    (), storage)  # fmt: skip
    executable = load(HUGE, plan, path)
    with pytest.raises((MemoryError, ValueError)):
        executable([np.array(sizes[0]), np.array(sizes[1])], [])
    call = executable.bind([], False)
    if call is not None:
        with contextlib.suppress(MemoryError):
            assert call(*sizes) is NotImplemented
        assert len(call(2, 3)) == 2


SEGMENTS = """
int tc_sizes(Context *c, i64 s) {
  if (s == 0) { c->size[0] = c->dims[0][0]; c->work = c->size[0]; return 0; }
  c->size[1] = *(i64 *)c->slot[1]; return c->size[1] > 5000000;
}
int tc_run(Context *c, i64 s) {
  const double *x = c->slot[0]; i64 *count = c->slot[1]; double *y = c->slot[2];
  if (s == 0) { *count = 0; for (i64 i = 0; i < c->size[0]; i++) *count += x[i] > 0; return 0; }
  i64 k = 0; for (i64 i = 0; i < c->size[0]; i++) if (x[i] > 0) y[k++] = x[i];
  return 0;
}
"""


@both
@pytest.mark.parametrize("size", [10, 50000])
def test_sizes_found_on_the_way(path: str, size: int) -> None:
    outputs = ((2, "float64", (1,), 1), (1, "int64", (), 0))
    plan = CallPlan(3, 3, 2, ((0, "float64", 1),), (), (), outputs, (), ())
    executable = load(SEGMENTS, plan, path)
    x = np.cos(np.arange(float(size)))
    (y, count), _ = executable([x], [])
    assert_array_equal(y, x[x > 0])
    assert int(count) == len(y)
    call = executable.bind([], False)
    if call is not None:
        assert_array_equal(call(x)[0], x[x > 0])


@pytest.mark.parametrize("size", [100, 40000])
def test_eight_threads_in_one_function(size: int) -> None:
    """Short calls hold the global lock, long ones do not; both use frames of their own."""
    executable = double("runtime")
    call = executable.bind([], True)
    assert call is not None
    wrong: list[Any] = []

    def work(seed: int) -> None:
        for k in range(150):
            x = np.full(size + seed % 3, float(seed * 1000 + k))
            found, ((other,), _) = call(x), executable([x], [])
            if not (found == 2 * x).all() or not (other == 2 * x).all():
                wrong.append((seed, k))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_eight_threads_update_one_cell() -> None:
    cells = step_cells()
    call = load(STEP, STEP_PLAN, "runtime", STEP_PROGRAM).bind(cells, False)
    assert call is not None
    x = np.full(3, 2.0)
    old = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    threads = [threading.Thread(target=lambda: [call(x) for _ in range(500)]) for _ in range(8)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(old)
    assert float(cells[1][0]) == 4000
    assert_array_equal(cells[0][0], np.full(3, -3999.0))


def test_a_short_training_step_takes_the_direct_path() -> None:
    """Locks and copies cost more than such a step computes."""
    assert runtime._native() is not None
    weights = shared(np.ones((30, 40)))
    x = T.dmatrix("x")
    cost = T.tanh(T.dot(x, weights)).sum()
    with config.change_flags(backend="cgen"):
        step = function([x], cost, updates=[(weights, weights - 0.1 * T.grad(cost, weights))])
    before = weights.get_value()
    direct = step._fast
    assert direct is not None and direct(np.full((20, 30), 0.01)) is not NotImplemented
    assert (weights.get_value() < before).all()
    assert direct(np.full((20000, 30), 0.01)) is NotImplemented


@pytest.mark.parametrize(
    "call",
    [
        lambda f: f(np.int64(2), [1.0, 2.0]),
        lambda f: f(2, np.ones(2, "f4"), 3.0),
        lambda f: f(2, x=np.ones(2)),
        lambda f: f(np.array(2), np.ones(4)[::2]),
    ],
)
def test_converted_arguments_take_the_direct_path(call: Callable[[Any], Any]) -> None:
    assert runtime._native() is not None
    i, x, rate = T.lscalar("i"), T.dvector("x"), T.dscalar("rate")
    total = shared(0.0)
    with config.change_flags(backend="cgen"):
        f = function([i, x, In(rate, value=3.0)], x.sum(), updates=[(total, total + i * rate)])
    f(0, np.ones(2), 1.0)
    f._careful = None  # type: ignore[assignment, method-assign]
    assert call(f) in (2.0, 3.0)
    assert total.get_value() == 6.0


def test_nothing_leaks() -> None:
    cells = step_cells()
    executable = load(STEP, STEP_PLAN, "runtime", STEP_PROGRAM)
    call = executable.bind(cells, False)
    assert call is not None
    x, short = np.ones(3), np.ones(2)

    def rounds() -> None:
        for _ in range(200):
            held = cells[0][0]
            call(x)
            call(short)
            executable([x], [held, cells[1][0]])
            other = executable.bind(step_cells(), False)
            assert other is not None
            other(x)

    rounds()
    gc.collect()
    before = sys.getallocatedblocks()
    rounds()
    gc.collect()
    assert sys.getallocatedblocks() - before < 50
    assert sys.getrefcount(x) == 2


def test_blas_multiplies() -> None:
    found = blas.find()
    if not found.integer:
        pytest.skip("this NumPy's BLAS keeps its names to itself")
    assert found.integer in (4, 8)
    assert all(found.table)
    assert len(found.table) == len(blas.NAMES)


def test_library_without_entries() -> None:
    plan = CallPlan(0, 0, 1, (), (), (), (), (), ())
    with pytest.raises(CompileError, match="tc_sizes"):
        runtime.load(compiler.build(["int other;"]), plan, EMPTY)


def test_runtime_that_fails_its_test_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = runtime._source()
    broken = source.replace("buffer[i] * 2.0", "buffer[i] * 3.0")
    assert broken != source
    for text in (broken, "int other;", "not C"):
        monkeypatch.setattr(runtime, "_state", runtime._State())
        monkeypatch.setattr(runtime, "_source", lambda text=text: text)
        caplog.clear()
        plan = CallPlan(2, 1, 1, ((0, "int8", 1),), (), (), ((1, "int8", (0,), 0),), (), ())
        assert runtime._native() is None
        made = runtime.load(library(DOUBLE.replace("T ", "signed char ")), plan, EMPTY)
        assert made.path == "ctypes"
        assert len(caplog.records) == 1
        assert_array_equal(made([np.arange(3, dtype="i1")], [])[0][0], [0, 2, 4])
