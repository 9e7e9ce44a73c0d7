"""Functions of signals and images."""

from . import pool

__all__ = ["pool"]
