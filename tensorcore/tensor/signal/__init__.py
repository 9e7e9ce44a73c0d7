"""Functions of signals and images."""

from . import conv, downsample, pool

__all__ = ["conv", "downsample", "pool"]
