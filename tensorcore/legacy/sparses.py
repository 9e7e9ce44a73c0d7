"""Names of ``theano.sparse`` that only old programs use."""

from __future__ import annotations

import importlib.util
from typing import Any

__all__ = ["enable_sparse"]

#: Values of sparse variables are SciPy's matrices.
enable_sparse = importlib.util.find_spec("scipy") is not None


def _is_sparse_variable(x: Any) -> bool:
    """Whether ``x`` is a sparse variable."""
    from ..sparse import SparseVariable

    return isinstance(x, SparseVariable)
