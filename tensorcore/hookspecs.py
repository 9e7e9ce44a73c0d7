"""The hooks that a plugin may implement, as signatures with docstrings.

A plugin is a module or an object whose functions are marked with ``hookimpl``. The whole of
a plugin for a backend named ``mine``, with the entry point ``mine = "their_package"`` in the
group ``tensorcore.backends`` and ``mine = "v1"`` in the group ``tensorcore.api``::

    from tensorcore.hookspecs import hookimpl

    class Mine:
        name = "mine"
        def diagnose(self): ...
        def capabilities(self): ...
        def compile(self, program): ...

    @hookimpl
    def tensorcore_backends():
        return {"mine": Mine}

A module that the option ``plugins`` names has no entry points. It may say for which version of
the hooks it was made, ``tensorcore_api = "v1"``; another version than ours is refused.

An implementation may leave out arguments that it does not need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from ._options import Option
    from .backend import Backend, Executable
    from .program import Program

PROJECT = "tensorcore"

hookspec = pluggy.HookspecMarker(PROJECT)
#: Marks a function of a plugin as an implementation of the hook of the same name.
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def tensorcore_backends() -> Mapping[str, Callable[..., Backend]]:  # type: ignore[empty-body]
    """The backends of this plugin: name to a factory, most simply the class.

    The factory is called without arguments; when the user asked for a device, as in
    ``mine:1``, it is called with ``device="1"``, and a factory that has no parameter
    ``device`` makes that an error. It is called once per name and device. It should be cheap:
    what may fail or is slow (drivers, compilers) belongs in ``diagnose``.
    """


@hookspec
def tensorcore_options() -> Iterable[Option]:  # type: ignore[empty-body]
    """Options to add to the configuration, named ``mine.something``.

    They are registered when the plugin is loaded, before any factory is called; what rc files
    and variables say about them takes effect then.
    """


@hookspec
def tensorcore_calls(backend: Backend) -> Mapping[str, Any] | None:
    """Implementations of whole ops for a backend of another package: op name to callable.

    The callable takes the input buffers and the op's attributes and returns the outputs:
    ``implementation(*buffers, **attrs)``. ``None`` or ``{}`` for backends it has none for.
    """


@hookspec
def tensorcore_rules(backend: Backend) -> Iterable[Any] | None:
    """Rewrite rules to add for this backend; see ``tensorcore.rewrite``."""


@hookspec(firstresult=True)
def tensorcore_compile(backend: Backend, program: Program) -> Executable | None:
    """Turn ``program`` into something to call; the core's implementation, which runs last,
    returns ``backend.compile(program)``.

    Implement it with ``@hookimpl(wrapper=True)`` to time, count, cache or print compilations::

        @hookimpl(wrapper=True)
        def tensorcore_compile(backend, program):
            start = time.perf_counter()
            executable = yield
            print(backend.name, time.perf_counter() - start)
            return executable
    """
