"""What the conformance suite checks always: each check exists, and can fail."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tensorcore import TensorType, dtypes
from tensorcore.backend import Capabilities, Diagnosis, Executable
from tensorcore.graph import toposort
from tensorcore.interpret import Interpreter
from tensorcore.ops import OPS, Op
from tensorcore.program import Program

pytest.importorskip("hypothesis")
pytest.importorskip("mpmath")

from tensorcore_conformance import check, growth, samples, sweeps, test_graphs, values
from tensorcore_conformance.areas import AREAS
from tensorcore_conformance.cases import Case, Form
from tensorcore_conformance.report import FALLBACK, PASSED, UNSUPPORTED, Entry
from tensorcore_conformance.subject import Subject
from tensorcore_conformance.subject import subject as subject_of

SMOKE = ("bool", "int64", "float32", "float64")


class NoTangent(Interpreter):
    """It has no tangent, and refuses to be compiled with one."""

    def __init__(self, program: Program) -> None:
        if any(getattr(s, "op", "") == "tan" and not s.host for s in program.steps):  # type: ignore[union-attr]
            raise RuntimeError("no tangent table")
        super().__init__(program)


class Reference:
    name = "sound"

    def __init__(self, declared: Capabilities | None = None, make: Any = Interpreter) -> None:
        self._declared, self._make = declared or Capabilities(calls=None), make

    def diagnose(self) -> Diagnosis:
        return Diagnosis(True, True)

    def capabilities(self) -> Capabilities:
        return self._declared

    def compile(self, program: Program) -> Executable:
        return self._make(program)


# -- the cases --------------------------------------------------------------------------------


def reads_values(op: Op[Any]) -> bool:
    return op.family.name not in ("counter", "size") and op.name != "shape"


def pairs() -> list[tuple[str, str]]:
    return [
        (op.name, dtype)
        for op in OPS.values()
        for dtype in SMOKE
        if op.samples is None and samples.takes(op, dtype) and reads_values(op)
    ]


def entries(name: str, dtype: str) -> np.ndarray:
    """All values of a dtype that the smoke tier gives to an op."""
    found = [np.zeros(0, dtype)]
    for form in samples.forms(OPS[name], dtype, False):
        for case in form.cases:
            arrays = [*case.arrays, *(v for v in case.attrs.values() if isinstance(v, np.ndarray))]
            found += [np.asarray(a).ravel() for a in arrays if a.dtype == np.dtype(dtype)]
    return np.concatenate(found)


@pytest.mark.parametrize(("name", "dtype"), pairs())
def test_special_values_come_in_every_op_always(name: str, dtype: str) -> None:
    family, kind = OPS[name].family.name, dtypes.kind(dtype)
    found = entries(name, dtype)
    if kind == "f":
        assert np.isnan(found).any() and np.isposinf(found).any()
        if family != "contraction":
            zeros = found[found == 0]
            assert np.isneginf(found).any()
            assert np.signbit(zeros).any() and not np.signbit(zeros).all()
        if family not in ("contraction", "cumulative") or name == "cumulative_sum":
            assert ((np.abs(found) < np.finfo(dtype).tiny) & (found != 0)).any()
    elif kind in "iu":
        info = np.iinfo(dtype)
        assert {info.min, info.max, 0, 63, 64, 65} <= set(found.tolist())
    else:
        assert {True, False} <= set(found.tolist())


def places(found: Sequence[Form]) -> set[Any]:
    """What forms are about beside the dtype."""
    return {
        (tuple(t.broadcastable for t in form.types), *(repr(v) for v in form.attrs.values()))
        for form in found
    }


@pytest.mark.parametrize("name", ["add", "reduce_sum", "argsort", "subtensor", "set_subtensor"])
def test_dtypes_take_turns_over_the_forms_of_the_tier_pr(name: str) -> None:
    """The main dtype has all forms, the others together too, each of them the plain one."""
    op, met = OPS[name], set()
    main = samples.main_dtype(op)
    every = samples.choice(full=True, every=True)(op, main)
    assert places(samples.choice(full=True, every=False)(op, main)) == places(every)
    for dtype in op.accepts:
        if dtype != main:
            some = samples.forms_in_turn(op, dtype)
            assert places(every[:1]) <= places(some) <= places(every)
            assert len(some) <= len(every) / 3 + 3
            met |= places(some)
    assert met == places(every)


def test_zeros_divide_and_every_count_shifts() -> None:
    for name in ("int_div", "mod", "true_div"):
        (special,) = (c for c in cases(name, "int64") if c.label == "special values")
        assert (special.arrays[1] == 0).any()
        low = np.iinfo("int64").min
        assert ((special.arrays[0] == low) & (special.arrays[1] == -1)).any()
    shifts = [op for op in OPS if "shift" in op]
    assert shifts
    for name in shifts:
        (special,) = (c for c in cases(name, "int64") if c.label == "special values")
        assert {-1, 0, 63, 64, 65} <= set(special.arrays[1].tolist())


def cases(name: str, dtype: str) -> list[Case]:
    return [c for form in samples.forms(OPS[name], dtype, False) for c in form.cases]


LAYOUTS = {
    "C": lambda a: a.flags.c_contiguous and a.flags.writeable and a.flags.aligned,
    "Fortran": lambda a: a.flags.f_contiguous and not a.flags.c_contiguous,
    "negative strides": lambda a: any(s < 0 for s in a.strides),
    "zero strides": lambda a: any(
        s == 0 and n > 1 for s, n in zip(a.strides, a.shape, strict=True)
    ),
    "unaligned": lambda a: a.nbytes and not a.flags.aligned,
    "read-only": lambda a: not a.flags.writeable and 0 not in a.strides,
    "overlapping": lambda a: a.ndim > 1 and len(set(a.strides)) == 1 and a.strides[0] > 0,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("family", ["elementwise", "reduction", "contraction", "dimshuffle"])
def test_seven_layouts_come_in_each_op(family: str, layout: str) -> None:
    for op in OPS.values():
        if op.family.name == family and op.samples is None:
            dtype = samples.main_dtype(op)
            if dtype == "bool" and layout == "unaligned":
                continue  # one byte is always aligned
            arrays = [a for c in cases(op.name, dtype) for a in c.arrays if a.size > 1]
            assert any(LAYOUTS[layout](a) for a in arrays), op.name


def test_the_sweeps_hold_what_they_say() -> None:
    halves = sweeps.every_float16()
    assert len(np.unique(halves.view(np.uint16))) == 65_536
    drawn = sweeps.any_bits("float32", 1 << 20, "exp")
    assert drawn.shape == (1 << 20,) and np.array_equal(
        drawn.view("u4"), sweeps.any_bits("float32", 1 << 20, "exp").view("u4")
    )
    assert np.isnan(drawn).any() and np.isinf(values.specials("float32")).any()
    assert {"exp", "neg", "tanh"} <= set(sweeps.unary("float16"))
    form = sweeps.form_of(OPS["exp"], "float16", [[halves]])
    assert check.check(subject_of(Reference()), [form])[0].verdict.complaint == ""


# -- memory -----------------------------------------------------------------------------------


class TakesTurns(Interpreter):
    """Two buffers in turn: a result is written over the one before the last."""

    def __call__(self, inputs: Sequence[Any], cells: Sequence[Any]) -> Any:
        outputs, commits = super().__call__(inputs, cells)
        kept = self.__dict__.setdefault("kept", {})
        for k, y in enumerate(outputs):
            turn = kept.setdefault((k, y.shape), [])
            if len(turn) < 2:
                turn.append(y)
            else:
                turn.append(turn.pop(0))
                turn[-1][...] = y
                outputs[k] = turn[-1]
        return outputs, commits


class ConstantGiven(Interpreter):
    """A constant is returned itself, not a copy."""

    def _own(self, buffers: list[Any], slot: int, taken: set[int]) -> Any:
        return buffers[slot]


@pytest.mark.parametrize(
    ("fault", "name"), [(TakesTurns, "exp"), (ConstantGiven, "constant"), (ConstantGiven, "neg")]
)
def test_shared_memory_is_seen(fault: Any, name: str) -> None:
    sound = check.check_op(subject_of(Reference()), OPS[name], "float64")
    wrong = check.check_op(subject_of(Reference(make=fault)), OPS[name], "float64")
    assert sound == []
    if name == "neg":  # it makes a new array, also in the faulty backend
        assert wrong == []
    else:
        assert wrong and "shares memory" in wrong[0]


# -- statuses ---------------------------------------------------------------------------------


def outcome(
    declared: Capabilities, name: str, dtype: str, make: Any = Interpreter
) -> tuple[Entry, list[str]]:
    entry = Entry()
    wrong = check.check_op(subject_of(Reference(declared, make)), OPS[name], dtype, entry=entry)
    return entry, wrong


def test_each_status() -> None:
    everything = frozenset(OPS)
    entry, wrong = outcome(Capabilities(calls=everything), "tan", "float64")
    assert (entry.status, wrong) == (PASSED, []) and entry.native == entry.cases > 0
    modest = Capabilities(calls=None, unsupported={"tan": "no tangent table"})
    entry, wrong = outcome(modest, "tan", "float64", NoTangent)
    assert (entry.status, entry.reason, wrong) == (FALLBACK, "no tangent table", [])
    assert entry.native == 0 < entry.cases
    entry, wrong = outcome(Capabilities(calls=everything - {"tan"}), "tan", "float64")
    assert (entry.status, wrong) == (FALLBACK, []) and "no such op" in entry.reason
    entry, wrong = outcome(Capabilities(calls=None, dtypes=("bool", "float64")), "tan", "float32")
    assert (entry.status, wrong, entry.cases) == (UNSUPPORTED, [], 0)
    assert "float32" in entry.reason


def test_a_wrong_fallback_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    modest = Capabilities(calls=None, unsupported={"tan": "no tangent table"})
    right = check.judge
    monkeypatch.setattr(check, "judge", lambda actual, *rest: right(actual + 1, *rest))
    entry, wrong = outcome(modest, "tan", "float64", NoTangent)
    assert wrong and entry.status == "failed"


class Refuses(Reference):
    """It says that it runs everything, and then refuses."""

    def compile(self, program: Program) -> Executable:
        from tensorcore.errors import UnsupportedOp

        raise UnsupportedOp("not today")


def test_what_is_declared_is_never_skipped() -> None:
    for calls in (None, frozenset(OPS)):
        wrong = check.check_op(
            subject_of(Refuses(Capabilities(calls=calls))), OPS["exp"], "float64"
        )
        assert wrong and "UnsupportedOp" in wrong[0]


# -- compilations, and nothing run ------------------------------------------------------------


def test_packs_are_compiled_once_and_undone_when_one_fails() -> None:
    ops = [op for op in OPS.values() if op.family.name == "elementwise" and len(op.accepts) > 1]
    pairs = [(op, dtype) for op in ops for dtype in (op.accepts[0], op.accepts[-1])][:120]
    forms = [samples.forms(op, dtype, False)[0] for op, dtype in pairs]
    sound = subject_of(Reference())
    assert not any(o.verdict.complaint for o in check.check(sound, forms))
    assert len(forms) > 100
    assert sound.compiles == 2  # in packs of 100


def test_compile_only_runs_nothing() -> None:
    class NeverCalled(Interpreter):
        def __call__(self, inputs: Sequence[Any], cells: Sequence[Any]) -> Any:
            raise AssertionError("called")

    subject = subject_of(Reference(make=NeverCalled), compile_only=True)
    entry = Entry()
    assert check.check_op(subject, OPS["exp"], "float64", entry=entry) == []
    assert entry.cases
    test_graphs.random_graphs(subject, "float64", 3)


# -- random graphs ----------------------------------------------------------------------------


def graphs(make: Any) -> Subject:
    return subject_of(Reference(make=make))


def test_random_graphs_grow_from_all_ops() -> None:
    rng, missing = random.Random(0), set(OPS)
    for _ in range(600):
        inputs = [TensorType("float64", kind)() for kind in rng.choices(growth.KINDS, k=3)]
        pool = growth.grow(inputs, 12, rng.choice, {}, list(AREAS))
        missing -= {node.op.name for node in toposort(pool) if node.op is not None}
        if not missing:
            return
    raise AssertionError(f"no random graph has {', '.join(sorted(missing))}")


def test_steps_of_loops_hold_areas_draws_and_loops() -> None:
    rng, missing = random.Random(0), {"matrices", "unfold", "philox", "loop"}
    for _ in range(300):
        inputs = [TensorType("float64", kind)() for kind in rng.choices(growth.KINDS, k=3)]
        grown = growth.grow(inputs, 6, rng.choice, {}, ["matrix", "windows", "draws"])
        steps = [n.attrs["body"].outputs for n in toposort(grown) if "body" in n.attrs]
        ops = [n.op for outputs in steps for n in toposort(outputs) if n.op is not None]
        missing -= {word for op in ops for word in (op.name, op.family.name)}
        if not missing:
            return
    raise AssertionError(f"no step of a loop has {', '.join(sorted(missing))}")


def test_random_graphs_see_what_the_optimiser_hides(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that is wrong only in programs as written, with the optimiser off."""
    test_graphs.random_graphs(graphs(Interpreter), "float64", 10)
    made: list[str] = []
    from tensorcore import config

    class WrongWhenOff(Interpreter):
        def __init__(self, program: Program) -> None:
            super().__init__(program)
            self.off = config.optimizer == "none"
            made.append(config.optimizer)

        def __call__(self, inputs: Sequence[Any], cells: Sequence[Any]) -> Any:
            outputs, commits = super().__call__(inputs, cells)
            return [o + 1 if self.off else o for o in outputs], commits

    with pytest.raises(AssertionError, match="rounding explains"):
        test_graphs.random_graphs(graphs(WrongWhenOff), "float64", 10)
    assert {"none", "fast_run"} <= set(made)
