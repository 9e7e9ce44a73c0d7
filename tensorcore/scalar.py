"""What old programs import from ``theano.scalar``."""

from __future__ import annotations

from . import dtypes

__all__ = ["upcast"]


def upcast(dtype: object, *dtypes_: object) -> str:
    """The name of the dtype that the result of an operation on these dtypes has; see
    ``docs/dtypes.md``. Raises DTypeError for what is no dtype."""
    return dtypes.promote(dtypes.canonical(name) for name in (dtype, *dtypes_))
