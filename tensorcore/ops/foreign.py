"""Python code with several results whose sizes only it knows: what ops of users are made of.

Two ops stand for one application. ``call_python`` runs the code once and gives the sizes of all
results, in a row; ``result_of_python`` hands out one result, whose sizes it reads from that row.
Both run on the host, whatever the backend.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..dtypes import ALL
from ..errors import DTypeError, ShapeError, TensorcoreError
from ..node import Tensor, as_tensor
from ..origin import made_at
from ..types import TensorType
from ._declare import Op, Shape, SizeBuilder, declare
from .elementwise import cast_to
from .host import Host


class _Results(threading.local):
    """What code gave in the calls of this thread, by the number of each run of it. They are kept
    until the call of the function ends, ``depth`` of which are one inside the other."""

    def __init__(self) -> None:
        self.of: dict[int, list[np.ndarray]] = {}
        self.depth = 0


_results = _Results()
_runs = itertools.count(1)
#: How many results are kept of code that runs outside of any function, as for test values.
_LOOSE = 64


@contextlib.contextmanager
def keeping_results() -> Iterator[None]:
    """Context of the call of a function: what Python code gives inside is kept until its end."""
    _results.depth += 1
    try:
        yield
    finally:
        _results.depth -= 1
        if not _results.depth:
            _results.of.clear()


class Site:
    """An application of Python code: ``run`` takes arrays and gives one result per type.

    ``gradient(inputs, outputs, gradients)`` gives an expression (or None) per input;
    ``owner(node)`` is what users see as the owner of a result; ``shapes(inputs)`` gives the sizes
    of all results where they follow from those of the inputs, which loops need to know. Sites
    with equal ``key`` and types are one.
    """

    __slots__ = ("__weakref__", "gradient", "key", "owner", "run", "shapes", "title", "types")

    def __init__(
        self,
        run: Callable[..., Any],
        types: Sequence[TensorType],
        *,
        title: str,
        key: Any = None,
        gradient: Callable[..., Any] | None = None,
        owner: Callable[[Tensor], Any] | None = None,
        shapes: Callable[[Sequence[Tensor]], Any] | None = None,
    ) -> None:
        self.run, self.types, self.title = run, tuple(types), title
        self.key = self if key is None else key
        self.gradient, self.owner, self.shapes = gradient, owner, shapes

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, Site):
            return self is other
        return self.key is not self and self.types == other.types and bool(self.key == other.key)

    def __hash__(self) -> int:
        return id(self) if self.key is self else hash((self.types, self.key))

    def __repr__(self) -> str:
        return self.title

    def call(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Run the code, keep the results, and give their sizes and the number of this run."""
        found = self.run([np.array(a) for a in arrays])
        if len(found) != len(self.types):
            raise ShapeError(f"{self.title} gave {len(found)} results, expected {len(self.types)}.")
        kept = [self._checked(k, value) for k, value in enumerate(found)]
        number = self._kept(kept)
        return np.array([*(n for array in kept for n in array.shape), number], np.int64)

    def _kept(self, results: list[np.ndarray]) -> int:
        """The number under which results are kept."""
        number = next(_runs)
        _results.of[number] = results
        while not _results.depth and len(_results.of) > _LOOSE:
            del _results.of[next(iter(_results.of))]
        return number

    def _checked(self, k: int, value: Any) -> np.ndarray:
        type_ = self.types[k]
        array = np.asarray(value)
        if array.dtype.name != type_.dtype and not np.can_cast(array.dtype, type_.dtype, "safe"):
            raise DTypeError(
                f"{self.title}: result {k} must be {type_.dtype} and is {array.dtype}. Cast it "
                f"where it is computed, or declare that dtype."
            )
        array = type_.convert(array.astype(type_.dtype), f"{self.title}: result {k}")
        return np.array(array)

    def result(self, index: int, number: int) -> np.ndarray:
        """A result of the run with this number, in this thread."""
        kept = _results.of.get(number)
        if kept is None:
            raise TensorcoreError(f"{self.title}: its results are asked for before it has run.")
        return kept[index]


