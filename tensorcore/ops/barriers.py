"""Ops that pass their operand on and change only what flows back through it in a gradient.

Their body is the operand itself, so that lowering leaves nothing of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..dtypes import ALL
from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor
from ..types import TensorType
from ._array_api import copied
from ._declare import Op, Shape, SizeBuilder, declare
from .composites import clip, fill
from .elementwise import cast_to


class Barrier:
    """One operand that is passed on, operands of the gradient's own after it, and attributes
    that only the gradient reads."""

    name = "barrier"
    data: int | None = None

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        return tuple(as_tensor(a) for a in args), attrs

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        return inputs[0].type

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return tuple(t.dtype for t in inputs)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        return shapes[0]


BARRIER = Barrier()


def _reference(xp: Any, x: Any, *rest: Any, **attrs: Any) -> Any:
    return copied(xp, x)


def _samples(**attrs: Any) -> Callable[[str], Any]:
    """A vector and a matrix of any dtype, with these attributes."""

    def samples(dtype: str) -> Any:
        import numpy as np

        yield (np.arange(6).astype(dtype),), attrs
        yield (np.arange(6).reshape(2, 3).astype(dtype),), attrs

    return samples


@declare(
    BARRIER, composite=True, accepts=ALL, reference=_reference, samples=_samples(),
    differentiable=False,
)  # fmt: skip
def disconnected_grad(x: TensorLike) -> Tensor:
    """``x``, and no gradient flows back: what only it connects counts as disconnected."""
    return as_tensor(x)


@declare(
    BARRIER, composite=True, accepts=ALL, reference=_reference, samples=_samples(),
    differentiable=False,
)  # fmt: skip
def zero_grad(x: TensorLike) -> Tensor:
    """``x``, and the gradient that flows back is zero; what it connects stays connected."""
    return as_tensor(x)


@declare(
    BARRIER,
    name="grad_clip",
    composite=True,
    accepts=ALL,
    reference=_reference,
    samples=_samples(lower=-0.5, upper=0.5),
    differentiable=False,
)
def clipped_grad(x: TensorLike, *, lower: float, upper: float) -> Tensor:
    """``x``, and what flows back is limited to the interval from ``lower`` to ``upper``."""
    return as_tensor(x)


@declare(
    BARRIER,
    name="grad_scale",
    composite=True,
    accepts=ALL,
    reference=_reference,
    samples=_samples(multiplier=2.0),
    differentiable=False,
)
def scaled_grad(x: TensorLike, *, multiplier: float) -> Tensor:
    """``x``, and what flows back is multiplied by a number."""
    return as_tensor(x)


@declare(
    BARRIER,
    name="with_gradient",
    composite=True,
    accepts=ALL,
    reference=_reference,
    samples=_samples(rule=lambda g, y: ()),
    differentiable=False,
)
def own_grad(x: TensorLike, *inputs: TensorLike, rule: Callable[..., Any]) -> Tensor:
    """``x``, and what flows back goes to ``inputs`` as ``rule(g, x, *inputs)`` says."""
    return as_tensor(x)


disconnected_grad.gradient(lambda g, y, x: None)
zero_grad.gradient(lambda g, y, x: lambda: fill(x, cast_to(as_tensor(0), x.dtype)))
scaled_grad.gradient(lambda g, y, x: g * y.attrs["multiplier"])


@clipped_grad.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return clip(g, y.attrs["lower"], y.attrs["upper"])


@own_grad.gradient
def _(g: Tensor, y: Tensor, x: Tensor, *inputs: Tensor) -> Any:
    parts = y.attrs["rule"](g, x, *inputs)
    if not isinstance(parts, (tuple, list)):
        parts = (parts,)
    if len(parts) != len(inputs):
        raise ShapeError(
            f"with_gradient: the rule gave {len(parts)} gradient(s) for {len(inputs)} input(s)."
        )
    return (None, *parts)
