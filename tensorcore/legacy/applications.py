"""What ``x.owner`` is after ``install_as_theano()``: an application whose op is one of Theano's
classes, with its attributes, and whose inputs are those that the op has in Theano."""

from __future__ import annotations

import functools
from typing import Any

from ..node import Application, Tensor, make_constant
from . import op_classes
from .known_ops import KnownOp, made_class

__all__ = ["OldApplication", "op_of"]

#: Where several classes know an op, the first whose condition holds is that of a node.
_ORDER = (
    "Elemwise", "DimShuffle", "Sum", "Prod", "Max", "Min", "Any", "All", "Argmax", "Rebroadcast",
    "Reshape", "Alloc", "Shape", "Shape_i", "MakeVector", "Join", "ARange", "AdvancedSubtensor1",
    "AdvancedSubtensor", "Subtensor", "AdvancedIncSubtensor1", "AdvancedIncSubtensor",
    "IncSubtensor", "Dot", "BatchedDot", "TensorDot", "CumOp", "SortOp", "ArgSortOp",
    "DeepCopyOp",
)  # fmt: skip


class OldApplication(Application):
    """An application as programs for Theano know it."""

    __slots__ = ()

    @property
    def op(self) -> Any:
        """The op, under its class in Theano."""
        if "rng" in vars(self.result):
            from .randoms import RandomFunction

            return RandomFunction("draw", self.result.type)
        return op_of(self.source)

    @property
    def inputs(self) -> list[Tensor]:
        """What the op takes in Theano."""
        found = list(self.source.inputs)
        if self.source.op is not None and self.source.op.name == "join":
            if isinstance(self.op, op_classes.MakeVector):
                return [x.inputs[0] for x in found]
            return [_number(self.source.attrs["axis"]), *found]
        if "rng" in vars(self.result):
            return [vars(self.result)["rng"], *found]
        return found

    def clone_with_new_inputs(self, inputs: Any, strict: bool = True) -> Application:
        """The op on other inputs."""
        made: Application = self.op.make_node(*inputs)
        return made


@functools.cache
def _number(value: int) -> Tensor:
    import numpy as np

    return make_constant(np.asarray(value, np.int8))


def op_of(node: Tensor) -> Any:
    """The op of a node under its class in Theano."""
    assert node.op is not None
    name = node.op.name
    if name == "loop":
        return op_classes.Scan.found(node)
    if name == "choice":
        return op_classes.IfElse.found(node)
    for cls in _classes(name, node.op.family.name):
        if cls._when is None or cls._when(node):
            return cls.found(node)
    return _class_of(name).found(node)


@functools.cache
def _classes(name: str, family: str) -> tuple[Any, ...]:
    known = (getattr(op_classes, word) for word in _ORDER)
    return tuple(c for c in known if name in c._ops or family in c._families)


@functools.cache
def _class_of(name: str) -> Any:
    """The class of an op that no class of the table is for: Theano names it likewise."""
    from . import networks

    word = "".join(part.capitalize() for part in name.split("_"))
    found = getattr(networks, word, None)
    if isinstance(found, type) and issubclass(found, KnownOp):
        return found
    return made_class(word, name)
