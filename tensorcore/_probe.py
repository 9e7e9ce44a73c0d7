"""Try a backend for real: three ops compiled and run, here or in a child process.

A driver or a plugin in native code may kill the process; ``doctor`` therefore looks at each
backend from outside.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

_MARK = "tensorcore-probe:"


@dataclass(frozen=True, slots=True)
class Probe:
    """What trying a backend showed. ``works`` is true when its result was right."""

    backend: str
    works: bool
    state: str
    reason: str = ""
    hint: str = ""
    devices: Sequence[str] = ()
    versions: dict[str, str] = field(default_factory=dict)


def smoke(name: str) -> str:
    """Compile and run ``exp(x) * 2 + 1`` on the backend; ``""`` or what was wrong."""
    import numpy as np

    import tensorcore
    from tensorcore import tensor

    x = tensor.dvector("x")
    values = np.array([0.0, 1.0, -2.0])
    try:
        found = tensorcore.function([x], tensor.exp(x) * 2 + 1, backend=name)(values)
    except Exception as cause:  # noqa: BLE001  (whatever it is, it is the answer)
        return " ".join(f"{type(cause).__name__}: {cause}".split())
    wanted = np.exp(values) * 2 + 1
    if not np.allclose(found, wanted, rtol=1e-6, atol=0):
        return f"exp(x) * 2 + 1 of {values} gave {found}, expected {wanted}"
    return ""


def probe_here(name: str) -> Probe:
    """Status and smoke test in this process."""
    from . import plugins
    from .errors import TensorcoreError

    try:
        status = plugins.status(name)
    except TensorcoreError as cause:
        return Probe(name, False, "unknown", str(cause))
    if status.state != "ok":
        return Probe(name, False, status.state, status.reason, status.hint)
    wrong = smoke(name)
    state = "broken" if wrong else "ok"
    return Probe(name, not wrong, state, wrong, "", status.devices, dict(status.versions))


def probe_all(seconds: float) -> list[Probe]:
    """Try every backend that is announced; none is imported here."""
    from . import _discovery, config

    found: list[Probe] = []
    if "off" not in config.plugins:
        entries = [e for e in _discovery.installed() if e.group == _discovery.BACKENDS]
        names = [entry.name for entry in entries]
        for entry in entries:
            name = entry.name if names.count(entry.name) == 1 else entry.spec
            found += probe_in_child(name, seconds)
    for word in config.plugins:
        if word != "off":
            found += probe_in_child("", seconds, word)
    return found


def probe_in_child(name: str, seconds: float, word: str = "") -> list[Probe]:
    """Try one installed backend, or all backends of the module ``word`` of the option
    ``plugins``, in a child process, which may crash or hang without harm."""
    command = [sys.executable, "-m", "tensorcore._probe", *([name] if name else [])]
    label = name or word
    # The child sees no other module of the option: their crash would be blamed on this one.
    environment = {**os.environ, "TENSORCORE_PLUGINS": f"off,{word}" if word else ","}
    environment["PYTHONPATH"] = os.pathsep.join(entry for entry in sys.path if entry)
    try:
        child = subprocess.run(
            command, capture_output=True, timeout=seconds, check=False, env=environment
        )
    except subprocess.TimeoutExpired:
        hint = "allow more time: tensorcore doctor --timeout SECONDS"
        return [Probe(label, False, "broken", f"no answer within {seconds:g} s", hint)]
    lines = child.stdout.decode(errors="replace").splitlines()
    marked = [line.removeprefix(_MARK) for line in lines if line.startswith(_MARK)]
    found = [Probe(**json.loads(line)) for line in marked]
    if child.returncode or not found:
        errors = child.stderr.decode(errors="replace").strip().splitlines()
        last = errors[-1] if errors else "it said nothing"
        reason = f"the process {_ending(child.returncode)}: {last}"
        found.append(Probe(label, False, "broken", reason))
    return found


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def main(arguments: Sequence[str]) -> int:
    """The child's part: print what was found, one marked line for each backend."""
    from . import plugins

    for name in arguments or [entry.spec for entry in plugins.backends()]:
        found: dict[str, Any] = asdict(probe_here(name))
        print(f"\n{_MARK}{json.dumps(found)}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
