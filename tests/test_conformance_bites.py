"""The conformance suite itself is tested: backends that are wrong as a whole must be caught.
Those with one expression altered are in ``test_sabotage.py``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from tensorcore.backend import Capabilities, Diagnosis, Executable, Timing
from tensorcore.interpret import Interpreter
from tensorcore.ops import OPS
from tensorcore.program import Program

pytest.importorskip("hypothesis")
pytest.importorskip("mpmath")

from tensorcore_conformance import (
    check,
    claims,
    gradients,
    samples,
    test_memory,
    test_shapes,
    test_state,
    test_threads,
    test_timings,
)
from tensorcore_conformance.subject import Subject
from tensorcore_conformance.subject import subject as subject_of


class Reference:
    """A backend without a fault; the others differ from it in one thing."""

    name = "sound"
    declared = Capabilities(calls=None)

    def __init__(self, make: Callable[[Program], Executable] = Interpreter) -> None:
        self._make = make

    def diagnose(self) -> Diagnosis:
        return Diagnosis(True, True)

    def capabilities(self) -> Capabilities:
        return self.declared

    def compile(self, program: Program) -> Executable:
        return self._make(program)


# -- faults of memory, state, shapes and threads --------------------------------------------


class InputMutated(Interpreter):
    def __call__(self, inputs: Sequence[Any], cells: Sequence[Any]) -> Any:
        results = super().__call__(inputs, cells)
        for array in inputs:
            if array.size and array.flags.writeable and array.dtype.kind == "f":
                array.flat[0] += 1
        return results


class Aliasing(Interpreter):
    def _own(self, buffers: list[Any], slot: int, taken: set[int]) -> Any:
        return buffers[slot]


class UpdatesFirst(Interpreter):
    def __call__(self, inputs: Sequence[Any], cells: Sequence[Any]) -> Any:
        _, values = super().__call__(inputs, cells)
        moved = list(cells)
        for commit, value in zip(self.program.commits, values, strict=True):
            moved[commit.cell] = value
        return super().__call__(inputs, moved)[0], values


class OneAfterTheOther(Interpreter):
    """Each update sees those before it."""

    def __call__(self, inputs: Sequence[Any], cells: Sequence[Any]) -> Any:
        outputs, values = super().__call__(inputs, cells)
        moved = list(cells)
        for k, commit in enumerate(self.program.commits):
            values[k] = super().__call__(inputs, moved)[1][k]
            moved[commit.cell] = values[k]
        return outputs, values


class StaleShape(Interpreter):
    """Results have the shape of the first call."""

    def __call__(self, inputs: Sequence[Any], cells: Sequence[Any]) -> Any:
        outputs, values = super().__call__(inputs, cells)
        known = self.__dict__.setdefault("shapes", [y.shape for y in outputs])
        return [np.resize(y, n) for y, n in zip(outputs, known, strict=True)], values


class BufferKept(Interpreter):
    """Results of the same shape are written into the same memory again."""

    def __call__(self, inputs: Sequence[Any], cells: Sequence[Any]) -> Any:
        outputs, values = super().__call__(inputs, cells)
        kept = self.__dict__.setdefault("kept", {})
        for k, y in enumerate(outputs):
            memory = kept.setdefault((k, y.shape), y)
            memory[...] = y
            outputs[k] = memory
        return outputs, values


class EarlyWrite(Interpreter):
    """The state is written before the sizes are checked."""

    def __call__(self, inputs: Sequence[Any], cells: Sequence[Any]) -> Any:
        before = [cell.copy() for cell in cells]
        for cell in cells:
            cell += 1
        return super().__call__(inputs, before)


class NotChecked(Interpreter):
    """Sizes that do not fit are cut to the smaller one."""

    def __call__(self, inputs: Sequence[Any], cells: Sequence[Any]) -> Any:
        least = min((a.shape[0] for a in inputs if a.ndim == 1), default=0)
        return super().__call__([a[:least] if a.ndim == 1 else a for a in inputs], cells)


class SharedScratch(Interpreter):
    """All calls keep their inputs in one place."""

    def __call__(self, inputs: Sequence[Any], cells: Sequence[Any]) -> Any:
        import time

        self.given = inputs
        time.sleep(0.0005)
        return super().__call__(self.given, cells)


STATE_FAULTS: dict[type[Interpreter], Callable[[Subject], None]] = {
    InputMutated: lambda s: test_state.test_inputs_stay_as_they_are("C", s),
    Aliasing: test_state.test_results_share_no_memory,
    UpdatesFirst: test_state.test_updates_come_after_the_outputs,
    OneAfterTheOther: test_state.test_two_variables_swap,
    StaleShape: test_shapes.test_one_compilation_serves_fifty_shapes,
    BufferKept: test_state.test_results_survive_later_calls,
    EarlyWrite: test_state.test_all_updates_or_none,
    NotChecked: test_shapes.test_sizes_that_do_not_fit,
    SharedScratch: lambda s: test_threads.test_distinct_inputs(s, False),
}


@pytest.mark.parametrize("fault", STATE_FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_of_the_whole_is_caught(fault: type[Interpreter]) -> None:
    with pytest.raises((AssertionError, ValueError, pytest.fail.Exception)):
        STATE_FAULTS[fault](subject_of(Reference(fault)))


@pytest.mark.parametrize("held", STATE_FAULTS.values(), ids=lambda held: "")
def test_the_sound_backend_keeps_the_whole(held: Callable[[Subject], None]) -> None:
    held(subject_of(Reference()))


def test_input_and_aliasing_faults_are_caught_with_any_op() -> None:
    for fault, words in ((InputMutated, "input was changed"), (Aliasing, "shares memory")):
        wrong = check.check_op(subject_of(Reference(fault)), OPS["identity"], "float64")
        assert wrong and words in wrong[0]


class Boxed:
    """A buffer that is no NumPy array."""

    def __init__(self, array: Any) -> None:
        self.array, self.shape = array, array.shape

    def __int__(self) -> int:
        return int(self.array)


class Apart:
    """A memory of its own, without a fault."""

    name = "apart"

    def put(self, array: Any) -> Boxed:
        return Boxed(np.array(array, order="C"))

    def get(self, buffer: Boxed) -> Any:
        return np.array(buffer.array, order="C")


class GivesItself(Apart):
    def get(self, buffer: Boxed) -> Any:
        return buffer.array


class TakesItself(Apart):
    def put(self, array: Any) -> Boxed:
        return Boxed(array)


class OnMemory(Reference):
    """The references on boxed arrays."""

    def __init__(self, memory: Apart) -> None:
        super().__init__(self._over)
        self.memory = memory

    def _over(self, program: Program) -> Executable:
        inner = Interpreter(program)

        def call(inputs: Sequence[Any], cells: Sequence[Any]) -> Any:
            rows = [[box.array for box in row] for row in (inputs, cells)]
            outputs, values = inner(*rows)
            return [Boxed(a) for a in outputs], [Boxed(a) for a in values]

        return call


@pytest.mark.parametrize(
    ("memory", "tests"),
    [
        (GivesItself, ["what_is_got_is_fresh", "values_of_a_state_are_fresh"]),
        (TakesItself, ["what_is_put_is_copied"]),
    ],
)
def test_memory_that_is_shared_is_caught(memory: type[Apart], tests: list[str]) -> None:
    every = [name for name in vars(test_memory) if name.startswith("test_")]
    for name in every:
        getattr(test_memory, name)(subject_of(OnMemory(Apart())))
        getattr(test_memory, name)(subject_of(Reference()))
    for name in tests:
        with pytest.raises(AssertionError):
            getattr(test_memory, f"test_{name}")(subject_of(OnMemory(memory())))


class CountsTwice(Interpreter):
    def timings(self) -> list[Timing]:
        return [Timing(k, 2 * calls, seconds) for k, calls, seconds in super().timings()]


class ForgetsAStep(Interpreter):
    def timings(self) -> list[Timing]:
        return super().timings()[:-1]


class SharedClock(Interpreter):
    clock: ClassVar[dict[int, tuple[int, float]]] = {}

    def _keep_time(self, k: int, seconds: float) -> None:
        calls, total = self.clock.get(k, (0, 0.0))
        self.clock[k] = calls + 1, total + seconds

    def timings(self) -> list[Timing]:
        return [Timing(k, *counted) for k, counted in self.clock.items()]


class RoundsWhenTimed(Interpreter):
    def __call__(self, inputs: Sequence[Any], cells: Sequence[Any]) -> Any:
        outputs, commits = super().__call__(inputs, cells)
        return [o * (1 + 1e-15 * self.program.timed) for o in outputs], commits


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        (CountsTwice, test_timings.test_each_step_counts_each_call),
        (ForgetsAStep, test_timings.test_each_step_counts_each_call),
        (SharedClock, test_timings.test_two_functions_count_apart),
        (RoundsWhenTimed, test_timings.test_time_changes_no_result),
        (CountsTwice, test_timings.test_no_call_of_a_thread_is_lost),
    ],
)
def test_wrong_time_is_caught(
    fault: Callable[[Program], Executable], test: Callable[[Subject], None]
) -> None:
    test(subject_of(Reference()))
    with pytest.raises(AssertionError):
        test(subject_of(Reference(fault)))


# -- faults of what is declared -------------------------------------------------------------


def test_what_is_declared_unsupported_must_be_refused() -> None:
    class Modest(Reference):
        declared = Capabilities(calls=None, unsupported={"tan": "no tangent table"})

    def without_tangent(program: Program) -> Executable:
        if any(getattr(s, "op", "") == "tan" and not s.host for s in program.steps):  # type: ignore[union-attr]
            raise RuntimeError("no tangent table")
        return Interpreter(program)

    assert check.check_op(subject_of(Modest(without_tangent)), OPS["tan"], "float64") == []
    # One that could run it declares what is not so.
    (wrong,) = check.check_op(subject_of(Modest()), OPS["tan"], "float64")
    assert "tan is declared unsupported, yet it works" in wrong

    def half_a_tangent(program: Program) -> Executable:
        if program.slots[program.outputs[0]].dtype == "float32":
            return without_tangent(program)
        return Interpreter(program)

    # There is no declaration by dtype: what fails in one may be declared unsupported.
    assert check.check_op(subject_of(Modest(half_a_tangent)), OPS["tan"], "float64") == []

    class Both(Reference):  # claimed and refused at once: what is refused counts
        declared = Capabilities(calls=frozenset(OPS), unsupported={"tan": "no tangent table"})

    assert check.check_op(subject_of(Both(without_tangent)), OPS["tan"], "float64") == []
    (wrong,) = check.check_op(subject_of(Both()), OPS["tan"], "float64")
    assert "yet it works" in wrong
    # A composite that is declared unsupported, but whose lowering works, is a false claim.
    primitives = frozenset(name for name, op in OPS.items() if op.body is None)

    class False_(Reference):
        declared = Capabilities(calls=primitives, unsupported={"sqr": "too hard"})

    (wrong,) = check.check_op(subject_of(False_()), OPS["sqr"], "float64")
    assert "declared unsupported, yet it works" in wrong


def test_a_dtype_that_is_not_declared_must_be_refused() -> None:
    class Narrow(Reference):
        declared = Capabilities(calls=None, dtypes=("bool", "int64", "float64"))

    assert check.check_op(subject_of(Narrow()), OPS["exp"], "float32") == []
    assert check.check_op(subject_of(Narrow()), OPS["exp"], "float64") == []
    # It need not promise what it could do, but the report says so.
    (note,) = claims.working_dtypes(subject_of(Narrow()), ["float32", "float64"])
    assert note.startswith("float32 is not declared, though")

    def not_narrow(program: Program) -> Executable:
        if "float32" in {program.slots[k].dtype for k in program.outputs}:
            raise RuntimeError("no such dtype")
        return Interpreter(program)

    assert claims.working_dtypes(subject_of(Narrow(not_narrow)), ["float32"]) == []


def test_a_claimed_accuracy_is_held() -> None:
    class Proud(Reference):
        declared = Capabilities(calls=None, ulp={"exp": 0.01})

    assert check.check_op(subject_of(Proud()), OPS["exp"], "float32")


def test_a_wrong_gradient_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    sound, few = subject_of(Reference()), samples.choice(full=False, every=False)
    assert not gradients.check_gradients(sound, [OPS["tanh"]], few)["tanh"]
    monkeypatch.setattr(OPS["tanh"], "vjp", lambda g, y, x: g * (1 - y))
    assert gradients.check_gradients(sound, [OPS["tanh"]], few)["tanh"]
    monkeypatch.setattr(OPS["tanh"], "vjp", lambda g, y, x: g * g * (1 - y * y))
    (first, *_) = gradients.check_gradients(sound, [OPS["tanh"]], few)["tanh"]
    assert "tanh" in first


def test_an_unknown_family_must_bring_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    class Strange(type(OPS["exp"].family)):  # type: ignore[misc]
        name = "strange"

    sound = subject_of(Reference())
    monkeypatch.setattr(OPS["exp"], "family", Strange())
    (wrong,) = check.check_op(sound, OPS["exp"], "float64")
    assert "samples=" in wrong
    samples = [((np.array([0.5, -1.0]),), {})]
    monkeypatch.setattr(OPS["exp"], "samples", lambda dtype: samples)
    assert check.check_op(sound, OPS["exp"], "float64") == []
