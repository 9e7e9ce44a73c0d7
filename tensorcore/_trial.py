"""Whether a stranger's plugin may be loaded here: it is tried in a child process first.

What kills or hangs that child, or computes something wrong there, is not loaded. Everything
milder is found, with its traceback, when the plugin is loaded or first used; that a backend
computed nothing is remembered too, for listings. A verdict is kept on disk until the plugin
changes, so that an unchanged plugin costs one look into the cache.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from . import cache, config
from ._discovery import API, OPTION_GROUP, Entry, same_distribution
from ._loading import Failure, check_metadata

if TYPE_CHECKING:
    from ._probe import Probe

_OURS = __name__.partition(".")[0]


class Verdict(NamedTuple):
    """Why a plugin must not be loaded; both texts are empty for one that may. ``idle``: its
    backends that may be loaded but computed nothing, by ``spec``, with reason and hint."""

    reason: str = ""
    hint: str = ""
    idle: Mapping[str, tuple[str, str]] = MappingProxyType({})


#: In the child, the one plugin that is tried there: the crash of another would be blamed on it.
alone: Entry | None = None
_known: dict[str | Entry, Verdict] = {}


def forget() -> None:
    """Forget the verdicts of this process; those on disk stay."""
    _known.clear()


def check(entry: Entry) -> None:
    """Raises Failure when ``entry`` must not be loaded, trying it if that is not known yet."""
    if alone is not None and entry != alone and not _is_ours(entry):
        raise Failure("disabled", f"only {alone.spec!r} is tried in this process")
    verdict = _verdict(entry)
    if verdict.reason:
        raise Failure("broken", verdict.reason, verdict.hint)


def check_computes(entry: Entry, spec: str) -> None:
    """Raises Failure when the backend ``spec`` of ``entry`` computed nothing when it was tried."""
    found = _verdict(entry).idle.get(spec)
    if found is not None:
        raise Failure("broken", *found)


def _verdict(entry: Entry) -> Verdict:
    seconds = config.probe_timeout
    if _is_ours(entry) or alone is not None or not seconds:
        return Verdict()
    top = _top(entry)
    if _absent(top):
        return Verdict()  # importing it fails, and that harms nobody
    key = _fingerprint(entry, top)
    verdict = _known.get(key or entry)
    if verdict is None:
        verdict = _stored(key)
    if verdict is None:
        try_afresh(entry, seconds)
        verdict = _known.get(key or entry, Verdict())
    _known[key or entry] = verdict
    return verdict


def try_afresh(entry: Entry, seconds: float) -> list[Probe]:
    """Try ``entry`` in a child process, whatever is known of it, and remember the verdict."""
    from ._probe import Probe, probe_in_child

    try:
        check_metadata(entry)
    except Failure as failure:
        return [Probe(entry.spec, False, failure.state, failure.reason, failure.hint)]
    key = _fingerprint(entry, _top(entry))  # before the child: plugins may write to their folder
    probes = probe_in_child(entry, seconds)
    if probes is None:
        reason = "it could not be tried: no Python process with tensorcore could be started"
        return [Probe(entry.spec, False, "broken", reason)]
    idle = {probe.backend: (probe.reason, probe.hint) for probe in probes if probe.idle}
    blocked = (Verdict(probe.reason, probe.hint) for probe in probes if probe.blocks)
    verdict = next(blocked, Verdict(idle=idle))
    _known[key or entry] = verdict
    if key and not _is_ours(entry):
        payload = json.dumps([verdict.reason, verdict.hint, idle]).encode()
        cache.default().store(key, payload, {"plugin": entry.spec, "tried": entry.value})
    return probes


def _stored(key: str) -> Verdict | None:
    payload = cache.default().lookup(key) if key else None
    if payload is None:
        return None
    reason, hint, idle = json.loads(payload)
    return Verdict(reason, hint, {spec: (why, how) for spec, (why, how) in idle.items()})


def _is_ours(entry: Entry) -> bool:
    return entry.group != OPTION_GROUP and same_distribution(entry.distribution, _OURS)


# -- the fingerprint -----------------------------------------------------------------------


def _top(entry: Entry) -> str:
    return entry.value.partition(":")[0].partition(".")[0].strip()


def _absent(top: str) -> bool:
    try:
        return find_spec(top) is None
    except (ImportError, ValueError):
        return False  # a module made by hand, which says nothing of where it comes from


def _fingerprint(entry: Entry, top: str) -> str:
    """A key that changes with the plugin, its Python or its tensorcore; ``""`` when its files
    cannot be told. Imports nothing of the plugin."""
    from . import __version__

    try:
        spec = find_spec(top)  # of a name without dots, so that no parent is imported
        if spec is None:
            return ""
        places = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
        files = _files(places)
    except (ImportError, ValueError, OSError):
        return ""
    ours = ("trial as JSON", API, __version__, sys.version, sys.prefix)
    return cache.key_of(*ours, *entry, *places, *map(str, files)) if files[0] else ""


def _files(places: Iterable[str]) -> tuple[int, int, int]:
    """Number, total size and newest change of all files in these files and folders. Compiled
    modules do not count: the trial itself writes them."""
    found = [os.stat(place) for place in places if os.path.isfile(place)]
    for place in places:
        for folder, folders, names in os.walk(place):
            folders[:] = [name for name in folders if name != "__pycache__"]
            found += [os.lstat(os.path.join(folder, name)) for name in names]
    newest = max((status.st_mtime_ns for status in found), default=0)
    return len(found), sum(status.st_size for status in found), newest
