"""Names of ``theano.sparse`` that are nobody's but old programs'."""

from __future__ import annotations

from typing import Any

from ..sparse import SparseVariable
from ..sparse.variables import enable_sparse

__all__ = ["SparseConstant", "enable_sparse"]

SparseConstant = SparseVariable


def _is_sparse_variable(x: Any) -> bool:
    """Whether ``x`` is a sparse variable."""
    return isinstance(x, SparseVariable)
