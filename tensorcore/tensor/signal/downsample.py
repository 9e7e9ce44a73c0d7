"""The older names of ``pool_2d``."""

from __future__ import annotations

from typing import Any

from ...node import Tensor, TensorLike
from .pool import _pool, pool_2d

__all__ = ["max_pool_2d", "pool_2d"]


def max_pool_2d(
    input: TensorLike,
    ds: Any,
    ignore_border: bool | None = None,
    st: Any = None,
    padding: Any = (0, 0),
    mode: str = "max",
) -> Tensor:
    """``pool_2d`` with windows of ``ds`` rows and columns, ``st`` apart."""
    return _pool("max_pool_2d", 2, input, ds, ignore_border, st, padding, mode, None, None, None)
