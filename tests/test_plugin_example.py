"""A stranger's distribution, built and installed as a wheel, works without a word in our code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")

EXAMPLE = Path(__file__).parent / "plugin_example"
GRADIENT = """
import numpy as np, tensorcore, tensorcore.tensor as T
x = T.dmatrix("x")
w = tensorcore.shared(np.linspace(-1.0, 1.0, 6).reshape(3, 2), name="w")
cost = T.nnet.softmax(T.dot(x, w))[:, 0].sum() + T.erf(w).sum()
changes = [(w, w - 0.1 * T.grad(cost, w))]
given = np.arange(6.0).reshape(2, 3)
def run(backend):
    w.set_value(np.linspace(-1.0, 1.0, 6).reshape(3, 2))
    f = tensorcore.function([x], [cost, T.grad(cost, x)], updates=changes, backend=backend)
    return [*f(given), *f(given), w.get_value()], f
found, f = run("strict")
wanted, _ = run("numpy_ref")
assert f.backend == "strict" and not f.fallbacks
assert all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))
print("equal")
"""


def run(*command: str, **variables: str) -> str:
    """What a command prints. Fails the test with its output when the command fails."""
    given = {k: v for k, v in os.environ.items() if not k.startswith(("TENSORCORE", "PYTHONPATH"))}
    done = subprocess.run(
        [sys.executable, *command],
        env={**given, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which the wheel of the example is installed."""
    pytest.importorskip("hatchling", reason="hatchling is not installed, it builds the wheel")
    folder = tmp_path_factory.mktemp("example")
    pip = ("-m", "pip", "--disable-pip-version-check", "-q")
    # A copy, so that building leaves nothing behind in ours.
    source = folder / "source"
    source.mkdir()
    for path in EXAMPLE.rglob("*"):
        if path.suffix in (".py", ".toml", ".md"):
            target = source / path.relative_to(EXAMPLE)
            target.parent.mkdir(exist_ok=True)
            target.write_text(path.read_text())
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(source))
    (wheel,) = folder.glob("*.whl")
    site = folder / "site"
    run(*pip, "install", "--no-deps", "--target", str(site), str(wheel))
    return {"PYTHONPATH": str(site), "TENSORCORE_CACHE_DIR": str(folder / "cache")}


def test_backends_lists_it_from_its_metadata(installed: dict[str, str]) -> None:
    rows = run("-m", "tensorcore", "backends", **installed).splitlines()
    (row,) = [row.split() for row in rows if row.startswith("strict ")]
    assert row == ["strict", "example-backends", "1.0", "v1", "ok"]


def test_values_gradients_and_updates(installed: dict[str, str]) -> None:
    assert run("-c", GRADIENT, **installed) == "equal\n"


def test_it_is_conforming(installed: dict[str, str], request: pytest.FixtureRequest) -> None:
    """Ops in two dtypes and shared state, in the long form: more of it is a stage of CI."""
    if not request.config.getoption("--long"):
        pytest.skip("long: give --long")
    chosen = "(test_ops and (bool or complex64)) or test_state"
    suite = ("-m", "tensorcore", "conformance", "--backend", "strict")
    words = run(*suite, "--", "-k", chosen, **installed)
    assert "backend strict, tier smoke" in words and " failed" not in words
