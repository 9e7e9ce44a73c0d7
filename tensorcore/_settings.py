"""The state behind ``tensorcore.config``: which sources set what, and which of them wins."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

from . import _rcfile
from ._options import (
    OPTIONS,
    Option,
    brief,
    combine,
    device_backend,
    did_you_mean,
    nearest,
)
from ._rcfile import DEFAULT_LEVEL, VARIABLE_LEVEL, Problem, Raw
from .errors import ConfigError

ASSIGNED_LEVEL = VARIABLE_LEVEL + 1
CONTEXT_LEVEL = ASSIGNED_LEVEL + 1


class UnknownOption(ConfigError, AttributeError):
    """An option that does not exist. An AttributeError too, so that ``hasattr`` works."""


class Candidate(NamedTuple):
    """A value for an option, where it comes from, and the rank of that place."""

    value: Any
    source: str
    level: int


class Setting(NamedTuple):
    """An option as ``explain`` reports it; ``overrode`` holds (value, source) of the losers."""

    option: str
    value: Any
    source: str
    overrode: tuple[tuple[Any, str], ...]
    doc: str


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What one ``change_flags`` set, on top of the one around it."""

    number: int
    own: Mapping[str, Any]
    merged: Mapping[str, Any]
    parent: Frame | None
    level: int


_FRAME: ContextVar[Frame | None] = ContextVar("tensorcore_flags", default=None)
_FRAME_NUMBERS = count(1)
current_frame = _FRAME.get


def push_frame(own: Mapping[str, Any]) -> None:
    """Lay ``own`` over the options of this thread or task."""
    parent = current_frame()
    below: Mapping[str, Any] = parent.merged if parent else {}
    level = parent.level + 1 if parent else CONTEXT_LEVEL
    _FRAME.set(Frame(next(_FRAME_NUMBERS), own, {**below, **own}, parent, level))


def pop_frame() -> None:
    """Undo the last ``push_frame`` of this thread or task."""
    frame = current_frame()
    _FRAME.set(frame.parent if frame else None)


def installed_sections() -> frozenset[str]:
    """Names of installed plugins: their options are not known before they are loaded."""
    from . import _discovery

    return frozenset(found.name for found in _discovery.installed())


