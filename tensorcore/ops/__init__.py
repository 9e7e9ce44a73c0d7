"""The op declarations; ``OPS`` holds all of them by name."""

from . import composites, contraction, creation, elementwise, movement, reduction
from ._declare import OPS, Op, op_named

__all__ = [
    "OPS",
    "Op",
    "composites",
    "contraction",
    "creation",
    "elementwise",
    "movement",
    "op_named",
    "reduction",
]
