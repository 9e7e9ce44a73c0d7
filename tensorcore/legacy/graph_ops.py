"""Ops that a program makes of an expression: ``theano.OpFromGraph``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..expressions import clone
from ..gradient_control import NullGradient, with_gradient
from ..node import Tensor, as_tensor
from .gradients import DisconnectedType
from .user_ops import Op

__all__ = ["OpFromGraph"]


class OpFromGraph(Op):
    """An op made of an expression. ``grad_overrides(inputs, output_gradients)`` or
    ``lop_overrides(inputs, outputs, output_gradients)``, or a list with one for each input, take
    the place of its gradient. It is inlined where it is used; forward mode is always derived."""

    def __init__(
        self,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        inline: bool = False,
        lop_overrides: Any = "default",
        grad_overrides: Any = "default",
        rop_overrides: Any = "default",
        connection_pattern: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.local_inputs, self.local_outputs = list(inputs), list(outputs)
        self.name = name
        self._lop, self._grad = lop_overrides, grad_overrides
        self.inputs, self.outputs = self.local_inputs, self.local_outputs

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """The expression on other inputs."""
        if len(inputs) != len(self.local_inputs):
            raise ValueError(
                f"{self} takes {len(self.local_inputs)} input(s), found {len(inputs)}."
            )
        given = [as_tensor(x) for x in inputs]
        replace = dict(zip(self.local_inputs, given, strict=True))
        outputs = clone(self.local_outputs, replace=replace)
        if hasattr(self, "grad"):  # a method of a subclass, or set on this one
            self._grad = self.grad
        if self._lop != "default" or self._grad != "default":
            plain = list(outputs)
            outputs = [
                with_gradient(y, given, self._rule(k, given, plain)) for k, y in enumerate(plain)
            ]
        return outputs if len(outputs) > 1 or kwargs.get("return_list") else outputs[0]

    def _rule(self, k: int, given: list[Tensor], outputs: list[Tensor]) -> Callable[..., Any]:
        """The gradient by output ``k`` alone; the gradients of all outputs add up."""

        def rule(g: Tensor, y: Tensor, *inputs: Tensor) -> list[Any]:
            gs = [g if j == k else o.zeros_like() for j, o in enumerate(outputs)]
            args = (list(inputs), outputs, gs) if self._lop != "default" else (list(inputs), gs)
            override = self._lop if self._lop != "default" else self._grad
            if callable(override) and not isinstance(override, OpFromGraph):
                return _plain_parts(override(*args))
            if isinstance(override, OpFromGraph):
                return _plain_parts(override(*(x for part in args for x in part), return_list=True))
            return self._listed(k, override, args, inputs, g)

        return rule

    def _listed(
        self, k: int, overrides: Any, args: Any, inputs: Sequence[Tensor], g: Tensor
    ) -> list[Any]:
        parts: list[Any] = []
        for j, override in enumerate(overrides):
            if isinstance(override, str):  # "default"
                parts.append(self._default(k, j, inputs, g))
            else:
                parts.append(override(*args) if callable(override) else override)
        return _plain_parts(parts)

    def _default(self, k: int, j: int, inputs: Sequence[Tensor], g: Tensor) -> Tensor | None:
        """The gradient by input ``j`` alone, taken where each input is a variable of its own."""
        from ..gradient import backward

        wrt, output = self.local_inputs[j], self.local_outputs[k]
        seed = output.type()
        found = backward({output: seed}, [wrt]).get(wrt)
        if found is None:
            return None
        pairs = [*zip(self.local_inputs, inputs, strict=True), (seed, g)]
        made: Tensor = clone(found, replace=pairs)
        return made


def _plain_parts(parts: Any) -> list[Any]:
    listed = list(parts) if isinstance(parts, (list, tuple)) else [parts]
    for part in listed:
        if isinstance(part, NullGradient):
            raise TypeError(f"OpFromGraph: {part.reason}")
    return [None if isinstance(g, DisconnectedType.Variable) else g for g in listed]
