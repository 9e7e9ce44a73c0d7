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


def probe_in_child(name: str, seconds: float) -> Probe:
    """The same in a child process, which may crash or hang without harm."""
    command = [sys.executable, "-m", "tensorcore._probe", name]
    try:
        child = subprocess.run(
            command, capture_output=True, timeout=seconds, check=False, env=_environment()
        )
    except subprocess.TimeoutExpired:
        hint = "a longer limit: tensorcore doctor --timeout SECONDS"
        return Probe(name, False, "broken", f"no answer within {seconds:g} s", hint)
    for line in child.stdout.decode(errors="replace").splitlines():
        if line.startswith(_MARK):
            return Probe(**json.loads(line.removeprefix(_MARK)))
    errors = child.stderr.decode(errors="replace").strip().splitlines()
    last = errors[-1] if errors else "it said nothing"
    return Probe(name, False, "broken", f"the process {_ending(child.returncode)}: {last}")


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def _environment() -> dict[str, str]:
    """Ours, so that the child sees the same path and the same configuration."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**os.environ, "PYTHONPATH": path}


def main(arguments: Sequence[str]) -> int:
    """The child's part: print what was found as one marked line."""
    found: dict[str, Any] = asdict(probe_here(arguments[0]))
    print(f"\n{_MARK}{json.dumps(found)}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
