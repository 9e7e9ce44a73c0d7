"""Ops that are Python code and run on the host, whatever the backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from ..dtypes import ALL
from ..node import Tensor, TensorLike, as_tensor
from ..types import TensorType
from ._array_api import copied
from ._declare import Family, Op, Shape, SizeBuilder, declare


class Host:
    """One operand, which is also the result; the attributes are the code's own."""

    name = "host"
    data: int | None = None

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        return (as_tensor(args[0]),), attrs

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        return inputs[0].type

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return (inputs[0].dtype,)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        return tuple(shapes[0])


def _reference_show(xp: Any, x: Any, show: Callable[[Any], None]) -> Any:
    show(copied(xp, x))
    return copied(xp, x)


def _silent(value: Any) -> None:
    """Shows nothing."""


def _samples(dtype: str) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    import numpy as np

    yield (np.arange(6).reshape(2, 3).astype(dtype),), {"show": _silent}
    yield (np.zeros((0, 2), dtype),), {"show": _silent}


@declare(Host(), accepts=ALL, reference=_reference_show, samples=_samples, host=True)
def shown(x: TensorLike, *, show: Callable[[Any], None]) -> Tensor:
    """``x``; at each call, ``show`` is called with its value, an array of its own."""


@shown.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g


class _OnHost:
    """The rules of another family; all operands are read by their values."""

    name = "host"
    data: int | None = None

    def __init__(self, inner: Family) -> None:
        self.bind, self.infer = inner.bind, inner.infer
        self.operand_dtypes, self.shape = inner.operand_dtypes, inner.shape


@cache
def on_host(op: Op[Any]) -> Op[Any]:
    """``op`` as one that the reference runs between the steps of a backend that lacks it.

    It has the same name and is in no registry: what a step runs is found by its name.
    """
    return Op(
        op.__wrapped__, _OnHost(op.family), name=op.name, accepts=op.accepts, rule=op.rule,
        reference=op.reference, host=True, title=op.title,
    )  # fmt: skip
