"""Time of the steps, from backends that keep it: complete, apart, and without effect."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tensorcore import Function, function
from tensorcore import tensor as T
from tensorcore.backend import Timed, Timing
from tensorcore.program import Sizes

from .subject import Subject, variables
from .test_threads import THREADS, together


def timed(subject: Subject) -> tuple[Function, Any]:
    """A function with its profile, and one argument for it."""
    if not subject.takes("float64", "int64"):
        pytest.skip("float64 or int64 is not among the declared dtypes")
    (x,) = variables(1, "float64", 2)
    f = function([x], T.dot(T.exp(x), x.T).sum(axis=0), backend=subject.spec, profile=True)
    subject.compiles += 1
    if f.profile is None or not f.profile.kept:
        pytest.skip("the backend keeps no time of its steps, which is harmless: a profile says so")
    return f, np.linspace(-1.0, 1.0, 12).reshape(3, 4)


def counted(f: Function) -> list[Timing]:
    """The steps that ran."""
    assert isinstance(f.executable, Timed)
    return [t for t in f.executable.timings() if t.calls]


def test_each_step_counts_each_call(subject: Subject) -> None:
    """Every step that computes is there once, with as many calls as were made."""
    f, value = timed(subject)
    for _ in range(3):
        f(value)
    found = counted(f)
    working = {k for k, s in enumerate(f.program.steps) if not isinstance(s, Sizes)}
    assert len({t.step for t in found}) == len(found)
    assert working <= {t.step for t in found} <= set(range(len(f.program.steps)))
    assert all(t.calls == 3 and t.seconds >= 0 for t in found)


def test_two_functions_count_apart(subject: Subject) -> None:
    """Equal functions may share code, but not their time."""
    f, value = timed(subject)
    g, _ = timed(subject)
    f(value)
    assert not counted(g)


def test_time_changes_no_result(subject: Subject) -> None:
    """The same bits as without it."""
    f, value = timed(subject)
    (x,) = variables(1, "float64", 2)
    plain = subject.function([x], T.dot(T.exp(x), x.T).sum(axis=0))
    assert f(value).tobytes() == plain(value).tobytes()


def test_no_call_of_a_thread_is_lost(subject: Subject) -> None:
    """All threads add to the same numbers."""
    f, value = timed(subject)

    def work(number: int) -> None:
        for _ in range(20):
            f(value)

    together(work)
    assert {t.calls for t in counted(f)} == {20 * THREADS}