class Settings:
    """All options of the process. Reads are lock-free; changes hold ``lock``."""

    def __init__(self, options: tuple[Option, ...] = OPTIONS) -> None:
        self.lock = threading.RLock()
        self.options = {option.name: option for option in options}
        #: The winning value outside ``change_flags``; empty until the sources are read.
        self.values: dict[str, Any] = {}
        self.number = 0
        self._assigned: dict[str, Any] = {}
        self._found: dict[str, list[Candidate]] = {}
        self._pending: list[Raw] = []
        self._problems: list[Problem] = []
        self._loaded = False

    # -- reading ---------------------------------------------------------------------------

    def read(self, name: str) -> Any:
        """The value of the option that counts here and now."""
        frame = current_frame()
        if frame is not None and name in frame.merged:
            return frame.merged[name]
        if name not in self.values:
            self.find(name)
            self.ensure()
        return self.values[name]

    def ensure(self) -> None:
        """Read the sources unless that was done."""
        if not self._loaded:
            with self.lock:
                if not self._loaded:
                    self.load()

    def find(self, name: str) -> Option:
        """The option of that name. Raises UnknownOption with the nearest valid name."""
        option = self.options.get(name)
        if option is None and "." in name:
            self._ask_plugin(name.rpartition(".")[0])
            option = self.options.get(name)
        if option is None:
            guess = did_you_mean(nearest(name, self.options))
            raise UnknownOption(f"unknown option {name!r}{guess or self._known()}")
        return option

    def sections(self) -> frozenset[str]:
        """What may stand before the dot of an option that is known now."""
        return frozenset(option.section for option in self.options.values()) - {""}

    def has_section(self, name: str) -> bool:
        """Whether options start with ``name.``; loads the plugin of that name to find out."""
        if name not in self.sections():
            self._ask_plugin(name)
        return name in self.sections()

    def candidates(self, name: str) -> list[Candidate]:
        """Every value that was given for the option, the winner first."""
        self.ensure()
        found: list[Candidate] = []
        frame = current_frame()
        while frame is not None:
            if name in frame.own:
                found.append(Candidate(frame.own[name], "change_flags", frame.level))
            frame = frame.parent
        if name in self._assigned:
            found.append(Candidate(self._assigned[name], "assignment", ASSIGNED_LEVEL))
        found += self._found.get(name, ())
        if name in self.options:
            value = self.options[name].default_value()
            found.append(Candidate(value, "default", DEFAULT_LEVEL))
        return found

    def explain(self) -> list[Setting]:
        """One record per option, sorted by name, global options first."""
        self.ensure()
        rows = []
        for name in sorted(self.options, key=lambda name: ("." in name, name.lower())):
            first, *rest = self.candidates(name)
            overrode = tuple((loser.value, loser.source) for loser in rest)
            doc = self.options[name].doc
            rows.append(Setting(name, first.value, first.source, overrode, doc))
        return rows

    def chosen_backend(self) -> tuple[str, str]:
        """The backend that ``backend`` and ``device`` choose together, and who says so."""
        backend, device = self.candidates("backend")[0], self.candidates("device")[0]
        wanted = device_backend(device.value)
        if not wanted or backend.level > device.level:
            return backend.value, backend.source
        if backend.level == device.level:
            try:
                return combine(backend.value, device.value), backend.source
            except ValueError:  # reported when the source was read; the backend counts
                return backend.value, backend.source
        return wanted, f"{device.source} (device={device.value})"

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong in the sources."""
        self.ensure()
        return tuple(self._problems)

    # -- changing --------------------------------------------------------------------------

    def checked(self, flags: Mapping[str, object]) -> dict[str, Any]:
        """``flags`` with every name known and every value converted. Raises ConfigError."""
        own = {name: self.find(name).convert(value) for name, value in flags.items()}
        _refuse_contradiction(own)
        return own

    def assign(self, name: str, value: object) -> None:
        """Set an option for the whole process. Raises ConfigError."""
        converted = self.find(name).convert(value)
        self.ensure()
        with self.lock:
            _refuse_contradiction({**self._assigned, name: converted})
            self._assigned[name] = converted
            self._settle(name)

    def forget(self, name: str) -> None:
        """Undo the assignment of an option; nothing happens if there was none."""
        self.find(name)
        self.ensure()
        with self.lock:
            self._assigned.pop(name, None)
            self._settle(name)

    def register(self, option: Option) -> None:
        """Add an option. Raises ConfigError when the name is taken or its default is wrong."""
        with self.lock:
            known = self.options.get(option.name)
            if known is not None:
                if (known.doc, known.kind.expected) == (option.doc, option.kind.expected):
                    return  # the same plugin loaded again
                raise ConfigError(f"there is an option {option.name!r} already")
            option.convert(option.default_value())
            self.options[option.name] = option
            if self._loaded:
                mine = [raw for raw in self._pending if self._target(raw) is option]
                self._pending = [raw for raw in self._pending if raw not in mine]
                self._report([p for raw in mine if (p := self._accept(raw, option))])
                self._settle(option.name)

    def settle_section(self, section: str = "") -> None:
        """Say that a plugin has registered all its options: what is left over is a mistake.

        Without a section: so have all modules that the option ``plugins`` names.
        """
        with self.lock:
            if not self._pending:
                return
            sections = [section] if section else installed_sections()
            named = [raw for raw in self._pending if any(_mentions(raw, s) for s in sections)]
            left = named if section else [raw for raw in self._pending if raw not in named]
            self._pending = [raw for raw in self._pending if raw not in left]
            self._report([self._unknown(raw) for raw in left])

    # -- the sources -----------------------------------------------------------------------

    def load(self) -> None:
        """Read files and variables, anew if need be, and show what is wrong with them."""
        with self.lock:
            raws, problems = _rcfile.read_sources(os.environ)
            before, self._problems, self._pending, self._found = self._problems, [], [], {}
            problems += self._resolve(raws)
            problems += self._contradictions()
            self._report(problems, before)
            for name in self.options:
                self._settle(name)
            self._loaded = True  # last: other threads read without the lock from now on

    def _resolve(self, raws: list[Raw]) -> list[Problem]:
        problems: dict[int, Problem] = {}
        strange: dict[int, Raw] = {}
        for place, raw in enumerate(raws):
            option = self._target(raw)
            if option is None:
                strange[place] = raw
            elif problem := self._accept(raw, option):
                problems[place] = problem
        reported: set[tuple[int, str]] = set()
        for place, raw in strange.items():
            if self._may_be_of_plugin(raw):
                self._pending.append(raw)
                continue
            heading = self._unknown_section(raw)
            if not heading or (raw.level, heading) not in reported:
                problems[place] = self._unknown(raw)
            reported.add((raw.level, heading))  # one line per unknown section, not per key
        return [problems[place] for place in sorted(problems)]

    def _unknown_section(self, raw: Raw) -> str:
        known = raw.section in (None, "global") or raw.section in self.sections()
        return "" if known else str(raw.section)

    def _target(self, raw: Raw) -> Option | None:
        if raw.level != VARIABLE_LEVEL:
            return self.options.get(raw.key)
        return next((o for o in self.options.values() if o.variable == raw.key), None)

    def _accept(self, raw: Raw, option: Option) -> Problem | None:
        try:
            value = option.convert(raw.text)
        except ConfigError as cause:
            return Problem(raw.where, str(cause))
        found = self._found.setdefault(option.name, [])
        found.append(Candidate(value, raw.where, raw.level))
        found.sort(key=lambda candidate: -candidate.level)
        return None

    def _may_be_of_plugin(self, raw: Raw) -> bool:
        if raw.level != VARIABLE_LEVEL and "." not in raw.key:
            return False
        plugins = self._found.get("plugins") or self._assigned.get("plugins")
        if plugins:
            return True  # modules named by the user may bring any section
        return any(_mentions(raw, section) for section in installed_sections())

    def _unknown(self, raw: Raw) -> Problem:
        name, place, choices = raw.key, "", list(self.options)
        section, _, key = raw.key.rpartition(".")
        if raw.level == VARIABLE_LEVEL:
            choices = [option.variable for option in self.options.values()] + [_rcfile.FLAGS]
            guess = did_you_mean(nearest(name, choices)) or self._known()
            return Problem(raw.where, f"unknown option{guess}")
        if self._unknown_section(raw):
            guess = did_you_mean(nearest(section, [*self.sections(), "global"]))
            return Problem(raw.where, f"unknown section [{section}]{guess or self._known()}")
        if raw.section == "global":
            place = " in [global]"
        elif raw.section:
            name, place = key, f" in [{section}]"
            choices = [n.removeprefix(f"{section}.") for n in choices if n.startswith(section)]
        guess = did_you_mean(nearest(name, choices)) or self._known()
        return Problem(raw.where, f"unknown option {brief(name)}{place}{guess}")

    def _contradictions(self) -> Iterator[Problem]:
        devices = {c.level: c for c in self._found.get("device", ())}
        for backend in self._found.get("backend", ()):
            device = devices.get(backend.level)
            if device is not None:
                try:
                    combine(backend.value, device.value)
                except ValueError as cause:
                    yield Problem(device.source, f"{cause}; the backend counts")

    def _report(self, problems: list[Problem], before: list[Problem] | None = None) -> None:
        self._problems += problems
        for problem in problems:
            if sys.stderr is not None and problem not in (before or ()):
                print(problem.line, file=sys.stderr)

    def _settle(self, name: str) -> None:
        """Recompute the winner after a change."""
        found = self._found.get(name)
        if name in self._assigned:
            self.values[name] = self._assigned[name]
        elif found:
            self.values[name] = found[0].value
        else:
            self.values[name] = self.options[name].default_value()
        self.number += 1

    def _ask_plugin(self, section: str) -> None:
        if section in installed_sections():
            from . import plugins

            plugins.load_options(section)

    @staticmethod
    def _known() -> str:
        return "; 'tensorcore config' lists the options"


def _mentions(raw: Raw, section: str) -> bool:
    if raw.level == VARIABLE_LEVEL:
        prefix = _rcfile.PREFIX + section.upper().replace(".", "_").replace("-", "_") + "_"
        return raw.key.startswith(prefix)
    return raw.key.startswith(section + ".")


def _refuse_contradiction(flags: Mapping[str, Any]) -> None:
    if "backend" in flags and "device" in flags:
        try:
            combine(flags["backend"], flags["device"])
        except ValueError as cause:
            raise ConfigError(f"{cause}; set one of them only") from cause
