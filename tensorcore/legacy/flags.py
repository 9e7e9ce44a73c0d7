"""Theano's flags: ``THEANO_FLAGS``, ``~/.theanorc``, ``theano.config`` and ``change_flags``.

A flag has a default, what it means here, and, where there is one, the option of ours that it sets.
Settings of ours (``TENSORCORE_...``) win over Theano's. A flag that is not known is reported on one
line and kept, so that programs that ask for it get their value.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from .. import _rcfile
from .. import config as _ours
from .._options import home
from ..errors import BackendUnavailable, ConfigError, DTypeError
from ..node import Tensor, is_constant
from ..ops._declare import ON_NEW_NODE
from ..origin import warn
from ..types import ON_NEW_VARIABLE
from .flag_table import FLAGS, Flag

__all__ = [
    "AddConfigVar", "BoolParam", "ConfigParam", "EnumStr", "FLAGS", "Flag", "FloatParam",
    "IntParam", "StrParam", "THEANO_FLAGS", "TheanoConfigParser", "change_flags", "config",
    "config_files_from_theanorc", "local_bitwidth", "parse_config_string", "read_sources",
]  # fmt: skip


_values: dict[str, Any] = {}


def _say(words: str) -> None:
    print(f"tensorcore: {words}", file=sys.stderr)


def _typed(name: str, value: Any) -> Any:
    """A text from a file or variable in the type that the flag has."""
    default = FLAGS[name].default if name in FLAGS else None
    if not isinstance(value, str) or isinstance(default, str) or default is None:
        return value
    if isinstance(default, bool):
        return value.strip().lower() in ("1", "true", "yes", "on")
    try:
        return type(default)(value)
    except ValueError:
        return value


def get(name: str) -> Any:
    """The value of a flag. Raises AttributeError for one that nobody has set or added."""
    flag = FLAGS.get(name)
    if flag is not None and flag.option and name not in _values:
        found = _ours.get(flag.option)
        return ":".join(found) if isinstance(found, tuple) else found
    if name in _values:
        return _values[name]
    if flag is None:
        raise AttributeError(f"theano.config has no flag {name!r}; docs/theano.md lists them.")
    return flag.default


def put(name: str, value: Any, where: str = "") -> None:
    """Set a flag; ``where`` names the file or variable, if it is not the program that asks."""
    flag = FLAGS.get(name)
    if flag is None:
        _say(f"{where or 'theano.config'}: {name!r} is no flag that is known here; it is ignored.")
        _values[name] = value
    elif name == "device":
        _device(str(value), where)
    elif flag.option:
        _set_ours(name, flag, value, where)
    else:
        if where:
            _say(f"{where}: {name}={value}: {flag.meaning}.")
        _values[name] = _typed(name, value)
    _watch_float64()


def _float64(node: Tensor) -> None:
    """Complain about a variable or a result in float64, as ``warn_float64`` says."""
    if node.dtype == "float64" and not is_constant(node):
        words = f"{node!r} is float64, and the flag warn_float64 is {get('warn_float64')!r}."
        if get("warn_float64") in ("raise", "pdb"):
            raise DTypeError(f"{words} Cast it, or its operands, to float32.")
        warn(words)


def _watch_float64() -> None:
    """Have new variables and results looked at while the flag asks for it, and only then."""
    for looks in (ON_NEW_VARIABLE, ON_NEW_NODE):
        while _float64 in looks:
            looks.remove(_float64)
        if get("warn_float64") != "ignore":
            looks.append(_float64)


def _set_ours(name: str, flag: Flag, value: Any, where: str) -> None:
    try:
        setattr(_ours, flag.option, value)
        _values.pop(name, None)
    except ConfigError as problem:
        if not where and name not in ("mode", "optimizer_including", "optimizer_excluding"):
            raise
        _say(f"{where or 'theano.config'}: {name}: {problem}")
        _values[name] = value


def _device(value: str, where: str) -> None:
    """``theano.config.device`` says what is used and not what was asked for."""
    from .. import plugins

    if value.startswith(("gpu", "cuda", "opencl")):
        backend = "opencl" if value.startswith("opencl") else "cuda"
        try:
            plugins.select(backend)
        except BackendUnavailable as problem:
            why = str(problem).partition(": ")[0]
        else:
            _ours.device = value
            _values["device"] = value
            return
        chosen = _ours.chosen_backend()[0]
        _say(
            f"{where or 'theano.config'}: device={value}: {why}; backend={chosen} counts. "
            f"TENSORCORE_BACKEND names another."
        )
        value = "cpu"
    _values["device"] = value


def read_sources() -> None:
    """Take the settings of ``~/.theanorc`` (or those that THEANORC names) and THEANO_FLAGS."""
    _ours.reload()
    own = {s.option for s in _ours.explain() if s.source not in ("default", "the default")}
    raws: dict[str, tuple[str, str]] = {}
    for shown, path in _files():
        for found in _rcfile._read_file(shown, path, False, 0):
            if isinstance(found, _rcfile.Problem):
                _say(f"{found.where}: {found.message}")
            else:
                raws[found.key] = (found.text, found.where)
    _last_read[:] = [os.environ.get("THEANO_FLAGS", "")]
    for key, text in _rcfile._split_flags(_last_read[0]):
        raws[key or text] = (text, "THEANO_FLAGS")
    for key, (text, where) in raws.items():
        option = FLAGS[key].option if key in FLAGS else ""
        if option not in own and not (key == "device" and "backend" in own):
            put(key, text, where)


#: The text of THEANO_FLAGS that was taken last, if any.
_last_read: list[str] = []


def read_again() -> None:
    """Take the settings once more if THEANO_FLAGS has changed since."""
    if _last_read != [os.environ.get("THEANO_FLAGS", "")]:
        read_sources()


def _files() -> Iterator[tuple[str, str]]:
    named = os.environ.get("THEANORC")
    if named:
        yield from ((part, os.path.expanduser(part)) for part in named.split(os.pathsep) if part)
    elif home():
        yield "~/.theanorc", os.path.join(home(), ".theanorc")


def config_files_from_theanorc() -> list[str]:
    """The files that settings are read from."""
    return [path for _, path in _files()]


def __getattr__(name: str) -> Any:
    if name == "THEANO_FLAGS":
        return os.environ.get("THEANO_FLAGS", "")
    raise AttributeError(f"tensorcore.legacy.flags has no {name!r}.")


class _Section:
    """The flags that begin with the same words, as in ``theano.config.scan.allow_gc``."""

    def __init__(self, prefix: str) -> None:
        object.__setattr__(self, "_prefix", prefix)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        full = self._prefix + name
        if full not in _values and any(known.startswith(full + ".") for known in FLAGS):
            return _Section(full + ".") if full not in FLAGS else _Both(full)
        return get(full)

    def __setattr__(self, name: str, value: Any) -> None:
        put(self._prefix + name, value)

    def __repr__(self) -> str:
        names = [n for n in FLAGS if n.startswith(self._prefix)]
        return "\n".join(f"{name} = {get(name)!r}: {FLAGS[name].meaning}" for name in names)


class _Both(str):
    """The value of a flag under whose name there are others, such as ``dnn.conv``."""

    __slots__ = ("_inner",)
    _inner: _Section

    def __new__(cls, full: str) -> _Both:  # noqa: PYI034
        made = str.__new__(cls, get(full))
        made._inner = _Section(full + ".")
        return made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class TheanoConfigParser(_Section):
    """``theano.config``."""

    def __init__(self) -> None:
        super().__init__("")

    def change_flags(self, *args: Any, **flags: Any) -> change_flags:
        """See ``theano.configparser.change_flags``."""
        return change_flags(*args, **flags)


config = TheanoConfigParser()
_config_var_list = list(FLAGS)


class change_flags:  # used like a function, as in Theano
    """Flags for a block or a function: ``with change_flags(floatX="float32"): ...``."""

    def __init__(self, args: Any = (), **flags: Any) -> None:
        self._flags = {**dict(args), **flags}
        for name in self._flags:
            get(name)
        mapped = {n: v for n, v in self._flags.items() if n in FLAGS and FLAGS[n].option}
        self._ours = _ours.change_flags({FLAGS[n].option: v for n, v in mapped.items()})
        self._others = {n: v for n, v in self._flags.items() if n not in mapped}
        self._before: list[dict[str, Any]] = []

    def __enter__(self) -> None:
        self._before.append(dict(_values))
        self._ours.__enter__()
        _values.update(self._others)
        _watch_float64()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ours.__exit__(kind, error, trace)
        before = self._before.pop()
        for name in self._others:
            _values.pop(name, None)
            if name in before:
                _values[name] = before[name]
        _watch_float64()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def runs(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return runs


# -- flags that a program adds -------------------------------------------------------------


class ConfigParam:
    """The default of a flag that a program adds, and what makes a value of a text."""

    def __init__(self, default: Any, filter: Any = None, allow_override: bool = True) -> None:
        self.default = default() if callable(default) else default
        self.filter = filter
        self.allow_override = allow_override


def StrParam(default: Any, is_valid: Any = None, allow_override: bool = True) -> ConfigParam:
    """A flag that is text."""
    return ConfigParam(default, str, allow_override)


def IntParam(default: Any, is_valid: Any = None, allow_override: bool = True) -> ConfigParam:
    """A flag that is a whole number."""
    return ConfigParam(default, int, allow_override)


def FloatParam(default: Any, is_valid: Any = None, allow_override: bool = True) -> ConfigParam:
    """A flag that is a number."""
    return ConfigParam(default, float, allow_override)


def BoolParam(default: Any, is_valid: Any = None, allow_override: bool = True) -> ConfigParam:
    """A flag that is true or false."""
    return ConfigParam(bool(default), None, allow_override)


def EnumStr(default: Any, *options: Any, **kwargs: Any) -> ConfigParam:
    """A flag that is one of some words."""
    return ConfigParam(default, None)


def AddConfigVar(
    name: str, doc: str, configparam: ConfigParam, root: Any = None, in_c_key: bool = True
) -> None:
    """Add a flag; a value that was set before is kept."""
    FLAGS.setdefault(name, Flag(configparam.default, "", " ".join(doc.split())))
    if name in _values:
        _values[name] = _typed(name, _values[name])


def parse_config_string(config_string: str, issue_warnings: bool = True) -> dict[str, str]:
    """``name=value`` pairs separated by commas, as a dict."""
    return {key: value for key, value in _rcfile._split_flags(config_string) if key}


def local_bitwidth() -> int:
    """How many bits a pointer has."""
    return 64 if sys.maxsize > 2**32 else 32
