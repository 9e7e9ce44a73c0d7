"""Graph to Program: expand what a backend does not claim, size, fuse, plan."""

from .pipeline import lower, optimise

__all__ = ["lower", "optimise"]
