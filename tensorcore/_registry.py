"""The plugins and backends loaded in this process, and the hooks that plugins share."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

from . import _discovery, _trial, config
from ._discovery import ADDONS, OPTION_GROUP, Entry, option_entry
from ._loading import (
    Failure,
    Plugin,
    check_metadata,
    check_runs,
    guarded,
    make_backend,
    new_manager,
)
from .backend import Backend, Diagnosis, Executable

if TYPE_CHECKING:
    import pluggy

    from .program import Program

_R = TypeVar("_R")


def because(failure: Failure) -> str:
    """Reason and hint as two sentences."""
    hint = f" Hint: {failure.hint.rstrip('.')}." if failure.hint else ""
    end = "" if failure.reason.endswith((".", "?")) else "."
    return f"{failure.reason}{end}{hint}"


class Registry:
    """Everything that was loaded. Reads of ready backends take no lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.ready: dict[tuple[Entry, str], tuple[Backend, Diagnosis]] = {}
        #: What ``select`` answered, and the generation of the configuration it holds for.
        self.selected: dict[str | None, tuple[int, Any]] = {}
        self._plugins: dict[Entry, Plugin] = {}
        self._made: dict[tuple[Entry, str], Backend] = {}
        #: Failures hold until an option changes: a compiler may have been named meanwhile.
        self._failed: dict[tuple[Entry, str | None], tuple[int, Failure]] = {}
        self._hooks: pluggy.PluginManager | None = None
        self._said: set[str] = set()
        #: Backend objects that were given and found good, by their ids.
        self._checked: dict[int, weakref.ref[Backend]] = {}

    def clear(self) -> None:
        """Forget everything."""
        with self.lock:
            for table in (self.ready, self.selected, self._plugins, self._made, self._failed):
                table.clear()
            self._hooks = None
            self._said.clear()
            _trial.forget()

    def say(self, line: str) -> None:
        """Show a line on standard error, once per process."""
        if line not in self._said:
            self._said.add(line)
            # No warning is worth a result: the stream may be closed, or a file on a full disk.
            with suppress(OSError, ValueError):
                if sys.stderr is not None:
                    print(f"tensorcore: {line}", file=sys.stderr)

    def is_checked(self, backend: Backend) -> bool:
        """Whether ``note_checked`` was called with this object."""
        known = self._checked.get(id(backend))
        return known is not None and known() is backend

    def note_checked(self, backend: Backend) -> None:
        """Remember an object as long as it lives, if it allows that."""
        number, table = id(backend), self._checked
        with suppress(TypeError):  # its class has slots
            table[number] = weakref.ref(backend, lambda dead: table.pop(number, None))

    # -- loading ---------------------------------------------------------------------------

    def plugin(self, entry: Entry) -> Plugin:
        """The loaded plugin of ``entry``. Raises Failure."""
        check_metadata(entry)
        loaded = self._plugins.get(entry)
        if loaded is not None:
            return loaded
        _trial.check(entry)  # before the lock: it may take seconds
        with self.lock:
            if entry not in self._plugins:
                self._plugins[entry] = self._attempt((entry, None), partial(self._load, entry))
            return self._plugins[entry]

    def _load(self, entry: Entry) -> Plugin:
        plugin = Plugin(entry)
        if self._hooks is not None:
            _join(self._hooks, plugin)
        return plugin

    def _attempt(self, key: tuple[Entry, str | None], make: Callable[[], _R]) -> _R:
        """``make()``. Its Failure is raised again, without another try, until an option changes."""
        generation, known = self._failed.get(key, (-1, None))
        if known is not None and generation == config.generation:
            raise Failure(known.state, known.reason, known.hint) from known.__cause__
        try:
            return make()
        except Failure as failure:
            self._failed[key] = config.generation, failure
            raise

    def try_plugin(self, entry: Entry) -> Plugin | None:
        """``plugin(entry)``, or ``None`` and one line on standard error."""
        try:
            return self.plugin(entry)
        except Failure as failure:
            if failure.state != "disabled":
                self.say(f"plugin {entry.spec!r} is left out: {because(failure)}")
            return None

    def backend(self, entry: Entry, device: str) -> tuple[Backend, Diagnosis]:
        """A backend that can run here, made once per entry and device. Raises Failure."""
        check_metadata(entry)
        key = entry, device
        if key in self.ready:
            return self.ready[key]
        plugin = self.plugin(self.whole(entry))
        with self.lock:
            if key not in self.ready:
                make = partial(self._make, plugin, entry, device)
                self.ready[key] = self._attempt(key, make)
            return self.ready[key]

    @staticmethod
    def whole(entry: Entry) -> Entry:
        """The entry of the plugin that has the backend ``entry``: a module of the option
        ``plugins`` may hold several."""
        return option_entry(entry.value) if entry.group == OPTION_GROUP else entry

    def _make(self, plugin: Plugin, entry: Entry, device: str) -> tuple[Backend, Diagnosis]:
        if (entry, device) not in self._made:
            self._made[entry, device] = make_backend(plugin, entry.name, device)
        backend = self._made[entry, device]
        return backend, check_runs(backend, entry)

    def made(self, entry: Entry, device: str) -> Backend:
        """A backend that ``backend()`` has made, whether or not it can run here."""
        return self._made[entry, device]

    # -- hooks that all plugins share ------------------------------------------------------

    def shared(self) -> pluggy.PluginManager:
        """The manager of the shared hooks; add-ons are loaded when the first hook is called."""
        if self._hooks is not None:
            return self._hooks
        with self.lock:
            if self._hooks is None:
                installed = () if "off" in config.plugins else _discovery.installed()
                addons = [entry for entry in installed if entry.group == ADDONS]
                addons += [option_entry(word) for word in config.plugins if word != "off"]
                for entry in addons:
                    self.try_plugin(entry)
                manager = new_manager()
                manager.register(_core(), name="tensorcore core")
                for plugin in self._plugins.values():
                    _join(manager, plugin)
                self._hooks = manager
            return self._hooks

    def ask_each(self, hook: str, kind: type, backend: Backend) -> list[Any]:
        """The results of one hook, of the plugin loaded first first. An implementation that
        raises or returns another type is reported once and left out."""
        results = []
        for implementation in getattr(self.shared().hook, hook).get_hookimpls():
            given = {"backend": backend} if "backend" in implementation.argnames else {}
            name, _, owner = implementation.plugin_name.partition(" ")[0].partition("@")
            entry = Entry(name, "", owner)
            try:
                call = partial(implementation.function, **given)
                result = guarded(f"the hook {hook}", entry, call)
                if result is not None and not isinstance(result, kind):
                    wrong = f"{type(result).__name__}, expected {kind.__name__}"
                    raise Failure("broken", f"the hook {hook} returned {wrong}")
            except Failure as failure:
                self.say(f"plugin {entry.spec!r} is not asked: {because(failure)}")
                continue
            if result is not None:
                results.append(result)
        return results


def _join(manager: pluggy.PluginManager, plugin: Plugin) -> None:
    """Let ``plugin`` take part; once, if two entries name the same module."""
    if not any(plugin.object is other for _, other in manager.list_name_plugin()):
        name = f"{plugin.entry.spec} ({plugin.entry.group})"
        guarded("joining the hooks", plugin.entry, partial(manager.register, plugin.object, name))


def _core() -> SimpleNamespace:
    from .hookspecs import hookimpl

    @hookimpl(trylast=True)
    def tensorcore_compile(backend: Backend, program: Program) -> Executable:
        return backend.compile(program)

    return SimpleNamespace(tensorcore_compile=tensorcore_compile)
