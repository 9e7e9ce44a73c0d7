"""Ops that make values from nothing: constants, counters, and sizes read off a tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..dtypes import ALL
from ..node import Tensor, TensorLike, as_tensor
from ..types import TensorType
from ._declare import Op, Shape, SizeBuilder, declare


class Constant:
    """No operands; the value is an attribute."""

    name = "constant"
    data: int | None = 0

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        return (), {"literal": False, **attrs}

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        value = attrs["value"]
        return TensorType(value.dtype.name, tuple(n == 1 for n in value.shape))

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return ()

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        return tuple(sizes.const(n) for n in node.attrs["value"].shape)


@declare(
    Constant(),
    accepts=ALL,
    reference=lambda xp, value, literal: xp.asarray(value),
    differentiable=False,
)
def constant(*, value: np.ndarray) -> Tensor:
    """A fixed array."""


class Counter(Constant):
    """One integer operand, the length; the result is a vector of int64."""

    name = "counter"

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        return (as_size(args[0], op.name),), {}

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        return TensorType("int64", (False,))

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return ("int64",)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        length = sizes.integer(node.inputs[0])
        sizes.demand("nonnegative", (length,), node, "its length must not be negative")
        return (length,)


@declare(
    Counter(),
    accepts=("int64",),
    reference=lambda xp, n: xp.arange(int(n), dtype=xp.int64),
    differentiable=False,
)
def iota(n: TensorLike) -> Tensor:
    """The vector ``0, 1, ..., n - 1`` as int64."""


class SizeOf(Constant):
    """One operand of any dtype, and an axis; the result is its size as a 0-d int64."""

    name = "size"

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        x, axis = args
        return (x,), {"axis": axis % x.ndim}

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        return TensorType("int64", ())

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return (inputs[0].type.dtype,)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        return ()


@declare(
    SizeOf(),
    accepts=ALL,
    name="size",
    reference=lambda xp, x, axis: xp.asarray(x.shape[axis], dtype=xp.int64),
    differentiable=False,
)
def size_of(x: Tensor, axis: int) -> Tensor:
    """The size of one axis."""


iota.gradient(lambda g, y, n: None)
size_of.gradient(lambda g, y, x: None)


def as_size(value: Any, what: str) -> Tensor:
    """A size as a 0-d int64 tensor; raises TypeError for anything but an integer scalar."""
    from .elementwise import cast_to

    node = as_tensor(value)
    if node.ndim != 0 or node.dtype.rstrip("0123456789") not in ("int", "uint"):
        raise TypeError(
            f"{what}: a size must be an integer scalar, found {node!r} of type {node.type!r}."
        )
    return cast_to(node, "int64")
