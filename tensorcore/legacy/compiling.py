"""Names of ``theano.compile`` and its modules that only old programs use."""

from __future__ import annotations

from typing import Any

from ..arguments import In, Out
from ..errors import UnusedInputError
from ..function import Function
from ..node import as_tensor
from ..ops.elementwise import identity
from ..shared import Shared
from ..types import TensorType
from .profiles import ProfileStats
from .rewriting import optdb

__all__ = [
    "Function", "In", "Out", "ProfileStats", "SharedVariable", "UnusedInputError", "deep_copy_op",
    "expandable_types", "optdb", "orig_function", "rebuild_collect_shared",
    "register_deep_copy_op_c_code", "register_view_op_c_code", "specify_shape",
]  # fmt: skip

SharedVariable = Shared
expandable_types: tuple[type, ...] = (TensorType,)
deep_copy_op = identity


def specify_shape(x: Any, shape: Any) -> Any:
    """``x``; sizes that are numbers and do not fit are an error at the call."""
    from ..ops.movement import in_type

    x = as_tensor(x)
    sizes = list(shape) if isinstance(shape, (list, tuple)) else []
    known = tuple(
        flag or (k < len(sizes) and sizes[k] == 1) for k, flag in enumerate(x.broadcastable)
    )
    return in_type(x, TensorType(x.dtype, known))


def orig_function(inputs: Any, outputs: Any, mode: Any = None, **kwargs: Any) -> Any:
    """``theano.function``; ``output_keys`` are names for a list of outputs."""
    from .top import pfunc

    return pfunc(inputs, outputs, mode, **kwargs)


def rebuild_collect_shared(outputs: Any, inputs: Any = None, replace: Any = None, **k: Any) -> Any:
    """Inputs and outputs of the expression with parts replaced, and what ``function`` needs."""
    from ..expressions import clone

    return list(inputs or ()), clone(outputs, replace=replace), [{}, {}, [], []]


def register_view_op_c_code(*args: Any, **kwargs: Any) -> None:
    """C code is not compiled here."""


register_deep_copy_op_c_code = register_view_op_c_code