class Calling(Host):
    """``call_python``: any operands; the result is a vector of sizes, and the number of the run,
    by which its results are found: one op may run again before all of them are taken."""

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        return tuple(as_tensor(a) for a in args), attrs

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        return TensorType("int64", (False,))

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return tuple(t.dtype for t in inputs)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        return (sizes.const(sum(t.ndim for t in node.attrs["site"].types) + 1),)


class Fetching(Calling):
    """``result_of_python``: the vector of sizes, then the sizes of this result."""

    data: int | None = 1

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        found: TensorType = attrs["site"].types[attrs["index"]]
        return found

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return ("int64",) * len(inputs)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        return tuple(sizes.integer(n) for n in node.inputs[1:])


class _Sample(Site):
    """A site for samples, whose results are known without a run, and all runs are number 0."""

    __slots__ = ()

    def _kept(self, results: list[np.ndarray]) -> int:
        return 0

    def result(self, index: int, number: int) -> np.ndarray:
        return np.arange(6.0).reshape(2, 3)


def _site(dtype: str) -> Site:
    return _Sample(lambda arrays: arrays, [TensorType(dtype, (False, False))], title="sample")


_sample = _site("float64")


def _samples_of_call(dtype: str) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    yield (np.zeros((2, 3), dtype),), {"site": _sample if dtype == "float64" else _site(dtype)}


def _samples_of_result(dtype: str) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    if dtype == "int64":
        sizes = np.array([2, 3, 0])
        yield (sizes, np.int64(2), np.int64(3)), {"site": _sample, "index": 0}


def _reference_call(xp: Any, *arrays: Any, site: Site) -> Any:
    return xp.asarray(site.call([np.asarray(a) for a in arrays]))


@declare(
    Calling(), accepts=ALL, reference=_reference_call, samples=_samples_of_call, host=True,
    differentiable=False,
)  # fmt: skip
def call_python(*inputs: Any, site: Site) -> Tensor:
    """The sizes of all results of Python code, which runs when they are computed, and the number of
    the run."""


def _reference_result(xp: Any, sizes: Any, *each: Any, site: Site, index: int) -> Any:
    return xp.asarray(site.result(index, int(sizes[-1])))


@declare(
    Fetching(), accepts=("int64",), reference=_reference_result, samples=_samples_of_result,
    host=True, differentiable=False,
)  # fmt: skip
def result_of_python(sizes: Any, *each: Any, site: Site, index: int) -> Tensor:
    """One result of Python code that has run: ``sizes`` are those of all its results, and last the
    number of the run."""


def results_of_python(site: Site, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The results of the code of ``site`` on ``inputs``, one per type."""
    sizes = call_python.make(tuple(inputs), {"site": site})
    return _results_from(sizes, site)


def _results_from(sizes: Tensor, site: Site) -> list[Tensor]:
    made, start = [], 0
    known = None if site.shapes is None else site.shapes(sizes.inputs)
    for k, type_ in enumerate(site.types):
        if known is not None and known[k] is not None:
            each = tuple(cast_to(as_tensor(n), "int64") for n in known[k])
        else:
            each = tuple(sizes[i] for i in range(start, start + type_.ndim))
        start += type_.ndim
        made.append(result_of_python.make((sizes, *each), {"site": site, "index": k}))
    return made


def python_gradient(
    node: Tensor, given: Mapping[int, Tensor], needed: set[Tensor]
) -> list[tuple[Tensor, Any]]:
    """Pairs of an operand in ``needed`` and its cotangent, as the code's own rule says."""
    site: Site = node.attrs["site"]
    if site.gradient is None:
        from ..gradient_control import NullGradient

        words = f"{site.title} declares no gradient. Give its Op a method grad or L_op."
        return [(x, NullGradient(words)) for x in node.inputs if x in needed]
    with made_at(node.origin):
        outputs = _results_from(node, site)
        zeros = [y.zeros_like() if k not in given else given[k] for k, y in enumerate(outputs)]
        parts = site.gradient(list(node.inputs), outputs, zeros)
    if len(parts) != len(node.inputs):
        raise ShapeError(
            f"the gradient of {site.title} has {len(parts)} entries, expected one for each of its "
            f"{len(node.inputs)} input(s)."
        )
    return [(x, g) for x, g in zip(node.inputs, parts, strict=True) if x in needed]
