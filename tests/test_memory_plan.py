"""When buffers are in use, what a backend makes of it, and which updates come last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import config, function, grad, plugins, scan, scan_checkpoints, shared
from tensorcore.graph import GraphError
from tensorcore.lower.verify import verify
from tensorcore.program import Program

Build = Callable[[Any, Any], Any]


@pytest.fixture(autouse=True)
def checked() -> Iterator[None]:
    status = plugins.status("cgen")
    if status.state != "ok":
        pytest.skip(status.reason)
    from tensorcore_cgen import runtime

    runtime._native()  # where it can be had
    with config.change_flags(debug=True, backend="cgen"):
        yield


def chain(m: Any, v: Any) -> Any:
    for _ in range(12):
        m = T.tanh(T.dot(m, m))
    return m


def narrowing(m: Any, v: Any) -> Any:
    """Large, small, large: lengths that no two symbols say are comparable."""
    for _ in range(4):
        row = T.exp(T.dot(m, v))
        m = T.dot(T.outer(row, v), m)
    return m


GRAPHS: dict[str, Build] = {
    "chain": chain,
    "narrowing": narrowing,
    "softmax": lambda m, v: T.dot(T.nnet.softmax(T.dot(m, m)), m),
    "gradient": lambda m, v: T.grad(T.sum(T.tanh(T.dot(T.tanh(T.dot(m, m)), v))), m),
    "deep gradient": lambda m, v: T.grad(T.sum(chain(m, v)), m),
    "sorted": lambda m, v: T.dot(T.sort(T.dot(m, m), axis=0), T.sort(T.dot(m, v))),
    "running": lambda m, v: T.cumsum(T.dot(T.cumsum(T.dot(m, m), axis=0), m), axis=1),
    "joined": lambda m, v: T.dot(T.concatenate([T.dot(m, m), T.dot(m, m.T)], axis=0), T.dot(m, v)),
    "branches": lambda m, v: sum(T.dot(T.dot(m, m * float(k)), v).sum() for k in range(6)),
    "picked": lambda m, v: T.dot(m, m)[T.argsort(v)][:, T.argsort(T.dot(m, v))],
    "views": lambda m, v: T.dot(T.dot(m, m).reshape((-1,)).reshape(m.shape).T, v),
    "small dtypes": lambda m, v: T.dot(T.cast(T.dot(m, m), "float32"), T.cast(v, "float32")),
}


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("size", [3, 50])
def test_the_plan_takes_what_is_in_use_together(name: str, size: int) -> None:
    """The storage that a call leaves is the most that any step needs, up to the alignment of each
    buffer; a tenth more where lengths differ and leave gaps."""
    m, v = T.dmatrix("m"), T.dvector("v")
    f = function([m, v], GRAPHS[name](m, v), on_unused_input="ignore")
    values = np.random.default_rng(3).random((size, size)) / size, np.linspace(0, 1, size)
    report = f.report(*values)
    assert report.peak_bytes is not None and report.peak_bytes > 0
    if f._fast is None:
        pytest.skip("there is no C runtime")
    made = f.executable
    f(np.ones((1, 1)), np.ones(1))
    f(*values)
    storage, _ = made.bytes_kept  # type: ignore[attr-defined]
    assert report.peak_bytes <= storage + 64, "less than what is in use"
    alignment = 64 * len(report.buffers)
    room = 2 * size * 8 * 64  # what kernels ask for beside the plan
    assert storage <= report.peak_bytes * 1.1 + alignment + room


def test_the_bound_is_what_lives_at_one_step() -> None:
    m, v = T.dmatrix("m"), T.dvector("v")
    report = function([m, v], chain(m, v), on_unused_input="ignore").report(
        np.ones((40, 40)), np.ones(40)
    )
    each = 8 * 40 * 40
    assert report.peak_bytes == 2 * each and len(report.buffers) > 12
    assert "most at one step" in str(report)
    assert report.as_dict()["peak_bytes"] == 2 * each
    assert function([m, v], chain(m, v), on_unused_input="ignore").report().peak_bytes is None


def training() -> Program:
    x, places = T.dmatrix("x"), T.lvector("places")
    cells = [shared(np.zeros((3, 3)), name=f"w{k}") for k in range(3)]
    table = shared(np.zeros((9, 3)), name="table")
    cost = T.sum(sum(T.dot(x, w) for w in cells) ** 2) + T.sum(table[places])
    changes = [(w, w - T.grad(cost, w)) for w in cells]
    changes.append((table, T.inc_subtensor(table[places], 1.0)))
    return function([x, places], [cost, T.sum(x)], updates=changes).program


def test_what_writes_over_cells_comes_last() -> None:
    program = training()
    section = program.commit_from
    assert section is not None and all(commit.in_place for commit in program.commits)
    late = program.steps[section:]
    assert len(late) > 1 and late[0].failures and not any(s.failures for s in late[1:])  # type: ignore[union-attr]


def test_the_checker_holds_the_section() -> None:
    program = training()
    verify(program)
    section = program.commit_from
    assert section is not None
    steps = list(program.steps)
    moved = (*steps[:section], steps[-1], *steps[section:-1])
    for wrong, words in (
        (replace(program, commit_from=None), "no section"),
        (replace(program, commit_from=section + 1), "before the section"),
        (replace(program, steps=moved), "may fail after"),
        (replace(program, commit_from=1), "may fail after"),
    ):
        with pytest.raises(GraphError, match=words):
            verify(wrong)


def test_the_checker_holds_the_lives_of_buffers() -> None:
    m, v = T.dmatrix("m"), T.dvector("v")
    program = function([m, v], chain(m, v), on_unused_input="ignore").program
    first, *rest = program.storage
    with pytest.raises(GraphError, match="not alive"):
        verify(replace(program, storage=(first._replace(last=first.first), *rest)))


def test_a_value_that_others_read_afterwards_is_not_in_place() -> None:
    """What follows from a new value and may fail, or is a size, keeps it out of the section."""
    w, n = shared(np.arange(5), name="w"), shared(3, name="n")
    x = T.dvector("x")
    new = w + 1
    f = function([x], [x[new], T.sum(new)], updates={w: new})
    assert not f.program.commits[0].in_place
    g = function([x], x[: n + 1], updates={n: n + 1})
    assert g(np.arange(9.0)).shape == (4,) and int(n.get_value()) == 4


def test_checkpoints_spare_memory() -> None:
    """A gradient through 400 steps holds those of one stretch, and what is kept."""
    h, w = T.dvector("h"), T.dmatrix("w")
    peaks = []
    for loop in (scan, partial(scan_checkpoints, save_every_N=20)):
        steps, _ = loop(
            lambda state, w: T.tanh(T.dot(state, w)),
            outputs_info=h, non_sequences=w, n_steps=400,
        )  # fmt: skip
        f = function([h, w], grad(T.sum(steps[-1]), h))
        peaks.append(f.report(np.ones(50), np.eye(50)).peak_bytes)
    assert None not in peaks and peaks[0] >= 400 * 50 * 8
    assert peaks[1] < peaks[0] / 4
