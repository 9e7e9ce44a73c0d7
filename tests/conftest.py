"""Fixtures that several files share: which backend runs, a world without settings, and one with
other plugins. ``--through NAME`` sends what the tests compile through a backend of
``roundabout.py``."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tensorcore import _discovery, config, plugins
from tensorcore.errors import BackendUnavailable

Install = Callable[..., None]

#: Files whose tests ask for results, whichever backend computes them.
ASK_FOR_RESULTS = (
    "test_against_numpy.py", "test_dtypes.py", "test_function.py", "test_gradient.py",
    "test_graph.py", "test_methods.py", "test_names_of_old_programs.py", "test_rewrite.py",
    "test_scalars.py", "test_seeds.py", "test_seeds_training.py", "test_shared.py",
)  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--through", choices=("loopback", "chaos"), help="run by a roundabout way")
    parser.addoption("--tenth", type=int, help="run only the tenth of the tests with this number")
    parser.addoption(
        "--long",
        action="store_true",
        help="tests in their long forms, and a table of what those of faults found",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Of what goes a roundabout way nothing else is collected, which takes its time."""
    through = config.getoption("--through") and collection_path.suffix == ".py"
    return True if through and collection_path.name not in ASK_FOR_RESULTS else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A tenth is chosen by the tests' names, so that it stays the same."""
    tenth = config.getoption("--tenth")
    chosen = items
    if tenth is not None:
        chosen = [i for i in chosen if zlib.crc32(i.name.encode()) % 10 == tenth % 10]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


@pytest.fixture(scope="session", autouse=True)
def _through(request: pytest.FixtureRequest) -> Iterator[None]:
    """With ``--through``, whoever selects the reference or generated C gets that backend."""
    name = request.config.getoption("--through")
    if name is None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENSORCORE_PLUGINS", "roundabout")
        config.reload()
        instead = plugins.select(name)._replace(by_name=False)
        patch.delenv("TENSORCORE_PLUGINS")
        patch.setenv("TENSORCORE_FALLBACK", "allow")
        config.reload()
        select = plugins.select

        def elsewhere(spec: Any = None) -> plugins.Selected:
            found = select(spec)
            return instead if found.name in ("numpy_ref", "cgen") else found

        patch.setattr(plugins, "select", elsewhere)
        yield
    config.reload()


def skip_unless_ready(name: str) -> None:
    try:
        status = plugins.status(name)
    except BackendUnavailable as missing:
        pytest.skip(str(missing))
    if status.state != "ok":
        pytest.skip(f"{name}: {status.state}, {status.reason}")


@pytest.fixture(params=["numpy_ref", "cgen"])
def each_backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """The test runs once on each; what is compiled inside runs there and nowhere else."""
    skip_unless_ready(request.param)
    with config.change_flags(backend=request.param):
        yield request.param


@pytest.fixture
def on_reference() -> Iterator[None]:
    """What is compiled inside runs on the reference, with the checker after each pass."""
    with config.change_flags(backend="numpy_ref", debug=True):
        yield


@pytest.fixture
def on_opencl() -> Iterator[Any]:
    """The backend of that name; what is compiled inside runs on its device."""
    skip_unless_ready("opencl")
    with config.change_flags(backend="opencl"):
        yield plugins.select("opencl").backend


@pytest.fixture(params=["numpy_ref", "cgen"])
def the_reference_first(request: pytest.FixtureRequest) -> Iterator[str]:
    """As ``each_backend``, compiled in the long form only: for tests of what users' words mean.
    That backends compute the same is what the conformance suite holds."""
    if request.param != "numpy_ref" and not request.config.getoption("--long"):
        pytest.skip("long: give --long")
    skip_unless_ready(request.param)
    with config.change_flags(backend=request.param):
        yield request.param


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No TENSORCORE variable, and a home folder with no rc file in it."""
    for name in list(os.environ):
        if name.startswith("TENSORCORE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


# -- plugins ----------------------------------------------------------------------------

GOOD = """
from tensorcore.backend import Capabilities, Diagnosis
from tensorcore.hookspecs import hookimpl

class Backend:
    name = "NAME"
    def __init__(self, device="none"):
        self.device = device
    def diagnose(self):
        return Diagnosis(True, True, versions={"driver": "1.2"}, devices=("first",))
    def capabilities(self):
        return Capabilities()
    def compile(self, program):
        return lambda inputs, cells: (self.name, program)

@hookimpl
def tensorcore_backends():
    return {"NAME": Backend}
"""


def good(name: str, old: str = "", new: str = "") -> str:
    """The text of a plugin without defects, but for one replacement."""
    assert old in GOOD
    return GOOD.replace(old, new).replace("NAME", name)


@pytest.fixture
def only_our_plugins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_settings: None
) -> Iterator[None]:
    """Only what ``install`` puts there, loaded untried: tests/test_trial.py is about trying."""
    monkeypatch.setenv("TENSORCORE_AUTO_ORDER", "first,second")
    monkeypatch.setenv("TENSORCORE_PROBE_TIMEOUT", "0")
    modules = set(sys.modules)
    options = set(config._settings.options)
    _forget_other_distributions(monkeypatch, tmp_path)
    plugins.refresh()
    config.reload()
    yield
    monkeypatch.undo()
    for name in set(sys.modules) - modules:
        if name.startswith("their_"):
            del sys.modules[name]
    for name in set(config._settings.options) - options:
        del config._settings.options[name]
    plugins.refresh()
    config.reload()


def _forget_other_distributions(monkeypatch: pytest.MonkeyPatch, site: Path) -> None:
    found = _discovery.metadata_folders
    monkeypatch.setattr(_discovery, "metadata_folders", lambda path: found([str(site)]))
    monkeypatch.syspath_prepend(str(site))


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Put a distribution with one plugin on the path."""

    def put(
        name: str,
        code: str | None = None,
        api: str = "v1",
        distribution: str = "",
        value: str = "",
        group: str = "tensorcore.backends",
    ) -> None:
        distribution = distribution or f"their-{name}"
        module = distribution.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(dedent(good(name) if code is None else code))
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        )
        lines = [f"[{group}]", f"{name} = {value or module}"]
        lines += ["[tensorcore.api]", f"{name} = {api}"] if api else []
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        plugins.refresh()

    return put


@pytest.fixture
def emulated() -> Iterator[Any]:
    """The module ``fake_cupy``, in CuPy's place; what is compiled meanwhile runs on an emulator of
    CUDA."""
    if platform.machine() != "x86_64" or shutil.which("gcc") is None:
        pytest.skip("the emulator of CUDA needs gcc on x86-64")
    sys.path.insert(0, str(Path(__file__).resolve().parent / "cuda"))  # where its modules lie
    import fake_cupy
    from tensorcore_cuda import absent

    with pytest.MonkeyPatch.context() as patch:
        fake_cupy.install(patch)
        with config.change_flags(backend="cuda", **{"cuda.block": 64}):
            yield fake_cupy
    sys.path.pop(0)
    absent.works.cache_clear()
    plugins.refresh()


@pytest.fixture
def theano(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The module that programs for Theano import, with no settings of the user's."""
    from tensorcore import install_as_theano

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("THEANO_FLAGS", raising=False)
    install_as_theano()
    yield importlib.import_module("theano")
    without_theano()


def without_theano() -> None:
    """As if ``install_as_theano`` had not been called: it gives all tensors Theano's manners."""
    from tensorcore.legacy import finder, flags

    finder.uninstall()
    flags._values.clear()
