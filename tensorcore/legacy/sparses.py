"""Names of ``theano.sparse`` that are nobody's but old programs'."""

from __future__ import annotations

from ..sparse import SparseVariable
from ..sparse.variables import enable_sparse

__all__ = ["SparseConstant", "enable_sparse"]

SparseConstant = SparseVariable
