"""The op declarations; ``OPS`` holds all of them by name."""

from . import (
    complexes,
    composites,
    contraction,
    creation,
    cumulative,
    elementwise,
    indexing,
    logic,
    movement,
    reduction,
    rounding,
    sorting,
    special,
    subtensor,
    trigonometric,
)
from ._declare import OPS, Op, op_named

__all__ = [
    "OPS",
    "Op",
    "complexes",
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
    "rounding",
    "sorting",
    "special",
    "subtensor",
    "trigonometric",
]
