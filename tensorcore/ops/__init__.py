"""The op declarations; ``OPS`` holds all of them by name."""

from . import (
    composites,
    contraction,
    creation,
    cumulative,
    elementwise,
    indexing,
    logic,
    movement,
    reduction,
    sorting,
    subtensor,
)
from ._declare import OPS, Op, op_named

__all__ = [
    "OPS",
    "Op",
    "composites",
    "contraction",
    "creation",
    "cumulative",
    "elementwise",
    "indexing",
    "logic",
    "movement",
    "op_named",
    "reduction",
    "sorting",
    "subtensor",
]
