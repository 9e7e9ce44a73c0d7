"""Sparse matrices: symbols for those of SciPy, their products and gradients.

A sparse matrix is to the compiler five dense tensors (entries, positions, ends of rows or columns,
two sizes), and what is done with it are gathers and sums at positions, which every backend runs.
SciPy is needed where values go in and out: ``pip install '.[sparse]'``.
"""

from . import operations, structured, variables
from .operations import *  # noqa: F403
from .structured import *  # noqa: F403
from .variables import *  # noqa: F403
from .variables import _is_dense_variable, _is_sparse_variable, enable_sparse  # noqa: F401

__all__ = [*variables.__all__, *structured.__all__, *operations.__all__]  # noqa: PLE0604
