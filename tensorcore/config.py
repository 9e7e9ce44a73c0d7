"""The settings: ``from tensorcore import config``, then ``config.floatX``.

Which value counts, highest first: ``with config.change_flags(...)``; an assignment
``config.floatX = "float32"``; the variable ``TENSORCORE_FLOATX``;
``TENSORCORE_FLAGS="floatX=float32,backend=cgen"``; the rc files (``~/.tensorcorerc``, or those
that ``TENSORCORERC`` names); the default. ``tensorcore config --explain`` shows which it was.

Files and variables are read at the first question, not at import. A mistake in them is shown
as one line and never stops an import; a mistake in the program raises ConfigError.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from types import ModuleType, TracebackType
from typing import Any, TypeVar

from ._options import (
    Kind,
    Option,
    Spec,
    boolean,
    choice,
    integer,
    names,
    parse_spec,
    path,
    text,
)
from ._rcfile import Problem
from ._settings import (
    Setting,
    Settings,
    UnknownOption,
    current_frame,
    pop_frame,
    push_frame,
)

__all__ = [
    "Kind",
    "Option",
    "Problem",
    "Setting",
    "Spec",
    "boolean",
    "change_flags",
    "choice",
    "chosen_backend",
    "explain",
    "get",
    "integer",
    "names",
    "parse_spec",
    "path",
    "problems",
    "register",
    "reload",
    "settle_section",
    "text",
    "values",
]

# The options, for type checkers and readers; the values live in ``_settings``.
backend: str
device: str
floatX: str  # as Theano spells it
fallback: str
auto_order: tuple[str, ...]
plugins: tuple[str, ...]
disable: tuple[str, ...]
background: bool
probe_timeout: float
debug: bool
cache_dir: str
on_unused_input: str
allow_input_downcast: bool | None
assume_finite: bool
allow_gc: bool
compute_test_value: str
fast_math: bool
exception_verbosity: str
profile: bool
math_accuracy: str
mode: str
optimizer: str
optimizer_excluding: tuple[str, ...]
optimizer_including: tuple[str, ...]
#: Differs whenever any option may differ; the same number means the same values.
generation: int

_settings = Settings()
_F = TypeVar("_F", bound=Callable[..., Any])


def get(name: str) -> Any:
    """The value of an option by its full name, as in ``get("cgen.cc")``.

    Raises ConfigError for an unknown name.
    """
    return _settings.read(name)


def values() -> dict[str, Any]:
    """The value of every option of the core, here and now."""
    return {name: _settings.read(name) for name in _settings.options if "." not in name}


class change_flags:  # used like a function, as in Theano
    """Options for a block or a function: ``with change_flags(floatX="float32"): ...``.

    Holds in this thread or asyncio task only. Names with a dot go in a mapping:
    ``change_flags({"cgen.cc": "clang"})``. Works as a decorator, also of ``async def``.
    Raises ConfigError at once for an unknown name or a value that is not valid.
    """

    def __init__(self, flags: Mapping[str, object] | None = None, /, **named: object) -> None:
        self._own = _settings.checked({**(flags or {}), **named})

    def __enter__(self) -> None:
        push_frame(self._own)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pop_frame()

    def __call__(self, function: _F) -> _F:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def waits(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

            return waits  # type: ignore[return-value]

        @functools.wraps(function)
        def runs(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return runs  # type: ignore[return-value]


def register(option: Option) -> None:
    """Add an option. Files and variables that mention it already take effect.

    Raises ConfigError when another option has the name or the default is not valid.
    """
    _settings.register(option)
    if not option.section:
        setattr(_Config, option.name, _property(option.name))


def settle_section(section: str = "") -> None:
    """Say that all options of ``section`` are registered (without one: those of the modules
    that the option ``plugins`` names); settings left over are problems."""
    _settings.settle_section(section)


def reload() -> None:
    """Read the environment and the rc files again. Assignments stay; ``del config.floatX``
    takes one back."""
    _settings.load()


def problems() -> tuple[Problem, ...]:
    """What is wrong in files and variables; each was shown once on standard error."""
    return _settings.problems()


def explain() -> list[Setting]:
    """For each option its value, the source that won, and what it overrode."""
    return _settings.explain()


def chosen_backend() -> tuple[str, str]:
    """The backend that the options ``backend`` and ``device`` choose, and the source.

    ``device=cpu`` leaves the backend alone; ``device=cuda0`` means backend ``cuda:0`` unless
    ``backend`` is set at the same or a higher level.
    """
    return _settings.chosen_backend()


class _Section:
    """The options before whose names the same word stands, as in ``config.cgen.cc``."""

    __slots__ = ("_name",)
    _name: str

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _settings.read(f"{self._name}.{name}")

    def __setattr__(self, name: str, value: object) -> None:
        _settings.assign(f"{self._name}.{name}", value)

    def __delattr__(self, name: str) -> None:
        _settings.forget(f"{self._name}.{name}")

    def __dir__(self) -> list[str]:
        start = self._name + "."
        return [name[len(start) :] for name in _settings.options if name.startswith(start)]

    def __repr__(self) -> str:
        return f"<options of {self._name}>"


def _property(name: str) -> property:
    values = _settings.values

    def read(module: _Config) -> Any:
        frame = current_frame()
        if frame is not None and name in frame.merged:
            return frame.merged[name]
        try:
            return values[name]
        except KeyError:
            return _settings.read(name)

    def write(module: _Config, value: object) -> None:
        _settings.assign(name, value)

    def forget(module: _Config) -> None:
        _settings.forget(name)

    return property(read, write, forget, _settings.options[name].doc)


class _Config(ModuleType):
    """The class of this module: options are properties, so that assigning validates."""

    @property
    def generation(self) -> int:
        frame = current_frame()
        return _settings.number << 32 | (frame.number if frame else 0)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if name not in _settings.options and _settings.has_section(name):
            return _Section(name)
        return _settings.read(name)

    def __setattr__(self, name: str, value: object) -> None:
        known = name.startswith("_") or name in self.__dict__ or hasattr(_Config, name)
        if not known and name not in _settings.options:
            if name in _settings.sections():
                raise UnknownOption(f"{name!r} holds options; assign to config.{name}.OPTION")
            _settings.find(name)
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_settings.options, *_settings.sections()})


for _name, _option in _settings.options.items():
    if not _option.section:
        setattr(_Config, _name, _property(_name))
sys.modules[__name__].__class__ = _Config
