"""The op declarations; ``OPS`` holds all of them by name."""

from . import (
    complexes,
    composites,
    contraction,
    creation,
    elementwise,
    logic,
    movement,
    reduction,
    rounding,
    special,
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
    "elementwise",
    "logic",
    "movement",
    "op_named",
    "reduction",
    "rounding",
    "special",
    "trigonometric",
]
