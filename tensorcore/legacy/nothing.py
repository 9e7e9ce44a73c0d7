"""Modules of Theano that hold modules only."""

from __future__ import annotations

__all__: list[str] = []
