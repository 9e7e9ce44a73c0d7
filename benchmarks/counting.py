"""A plugin that notes which backend compiles, and how often.

It enters as any plugin does: ``TENSORCORE_PLUGINS=benchmarks.counting``.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from tensorcore.hookspecs import hookimpl

#: The name of the backend of each compilation in this process.
compiled: list[str] = []


@hookimpl(wrapper=True)
def tensorcore_compile(backend: Any) -> Generator[None, Any, Any]:
    """Count, and change nothing."""
    compiled.append(backend.name)
    return (yield)


def assert_backend(name: str) -> str:
    """``name``, or an error if anything was compiled by another backend."""
    others = sorted(set(compiled) - {name})
    if others:
        raise WrongBackend(f"expected every function to run on {name}, found {', '.join(others)}")
    return name


class WrongBackend(Exception):
    """A figure would not be that of the backend it is meant for."""
