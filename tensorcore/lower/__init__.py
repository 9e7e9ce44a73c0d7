"""Graph to Program: expand what a backend does not claim, size, fuse, plan."""

from .legalize import fallbacks
from .pipeline import lower, optimise

__all__ = ["fallbacks", "lower", "optimise"]
