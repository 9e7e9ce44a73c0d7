"""Theano's own spelling: ``import theano`` and its modules, made of what is here.

``finder.py`` makes the modules, ``names.py`` says which Theano name is which of our objects,
``flags.py`` what Theano's flags mean here; the others hold what only old programs need.
"""

from __future__ import annotations

from typing import Any

from .. import node

__all__ = ["install"]


def install() -> None:
    """From now on ``import theano``, and each of its modules, finds tensorcore.

    Reads ``THEANO_FLAGS`` and ``~/.theanorc``. A second call changes nothing. Raises ImportError
    when another package of that name was imported before.
    """
    from . import finder, flags

    if finder.install():
        flags.read_sources()
        node.OWNERS.append(_owner)
        for name, method in _METHODS.items():
            setattr(node.Tensor, name, method)


def _owner(result: node.Tensor) -> Any:
    from .applications import OldApplication

    return OldApplication(result)


def _constant_value(self: node.Tensor) -> Any:
    """See ``theano.tensor.get_scalar_constant_value``."""
    from .tensors import get_scalar_constant_value

    return get_scalar_constant_value(self)


def _index(self: node.Tensor) -> int | None:
    """Which of its owner's outputs this is; None without an owner."""
    owner = self.owner
    return None if owner is None else next(k for k, y in enumerate(owner.outputs) if y is self)


#: What tensors have in Theano and only old programs ask for.
_METHODS: dict[str, Any] = {
    "transfer": lambda self, target: self, "index": property(_index),
    "get_scalar_constant_value": _constant_value,
}  # fmt: skip
