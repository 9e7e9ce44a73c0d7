"""The op declarations; ``OPS`` holds all of them by name."""

from . import (
    barriers,
    composites,
    contraction,
    creation,
    elementwise,
    logic,
    movement,
    reduction,
    stable,
)
from ._declare import OPS, Op, op_named

__all__ = [
    "OPS",
    "Op",
    "barriers",
    "composites",
    "contraction",
    "creation",
    "elementwise",
    "logic",
    "movement",
    "op_named",
    "reduction",
    "stable",
]
