"""Loading one plugin and making its backends, so that no defect of it reaches anybody else.

Whatever a plugin does wrong, be it raising, exiting or returning nonsense, becomes a Failure
with a state, a reason and a hint.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from . import config
from ._discovery import ADDONS, API, BACKENDS, Entry, load
from ._options import Option, did_you_mean, nearest
from .backend import Backend, Capabilities, Diagnosis
from .dtypes import DTYPES
from .errors import PluginError

if TYPE_CHECKING:
    import pluggy

_R = TypeVar("_R")


class Failure(Exception):
    """Why a plugin or backend cannot be used; caught and turned into a status or an error."""

    def __init__(self, state: str, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.state = state
        self.reason = " ".join(reason.split())
        self.hint = " ".join(hint.split())


def guarded(what: str, entry: Entry, call: Callable[[], _R]) -> _R:
    """``call()``. Raises Failure for everything it raises, SystemExit included, except
    KeyboardInterrupt."""
    try:
        return call()
    except (KeyboardInterrupt, Failure):
        raise
    except ImportError as cause:
        raise _missing(what, entry, cause) from cause
    except BaseException as cause:
        said = f"{type(cause).__name__}: {_words(cause)}".rstrip(": ")
        raise Failure("broken", f"{what} raised {said}", _tell_more(entry)) from cause


def _words(cause: BaseException) -> str:
    try:
        return str(cause)
    except Exception:  # noqa: BLE001  (an exception whose text raises is the plugin's)
        return ""


def _missing(what: str, entry: Entry, cause: ImportError) -> Failure:
    top = (cause.name or "").partition(".")[0]
    own = entry.value.partition(":")[0].partition(".")[0]
    if not top or top == own or not isinstance(cause, ModuleNotFoundError):
        reason = f"{what} raised {type(cause).__name__}: {_words(cause)}"
        absent = top == own and isinstance(cause, ModuleNotFoundError)
        hint = f"check that {own!r} is spelt right and on Python's path"
        return Failure("broken", reason, hint if absent else _tell_more(entry))
    hint = f"install what provides the module {top!r}; the manual of {_owner(entry)} names it"
    return Failure("missing dependency", f"the Python module {top!r} was not found", hint)


def _owner(entry: Entry) -> str:
    return f"{entry.distribution} {entry.version}".strip() or entry.value


def _tell(entry: Entry) -> str:
    return f"tell the authors of {_owner(entry)}, or block it with TENSORCORE_DISABLE={entry.name}"


def _tell_more(entry: Entry) -> str:
    """As ``_tell``, of something that raised: also how to see its traceback, if it is kept."""
    if not entry.value:  # a hook that is asked in the middle of a compilation
        return _tell(entry)
    module = entry.value.partition(":")[0].strip()
    listed = entry.group != ADDONS
    way = "tensorcore backends -v" if listed else f'python -X dev -c "import {module}"'
    return f"{_tell(entry)}; its traceback: {way}"


def check_metadata(entry: Entry) -> None:
    """Raises Failure when ``entry`` must not be imported, going by its metadata."""
    blocked = config.disable
    if entry.name in blocked or entry.distribution in blocked:
        hint = "take it out of the option 'disable' (variable TENSORCORE_DISABLE)"
        raise Failure("disabled", "it is blocked by the option 'disable'", hint)
    if entry.defect:
        raise Failure("broken", entry.defect, "reinstall it")
    if entry.group == BACKENDS and entry.api != API:
        found = (
            f"it was made for plugin API {entry.api!r}"
            if entry.api
            else (
                "it declares no plugin API (no entry point of its name in group 'tensorcore.api')"
            )
        )
        hint = f"install a version of {entry.distribution} made for plugin API {API}"
        raise Failure("incompatible", f"{found}; this tensorcore has {API!r}", hint)


class Plugin:
    """One loaded plugin: its object, and a plugin manager that holds nothing else."""

    def __init__(self, entry: Entry) -> None:
        check_metadata(entry)
        self.entry = entry
        what = f"importing {entry.value!r}"
        self.object: Any = guarded(what, entry, lambda: load(entry))
        guarded(f"the plugin {entry.value!r}", entry, self._check_version)
        self._alone = guarded(f"the plugin {entry.value!r}", entry, self._register_alone)
        self._check_hooks()
        self._register_options()
        self.factories = self._backends()
        for section in {self.entry.name, *self.factories}:
            config.settle_section(section)

    def _check_version(self) -> None:
        """What a module without metadata says of itself; metadata was checked before."""
        made_for = getattr(self.object, "tensorcore_api", API)
        if made_for != API:
            found = f"it was made for plugin API {made_for!r}; this tensorcore has {API!r}"
            raise Failure("incompatible", found, f"get a version of it made for plugin API {API}")

    def _register_alone(self) -> pluggy.PluginManager:
        manager = new_manager()
        manager.register(self.object, name=self.entry.spec)
        return manager

    def _check_hooks(self) -> None:
        known = [name for name in vars(self._alone.hook) if name.startswith("tensorcore_")]
        callers = self._alone.get_hookcallers(self.object) or []
        for caller in callers:
            if not caller.has_spec():
                specified = [n for n in known if getattr(self._alone.hook, n).has_spec()]
                guess = did_you_mean(nearest(caller.name, specified))
                reason = f"{self.entry.value!r} implements the unknown hook {caller.name!r}{guess}"
                raise Failure("broken", reason, _tell(self.entry))
        if not callers:
            kind = "module" if inspect.ismodule(self.object) else type(self.object).__name__
            reason = (
                f"{self.entry.value!r} ({kind}) implements no hook; expected a module or object "
                "with functions marked @hookimpl, such as tensorcore_backends"
            )
            raise Failure("broken", reason, _tell(self.entry))

    def _register_options(self) -> None:
        for options in self._ask("tensorcore_options"):
            if not isinstance(options, Iterable):
                raise self._wrong("tensorcore_options", "an iterable of Option", options)
            guarded("registering its options", self.entry, partial(self._add_options, options))

    def _add_options(self, options: Iterable[object]) -> None:
        for option in options:
            if not isinstance(option, Option) or not option.section:
                wanted = "Option objects with names such as 'mine.level'"
                raise self._wrong("tensorcore_options", wanted, option)
            config.register(option)

    def _backends(self) -> dict[str, Callable[..., Any]]:
        found: dict[str, Callable[..., Any]] = {}
        for result in self._ask("tensorcore_backends"):
            good = isinstance(result, Mapping) and all(
                isinstance(name, str) and callable(factory) for name, factory in result.items()
            )
            if not good:
                wanted = "a mapping from names to factories, such as {'mine': Mine}"
                raise self._wrong("tensorcore_backends", wanted, result)
            found.update(result)
        return found

    def _ask(self, hook: str) -> list[Any]:
        caller = getattr(self._alone.hook, hook)
        return guarded(f"the hook {hook}", self.entry, lambda: list(caller()))

    def _wrong(self, hook: str, wanted: str, found: object) -> Failure:
        reason = f"the hook {hook} returned {type(found).__name__}, expected {wanted}"
        return Failure("broken", reason, _tell(self.entry))


def new_manager() -> pluggy.PluginManager:
    """A plugin manager that knows the hooks and has no plugins."""
    import pluggy

    from . import hookspecs

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def make_backend(plugin: Plugin, name: str, device: str) -> Backend:
    """A checked backend of ``plugin``. Raises Failure that lists all defects found."""
    entry = plugin.entry
    factory = plugin.factories.get(name)
    if factory is None:
        has = ", ".join(sorted(plugin.factories)) or "none"
        raise Failure(
            "broken", f"{entry.value!r} has no backend {name!r}; it has: {has}", _tell(entry)
        )
    named = {"device": device} if device else {}
    if device and not _takes_device(factory):
        hint = f"ask for {name!r} without ':{device}'"
        raise Failure("no device", f"{name!r} has no devices to choose from", hint)
    backend = guarded(f"making the backend {name!r}", entry, lambda: factory(**named))
    defects = guarded(f"the backend {name!r}", entry, lambda: backend_defects(backend, name))
    if defects:
        raise Failure("broken", f"backend {name!r} {'; '.join(defects)}", _tell(entry))
    made: Backend = backend
    return made


def _takes_device(factory: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(factory).parameters
    except (ValueError, TypeError):
        return False
    return "device" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def backend_defects(backend: object, name: str = "") -> list[str]:
    """Everything that keeps ``backend`` from being one, in words."""
    if inspect.isclass(backend):
        return [f"is the class {backend.__name__}, expected an instance"]
    defects = [
        f"has no method {method}() ({type(backend).__name__})"
        for method in ("diagnose", "capabilities", "compile")
        if not callable(getattr(backend, method, None))
    ]
    own = getattr(backend, "name", None)
    if not isinstance(own, str) or (name and own != name):
        defects.append(f"has the name {own!r}, expected {name or 'text'!r}")
    return defects


def _memory_defects(backend: Backend) -> list[str]:
    """What is wrong with its memory, which may open a device: so only a backend that can run is
    asked for it."""
    memory = getattr(backend, "memory", None)
    if memory is None or all(callable(getattr(memory, m, None)) for m in ("put", "get")):
        return []
    return [f"has a memory ({type(memory).__name__}) without put() and get()"]


def _capability_defects(found: object) -> list[str]:
    said = "capabilities() "
    if not isinstance(found, Capabilities):
        return [f"{said}returned {type(found).__name__}, expected Capabilities"]
    defects = []
    dtypes: object = found.dtypes
    if not isinstance(dtypes, tuple) or not set(dtypes) <= DTYPES.keys():
        defects.append(f"{said}has dtypes {dtypes!r}, expected a tuple of known dtypes")
    for field, kinds, expected in (
        ("calls", frozenset | set | None, "frozenset"),
        ("ulp", Mapping, "a mapping"),
        ("unsupported", Mapping, "a mapping"),
    ):
        value: Any = getattr(found, field)
        if isinstance(value, kinds):
            defects += [f"{said}has {words}" for words in _entry_defects(field, value or ())]
        else:
            kind = type(value).__name__
            defects.append(f"{said}has {field} of type {kind}, expected {expected}")
    return defects


def _entry_defects(field: str, entries: Iterable[object]) -> Iterator[str]:
    """What is wrong inside one field of Capabilities; its entries are names of ops, and among those
    that are unsupported there may be dtypes."""
    from .dtypes import ALL
    from .ops import OPS

    dtypes = ALL if field == "unsupported" else ()
    for name in sorted(set(entries) - OPS.keys() - set(dtypes), key=str):
        guess = did_you_mean(nearest(name, OPS)) if isinstance(name, str) else ""
        yield f"{field} {name!r}, which is no op{guess}"
    for name, value in entries.items() if isinstance(entries, Mapping) else ():
        if field == "unsupported" and not isinstance(value, str):
            yield f"{field} {name!r} with the reason {value!r}, expected text"
        if field == "ulp" and not _is_limit(value):
            yield f"{field} of {name!r} {value!r}, expected a number >= 0"


def _is_limit(value: object) -> bool:
    return type(value) is not bool and isinstance(value, (int, float)) and value >= 0


def check_given(backend: Backend) -> None:
    """Raises PluginError when an object that is given as a backend is none."""
    defects = backend_defects(backend) or _memory_defects(backend)
    if defects:
        raise PluginError(f"the backend given {'; '.join(defects)}")
    try:
        defects = _capability_defects(backend.capabilities())
    except Exception as cause:
        said = f"{type(cause).__name__}: {_words(cause)}".rstrip(": ")
        raise PluginError(f"the backend given: capabilities() raised {said}") from cause
    if defects:
        raise PluginError(f"the backend given: {'; '.join(defects)}")


def check_runs(backend: Backend, entry: Entry) -> Diagnosis:
    """What the backend says of this machine. Raises Failure when it cannot run here."""
    found: object = guarded("diagnose()", entry, backend.diagnose)
    if not isinstance(found, Diagnosis):
        reason = f"diagnose() returned {type(found).__name__}, expected Diagnosis"
        raise Failure("broken", reason, _tell(entry))
    flags: tuple[object, ...] = found.can_run, found.can_compile
    if not all(isinstance(flag, bool) for flag in flags):
        reason = "diagnose() returned a Diagnosis whose can_run or can_compile is no bool"
        raise Failure("broken", reason, _tell(entry))
    if not (found.can_run and found.can_compile):
        # What can be compiled for but not run lacks the device; else software is missing.
        state = "no device" if found.can_compile else "missing dependency"
        reason = str(found.reason) or "it says that it cannot run, and not why"
        raise Failure(state, reason, str(found.hint))
    defects = guarded("capabilities()", entry, lambda: _capability_defects(backend.capabilities()))
    own = guarded(f"the backend {backend.name!r}", entry, lambda: _memory_defects(backend))
    defects += [f"backend {backend.name!r} {words}" for words in own]
    if defects:
        raise Failure("broken", "; ".join(defects), _tell(entry))
    return found
