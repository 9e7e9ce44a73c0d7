"""Names of ``theano.sparse`` for programs that ask whether it is there."""

from __future__ import annotations

from typing import Any

__all__ = ["SparseConstant", "SparseType", "SparseVariable", "enable_sparse"]

#: Programs that ask do without.
enable_sparse = False


class SparseType:
    """The type of sparse tensors, of which there are none."""

    dtype_set: frozenset[str] = frozenset()

    def __init__(self, format: str, dtype: Any = None, **rest: Any) -> None:
        raise TypeError("SparseType: sparse tensors are to come; use dense ones (T.matrix).")


class SparseVariable:
    """No tensor is one."""


SparseConstant = SparseVariable


def _is_sparse_variable(x: Any) -> bool:
    return False
