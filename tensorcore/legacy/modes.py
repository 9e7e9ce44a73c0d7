"""Modes of compilation: ``Mode``, ``NanGuardMode``, ``DebugMode``, ``MonitorMode`` and their kin.

A mode here chooses among the rewrites of ours, and who watches. Backends take the place of linkers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import config
from ..errors import ConfigError
from ..function import Function
from ..inspection.stepwise import BadValue, Differs, Moment, Watched, check_numbers, compare

__all__ = [
    "BadThunkOutput", "DebugMode", "DebugModeError", "FAST_COMPILE", "FAST_RUN",
    "InvalidValueError", "JAX", "Mode", "MonitorMode", "NanGuardMode", "ProfileMode", "detect_nan",
    "get_default_mode", "get_mode", "instantiated_default_mode", "predefined_linkers",
    "predefined_modes", "predefined_optimizers", "register_linker", "register_mode",
    "register_optimizer",
]  # fmt: skip

DebugModeError, BadThunkOutput, InvalidValueError = Differs, Differs, BadValue
_OPTIMIZERS = ("fast_run", "fast_compile", "stabilize", "merge", "none", "o1", "o2", "o3", "o4")


class Mode:
    """Which rewrites run: ``optimizer`` by name. ``linker`` is kept and means nothing."""

    def __init__(self, linker: Any = None, optimizer: Any = "default") -> None:
        self.linker = self.provided_linker = linker
        word = "None" if optimizer is None else str(optimizer).lower()
        self.optimizer = word if word in _OPTIMIZERS else "fast_run"
        self.provided_optimizer = optimizer
        self._including: tuple[str, ...] = ()
        self._excluding: tuple[str, ...] = ()

    def clone(self, **changes: Any) -> Any:
        """The mode with some of ``linker, optimizer`` changed."""
        made = type(self).__new__(type(self))
        made.__dict__.update(self.__dict__)
        for name, value in changes.items():
            setattr(made, name, value)
        return made

    def including(self, *tags: str) -> Any:
        """The mode with rewrites added."""
        return self.clone(_including=(*self._including, *tags))

    def excluding(self, *tags: str) -> Any:
        """The mode with rewrites left out."""
        return self.clone(_excluding=(*self._excluding, *tags))

    def requiring(self, *tags: str) -> Any:
        """The mode itself: rewrites of Theano's cannot be required."""
        return self.clone()

    def register(self, *optimizations: Any) -> Any:
        """The mode itself: rewrites of Theano's cannot be added."""
        return self.clone()

    def flags(self) -> dict[str, Any]:
        """The options of ours that the mode sets, where they know the names."""
        made: dict[str, Any] = {"optimizer": self.optimizer, "mode": "FAST_RUN"}
        for name, tags in (("including", self._including), ("excluding", self._excluding)):
            option = f"optimizer_{name}"
            try:
                config.change_flags({option: (*config.get(option), *tags)})
                made[option] = (*config.get(option), *tags)
            except ConfigError:
                continue
        return made

    def watch(self, f: Function) -> Function:
        """The function as this mode has it."""
        return f

    def __repr__(self) -> str:
        return f"<{type(self).__name__} optimizer={self.optimizer}>"


class NanGuardMode(Mode):
    """Stops at the first node whose result holds NaN, infinity or numbers above 1e10."""

    def __init__(
        self, nan_is_error: Any = None, inf_is_error: Any = None, big_is_error: Any = None,
        optimizer: Any = "default", linker: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(linker, optimizer)
        asked = (nan_is_error, inf_is_error, big_is_error)
        self.nan, self.inf, self.big = (True if a is None else bool(a) for a in asked)

    def watch(self, f: Function) -> Function:
        """The function, watched."""
        return Watched.of(f, check_numbers(self.nan, self.inf, self.big))


class DebugMode(Mode):
    """Runs each node on the chosen backend and on the reference, and stops at a difference."""

    def __init__(self, optimizer: Any = "default", **checks: Any) -> None:
        super().__init__(None, optimizer)

    def watch(self, f: Function) -> Function:
        """The function, watched."""
        return Watched.of(f, compare())


class _Thunk:
    """What a monitor sees of the computation of a node."""

    def __init__(self, moment: Moment, done: bool) -> None:
        self.inputs = [[a] for a in moment.arrays]
        self.outputs = [[moment.result if done else None]]


class MonitorMode(Mode):
    """Calls ``pre_func(i, node, fn)`` before and ``post_func(i, node, fn)`` after each node; the
    arrays are ``fn.inputs[k][0]`` and ``fn.outputs[k][0]``."""

    def __init__(
        self, pre_func: Any = None, post_func: Any = None, optimizer: Any = "default",
        linker: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(linker, optimizer)
        self.pre_func, self.post_func = pre_func, post_func

    def watch(self, f: Function) -> Function:
        """The function, watched."""
        return Watched.of(f, self._call(self.post_func, True), self._call(self.pre_func, False))

    @staticmethod
    def _call(function: Callable[..., Any] | None, done: bool) -> Callable[[Moment], None]:
        def look(moment: Moment) -> None:
            if function is not None and moment.number >= 0:
                function(moment.number, moment.node, _Thunk(moment, done))

        return look


def detect_nan(i: int, node: Any, fn: Any) -> None:
    """For MonitorMode: print a node whose result holds NaN."""
    import numpy as np

    from ..printing import debugprint

    for (value,) in fn.outputs:
        if np.asarray(value).dtype.kind in "fc" and np.isnan(value).any():
            print("*** NaN detected ***")
            debugprint(node)
            print(f"Inputs : {[a for (a,) in fn.inputs]}")
            print(f"Outputs: {[a for (a,) in fn.outputs]}")


FAST_RUN = Mode(None, "fast_run")
FAST_COMPILE = Mode(None, "fast_compile")
JAX = FAST_RUN
ProfileMode = Mode
instantiated_default_mode = FAST_RUN
predefined_modes: dict[str, Mode] = {
    "FAST_RUN": FAST_RUN, "FAST_COMPILE": FAST_COMPILE, "DebugMode": DebugMode(),
    "DEBUG_MODE": DebugMode(), "NanGuardMode": NanGuardMode(),
}  # fmt: skip
predefined_linkers: dict[str, Any] = dict.fromkeys(("py", "c", "c|py", "cvm", "vm"))
predefined_optimizers: dict[str, Any] = dict.fromkeys(_OPTIMIZERS)


def get_mode(orig_string: Any) -> Any:
    """The mode of this name; without one the default; a mode as it is."""
    if isinstance(orig_string, Mode):
        return orig_string
    name = config.mode if orig_string is None else orig_string
    if name == "Mode":
        return FAST_RUN
    if name not in predefined_modes:
        raise ValueError(f"there is no mode {name!r}; there are {', '.join(predefined_modes)}.")
    return predefined_modes[name]


def get_default_mode() -> Any:
    """The mode that the flag ``mode`` names."""
    return get_mode(None)


def register_mode(name: str, mode: Any) -> None:
    """Give a mode a name for ``function(..., mode=name)``."""
    predefined_modes[name] = mode


def register_linker(name: str, linker: Any) -> None:
    """Keep the name: backends take the place of linkers."""
    predefined_linkers[name] = linker


def register_optimizer(name: str, opt: Any) -> None:
    """Keep the name: rewrites of Theano's do not run."""
    predefined_optimizers[name] = opt
