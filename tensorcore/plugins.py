"""Which backends there are, which one counts, and how a Program gets compiled by it.

Metadata only is read until a backend is asked for; then that plugin alone is imported. What
is wrong with a plugin becomes its status and harms nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _discovery, _trial, config
from ._discovery import BACKENDS, OPTION_GROUP, Entry, option_entry
from ._loading import Failure, check_given
from ._options import Spec, did_you_mean, nearest, parse_spec
from ._registry import Registry, because
from .backend import Backend, Executable
from .errors import BackendUnavailable, ConfigError, PluginError

if TYPE_CHECKING:
    from .program import Program

__all__ = [
    "Entry",
    "Selected",
    "Status",
    "backends",
    "calls",
    "compile_with",
    "instead_of",
    "load_options",
    "package_of",
    "plugin_status",
    "refresh",
    "rules",
    "select",
    "select_to_compile",
    "status",
    "statuses",
    "unknown",
]


class Selected(NamedTuple):
    """The backend that counts. ``by_name`` is false when ``auto`` found it; ``notes`` say
    which backends ``auto`` passed over, and why."""

    backend: Backend
    device: str
    name: str
    distribution: str
    by_name: bool
    notes: tuple[str, ...] = ()


#: How a backend may stand.
STATES = ("ok", "missing dependency", "incompatible", "broken", "no device", "disabled")


class Status(NamedTuple):
    """How a backend stands. ``state`` is one of ``STATES``, ``cause`` what was raised here."""

    name: str
    distribution: str
    version: str
    api: str
    state: str
    reason: str = ""
    hint: str = ""
    devices: tuple[str, ...] = ()
    versions: Mapping[str, str] = MappingProxyType({})
    cause: BaseException | None = None


_registry = Registry()


def backends() -> tuple[Entry, ...]:
    """All backends that are announced, from metadata only.

    Modules that the option ``plugins`` names are the exception: they carry no metadata, so
    they are imported to see what they hold, once a child process came through that unharmed.
    """
    words = config.plugins
    found = []
    if "off" not in words:
        found += [entry for entry in _discovery.installed() if entry.group == BACKENDS]
    for word in words:
        if word != "off":
            found += _named_by_user(word)
    if words:
        config.settle_section()
    return tuple(found)


def refresh() -> None:
    """Forget everything found and loaded, as after installing a package. Modules that were
    imported stay imported."""
    _discovery.installed.cache_clear()
    _registry.clear()


def _named_by_user(word: str) -> list[Entry]:
    whole = option_entry(word)
    plugin = _registry.try_plugin(whole)
    if plugin is None:
        return [whole]
    return [Entry(n, word, whole.distribution, group=OPTION_GROUP) for n in plugin.factories]


# -- choosing ------------------------------------------------------------------------------


def select(spec: str | Backend | None = None) -> Selected:
    """The backend for ``spec``, or, without one, the one that the configuration chooses.

    ``spec`` is ``auto``, ``NAME[@DISTRIBUTION][:DEVICE]`` or a backend object. Raises
    ConfigError when it is none of these and BackendUnavailable when it cannot run here.
    """
    if spec is not None and not isinstance(spec, str):
        return _given(spec)
    generation = config.generation
    known = _registry.selected.get(spec)
    if known is not None and known[0] == generation:
        answer: Selected = known[1]
        return answer
    words = config.chosen_backend()[0] if spec is None else spec
    found = _auto() if words == "auto" else _by_name(words)
    _registry.selected[spec] = config.generation, found
    return found


def _given(backend: Backend) -> Selected:
    if not _registry.is_checked(backend):
        check_given(backend)
        _registry.note_checked(backend)
    return Selected(backend, "", backend.name, "", True)


def _by_name(words: str) -> Selected:
    try:
        spec = parse_spec(words)
    except ValueError as cause:
        raise ConfigError(str(cause)) from cause
    try:
        return _ready(spec)
    except Failure as failure:
        raise _unavailable(words, failure) from failure.__cause__


def _ready(spec: Spec, by_name: bool = True, notes: tuple[str, ...] = ()) -> Selected:
    entry = _find(spec)
    backend, _ = _registry.backend(entry, spec.device)
    return Selected(backend, spec.device, entry.name, entry.distribution, by_name, notes)


def package_of(selected: Selected) -> str:
    """The distribution that a selected backend is from, if its name alone does not say: where
    several provide one of that name. Else empty."""
    named = {entry.distribution for entry in backends() if entry.name == selected.name}
    return selected.distribution if len(named) > 1 else ""


def select_to_compile(spec: str) -> Selected:
    """As ``select``, for a backend that need only compile here: one without its device too.

    Raises as ``select`` does.
    """
    try:
        return select(spec)
    except BackendUnavailable:
        if status(spec).state != "no device":
            raise
    words = parse_spec(spec)
    entry = _find(words)
    backend = _registry.made(entry, words.device)
    return Selected(backend, words.device, entry.name, entry.distribution, True)


def _auto() -> Selected:
    failures: dict[str, Failure] = {}
    for words in config.auto_order:
        notes = tuple(f"{name} cannot run ({why.reason})" for name, why in failures.items())
        try:
            found = _ready(parse_spec(words), by_name=False, notes=notes)
        except Failure as failure:
            failures[words] = failure
            continue
        for name, why in failures.items():
            if why.state != "disabled":  # the user knows
                hint = f" Hint: {why.hint.rstrip('.')}." if why.hint else ""
                _registry.say(f"{name} cannot run ({why.reason}); using {words}.{hint}")
        return found
    tried = "; ".join(f"{name}: {why.reason}" for name, why in failures.items())
    raise BackendUnavailable(
        f"no backend can run: {tried or 'the option auto_order is empty'}. Hint: {_what_next()}."
    )


def instead_of(failed: Selected, why: Exception) -> Selected | None:
    """The next backend in ``auto_order`` that can run, when one that ``auto`` chose fails to
    compile; None when there is no other. Says so once per process."""
    order = config.auto_order
    later = order[order.index(failed.name) + 1 :] if failed.name in order else ()
    for words in later:
        try:
            found = _ready(parse_spec(words), by_name=False, notes=failed.notes)
        except Failure:
            continue
        reason = str(why).strip().splitlines() or [type(why).__name__]
        _registry.say(
            f"{failed.name} failed to compile ({reason[0]}); using {words}. Hint: choose "
            f"backend='{failed.name}' to see the error in full."
        )
        return found
    return None


def _what_next() -> str:
    if backends():
        return "'tensorcore doctor' says what each backend needs"
    if "off" in config.plugins:
        return "take 'off' out of the option 'plugins' (variable TENSORCORE_PLUGINS)"
    return "no backend is installed; run 'pip install .' in the checkout"


def unknown(words: str) -> str:
    """What is wrong with a backend's name as the configuration gives it: that no plugin has it,
    and the nearest that one has. Empty when it is known, or ``auto``."""
    if words == "auto":
        return ""
    try:
        _find(parse_spec(words))
    except (Failure, ValueError) as problem:
        return f"backend {words!r}: {problem}"
    return ""


def _find(spec: Spec) -> Entry:
    """The one entry that ``spec`` names. Raises Failure when there is none or several."""
    named = [entry for entry in backends() if entry.name == spec.name]
    if spec.distribution:
        same = _discovery.same_distribution
        found = [entry for entry in named if same(entry.distribution, spec.distribution)]
    else:
        blocked = config.disable
        free = [entry for entry in named if entry.distribution not in blocked]
        found = free or named
    if not found:
        raise _unknown(spec, named)
    if len(found) > 1:
        owners = " and ".join(entry.distribution for entry in found)
        choices = " or ".join(repr(entry.spec) for entry in found)
        raise Failure("ambiguous", f"{owners} both provide it", f"write {choices}")
    return found[0]


def _unknown(spec: Spec, named: list[Entry]) -> Failure:
    if named:
        owners = " or ".join(repr(entry.spec) for entry in named)
        return Failure("unknown", f"{spec.distribution!r} does not provide it", f"write {owners}")
    if "off" in config.plugins:
        hint = "take 'off' out of the option 'plugins' (variable TENSORCORE_PLUGINS)"
        return Failure("unknown", "the search for installed plugins is off", hint)
    lost = _left_out()
    if lost:
        words = "; ".join(f"{word!r} is {why.state} ({why.reason})" for word, why in lost.items())
        reason = f"no plugin has that name, but of the modules in the option 'plugins' {words}"
        first = next(iter(lost.values()))
        failure = Failure("unknown", reason, first.hint)
        failure.__cause__ = first.__cause__
        return failure
    guess = did_you_mean(nearest(spec.name, [*(entry.name for entry in backends()), "auto"]))
    hint = "'tensorcore backends' lists what is installed"
    return Failure("unknown", f"no installed plugin has that name{guess}", hint)


def _left_out() -> dict[str, Failure]:
    """The modules of the option ``plugins`` that could not be loaded, and why."""
    found = {}
    for word in config.plugins:
        try:
            if word != "off":
                _registry.plugin(option_entry(word))
        except Failure as failure:
            found[word] = failure
    return found


def _unavailable(words: str, failure: Failure) -> BackendUnavailable:
    here = ", ".join(_available()) or "none"
    state = f" ({failure.state})" if failure.state in STATES else ""
    return BackendUnavailable(
        f"backend {words!r} is not available{state}: {because(failure)} Available here: {here}."
    )


def _available() -> list[str]:
    """Backends known to work: those of ``auto_order`` and those in use. Trying all that are
    installed would import strangers to word an error message."""
    working = {entry.name for entry, _ in _registry.ready}
    for words in config.auto_order:
        try:
            working.add(_ready(parse_spec(words)).name)
        except Failure:
            continue
    return sorted(working)


# -- status --------------------------------------------------------------------------------


def status(name: str) -> Status:
    """How the backend ``NAME[@DISTRIBUTION][:DEVICE]`` stands; loads its plugin.

    ``name`` may also be the ``spec`` of an entry. Raises ConfigError when it is no such text
    and BackendUnavailable when no plugin, or more than one, has that name.
    """
    for entry in backends():
        if entry.spec == name:  # entries that could not be read have names of any form
            return _status(entry, "")
    try:
        spec = parse_spec(name)
    except ValueError as cause:
        raise ConfigError(str(cause)) from cause
    try:
        entry = _find(spec)
    except Failure as failure:
        raise _unavailable(name, failure) from None
    return _status(entry, spec.device)


def statuses() -> tuple[Status, ...]:
    """The status of each backend that is announced; loads all of them."""
    return tuple(_status(entry, "") for entry in backends())


def plugin_status(entry: Entry) -> Status:
    """How the plugin of ``entry`` stands by itself, as for an add-on that has no backend; loads
    it. ``ok`` says that it has the hooks it should."""
    try:
        _registry.plugin(entry)
    except Failure as failure:
        return Status(*_known(entry), failure.state, failure.reason, failure.hint)
    return Status(*_known(entry), "ok")


def _known(entry: Entry) -> tuple[str, str, str, str]:
    return entry.name, entry.distribution, entry.version, entry.api


def _status(entry: Entry, device: str) -> Status:
    known = _known(entry)
    try:
        _, diagnosis = _registry.backend(entry, device)
        _trial.check_computes(_registry.whole(entry), entry.spec)
    except Failure as failure:
        cause = failure.__cause__
        return Status(*known, failure.state, failure.reason, failure.hint, cause=cause)
    devices = tuple(str(device) for device in diagnosis.devices)
    return Status(*known, "ok", devices=devices, versions=dict(diagnosis.versions))


# -- hooks ---------------------------------------------------------------------------------


def compile_with(selected: Selected, program: Program) -> Executable:
    """Compile ``program`` through the hook ``tensorcore_compile``.

    Raises what the backend raises, CompileError above all, and PluginError when the result
    cannot be called.
    """
    made = _registry.shared().hook.tensorcore_compile(backend=selected.backend, program=program)
    if not callable(made):
        raise PluginError(
            f"compiling for {selected.name!r} gave {type(made).__name__}, expected something "
            "to call; look at the backend's compile() and at the hooks tensorcore_compile"
        )
    executable: Executable = made
    return executable


def calls(backend: Backend) -> dict[str, Callable[..., Any]]:
    """Ops that plugins implement for ``backend``: op name to callable; the last loaded wins."""
    found: dict[str, Callable[..., Any]] = {}
    for result in _registry.ask_each("tensorcore_calls", Mapping, backend):
        found.update(result)
    return found


def rules(backend: Backend) -> tuple[Any, ...]:
    """Rewrite rules that plugins add for ``backend``."""
    return tuple(
        r for result in _registry.ask_each("tensorcore_rules", Iterable, backend) for r in result
    )


def load_options(section: str) -> None:
    """Load the plugins named ``section``, so that their options are known. A broken one has
    none; nobody asked for it by name, so nothing is said."""
    for entry in _discovery.installed():
        if entry.name == section:
            with suppress(Failure):
                _registry.plugin(entry)
