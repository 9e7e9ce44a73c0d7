"""What tensors have in Theano beside what they have here: ``x.owner`` with Theano's classes of ops,
and a few methods that only old programs ask for."""

from __future__ import annotations

from typing import Any

from .. import node
from ..node import Tensor

__all__ = ["provide", "withdraw"]


def _owner(result: Tensor) -> Any:
    from .applications import OldApplication

    return OldApplication(result)


def _constant_value(self: Tensor) -> Any:
    """See ``theano.tensor.get_scalar_constant_value``."""
    from .tensors import get_scalar_constant_value

    return get_scalar_constant_value(self)


def _index(self: Tensor) -> int | None:
    """Which of its owner's outputs this is; None without an owner."""
    owner = self.owner
    return None if owner is None else next(k for k, y in enumerate(owner.outputs) if y is self)


def _text(self: Tensor) -> str:
    """The name, or the op under its name in Theano and the number of the result."""
    if self.name or self.owner is None:
        return repr(self)
    return f"{self.owner.op}.{_index(self) or 0}"


def _truth(self: Tensor) -> bool:
    """True, as ``if W:`` asks whether there is a variable; of a comparison that is an error."""
    if self.op is not None and self.op.name in _COMPARISONS:
        return bool(_OURS["__bool__"](self))
    return True


_COMPARISONS = frozenset({"eq", "neq", "lt", "le", "gt", "ge"})
_METHODS: dict[str, Any] = {
    "transfer": lambda self, target: self, "index": property(_index),
    "get_scalar_constant_value": _constant_value, "value": property(lambda self: self.data),
    "__bool__": _truth, "__str__": _text,
}  # fmt: skip
#: What tensors have themselves of these.
_OURS: dict[str, Any] = {name: vars(Tensor)[name] for name in _METHODS if name in vars(Tensor)}


def provide() -> None:
    """Give them to all tensors."""
    node.OWNERS.append(_owner)
    for name, method in _METHODS.items():
        setattr(Tensor, name, method)


def withdraw() -> None:
    """Take them back, for tests."""
    if _owner in node.OWNERS:
        node.OWNERS.remove(_owner)
        for name in _METHODS:
            delattr(Tensor, name)
        for name, method in _OURS.items():
            setattr(Tensor, name, method)
