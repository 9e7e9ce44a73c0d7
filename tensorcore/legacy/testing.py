"""``theano.tests``: what programs' own tests use of it."""

from __future__ import annotations

import contextlib
import io
import unittest
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..verify_grad import verify_grad as _verify_grad
from .flags import get

__all__ = [
    "AttemptManyTimes", "InferShapeTester", "MockRandomState", "OptimizationTestMixin",
    "PdbBreakpoint", "Record",
    "RecordMismatchError", "RecordMode", "RopLop_checker", "T_OpContractMixin", "WrongValue",
    "assertFailure_fast", "assert_allclose", "disturb_mem", "fetch_seed", "seed_rng",
    "str_diagnostic", "verify_grad",
]  # fmt: skip

assert_allclose = np.testing.assert_allclose


def fetch_seed(pseed: Any = None) -> int:
    """The seed of tests: the flag ``unittests.rseed``, or the one given."""
    return int(get("unittests.rseed") if pseed is None else pseed)


def seed_rng(pseed: Any = None) -> int:
    """Seed NumPy's generator."""
    seed = fetch_seed(pseed)
    np.random.seed(seed)
    return seed


def verify_grad(
    op: Any, pt: Any, n_tests: int = 2, rng: Any = None, eps: Any = None, out_type: Any = None,
    abs_tol: Any = None, rel_tol: Any = None, mode: Any = None, cast_to_output_type: bool = False,
    **options: Any,
) -> None:  # fmt: skip
    """``T.verify_grad`` with a generator of its own."""
    known = {"n_tests": n_tests, "rng": rng, "eps": eps, "abs_tol": abs_tol, "rel_tol": rel_tol}
    _verify_grad(op, pt, **{k: v for k, v in known.items() if v is not None})


class WrongValue(AssertionError):
    """A value that is not the expected one."""


class InferShapeTester(unittest.TestCase):
    """Checks that ``x.shape`` is the shape of ``x``."""

    def _compile_and_check(
        self, inputs: Any, outputs: Any, numeric_inputs: Any, cls: Any = None, **rest: Any
    ) -> None:
        from ..function import function

        f = function(inputs, [*outputs, *(o.shape for o in outputs)], on_unused_input="ignore")
        found = f(*numeric_inputs)
        for value, shape in zip(found[: len(outputs)], found[len(outputs) :], strict=True):
            np.testing.assert_array_equal(value.shape, shape)


class RopLop_checker(unittest.TestCase):
    """Theano's base of tests of forward mode; ``x`` and ``v`` are vectors."""

    def setUp(self) -> None:
        """Make the variables."""
        from .. import tensor as T

        self.x, self.v = T.vector("x"), T.vector("v")
        self.rng = np.random.RandomState(fetch_seed())


class T_OpContractMixin:
    """Theano's contract of ops is checked by the conformance suite here."""


class OptimizationTestMixin:
    """Tests of Theano's own rewrites mean nothing here."""


class MockRandomState:
    """A generator whose draws are one number."""

    def __init__(self, val: float) -> None:
        self.val = val

    def rand(self, *shape: int) -> np.ndarray:
        """The number everywhere."""
        return np.zeros(shape, dtype="float64") + self.val


class AttemptManyTimes:
    """Decorator: a test that may fail some of the times is tried again."""

    def __init__(self, n_attempts: int, n_req_successes: int = 1) -> None:
        self.n_attempts = n_attempts

    def __call__(self, function: Any) -> Any:
        """The test, tried again."""

        def tried(*args: Any, **kwargs: Any) -> Any:
            for k in range(self.n_attempts):
                with contextlib.suppress(AssertionError):
                    return function(*args, **kwargs)
                if k == self.n_attempts - 1:
                    return function(*args, **kwargs)
            return None

        return tried


@contextlib.contextmanager
def assertFailure_fast(*args: Any) -> Iterator[None]:
    """Nothing is expected to fail."""
    yield


def str_diagnostic(expected: Any, value: Any, rtol: Any = None, atol: Any = None) -> str:
    """The largest difference of two arrays, in words."""
    return f"largest difference {np.max(np.abs(np.asarray(expected) - np.asarray(value)))}"


def disturb_mem() -> None:
    """Make new objects, so that addresses change."""
    _ = [np.empty(k) for k in range(100)]


class PdbBreakpoint:
    """``PdbBreakpoint(name)(condition, *monitored)``: the monitored tensors; where the condition is
    true at a call, Python's debugger opens first, and ``arrays`` holds their values."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, condition: Any, *monitored: Any) -> Any:
        """The tensors: one, or a list."""
        from ..node import as_tensor
        from ..ops.foreign import Site, results_of_python
        from ..ops.movement import shape_list

        given = [as_tensor(x) for x in monitored]
        site = Site(
            self._look, [x.type for x in given], title=f"PdbBreakpoint {self.name!r}",
            shapes=lambda inputs: [shape_list(x) for x in inputs[1:]],
            gradient=lambda inputs, outputs, gradients: [None, *gradients],
        )  # fmt: skip
        made = results_of_python(site, [as_tensor(condition), *given])
        return made if len(made) > 1 else made[0]

    def _look(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        if arrays[0].all():
            import pdb  # noqa: T100

            print(f"breakpoint {self.name!r}: the values are in arrays[1:]")
            pdb.set_trace()  # noqa: T100
        return arrays[1:]


class RecordMismatchError(Exception):
    """A replay that differs from what was recorded."""


class Record:
    """Lines that a run writes and a second run must repeat."""

    def __init__(
        self, file_object: Any = None, file_path: Any = None, replay: bool = False
    ) -> None:
        self.f = open(file_path, "r" if replay else "w") if file_object is None else file_object  # noqa: SIM115
        if file_object is None and file_path is None:
            self.f = io.StringIO()
        self.replay = replay

    def handle_line(self, line: str) -> None:
        """Write a line, or compare it with the next one."""
        if not self.replay:
            self.f.write(line)
        elif self.f.readline() != line:
            raise RecordMismatchError(f"the line {line!r} was not recorded here.")


def RecordMode(record: Any = None, **options: Any) -> Any:
    """A mode that records the results of all nodes."""
    from .modes import MonitorMode

    kept = record if record is not None else Record(**options)

    def look(i: int, node: Any, fn: Any) -> None:
        values = [np.asarray(v).tobytes().hex()[:64] for (v,) in fn.outputs]
        kept.handle_line(f"{i} {node.op} {values}\n")

    return MonitorMode(post_func=look)
