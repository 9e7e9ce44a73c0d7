"""``import theano`` after ``install_as_theano``: modules, names, flags, words for the rest."""

from __future__ import annotations

import copy
import importlib
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import tensorcore
from tensorcore import config
from tensorcore.legacy import flags, names

pytestmark = pytest.mark.usefixtures("on_reference")


def test_every_module_of_the_table_is_imported_as_one(theano: Any) -> None:
    for name in names.MODULES:
        module = importlib.import_module(name)
        assert isinstance(module, ModuleType) and sys.modules[name] is module
        for word in module.__all__:
            assert getattr(module, word, None) is not None or word in (
                "active_device_name", "active_device_number", "gpu_context_type", "gpu_optimizer",
                "gpu_optimizer2",
            ), (name, word)  # fmt: skip


def test_names_are_our_objects(theano: Any) -> None:
    import theano.tensor as T

    assert T.dot is tensorcore.tensor.dot and theano.clone is tensorcore.clone
    assert isinstance(theano.shared(1.0), T.sharedvar.SharedVariable)
    assert theano.theano is theano


@pytest.mark.usefixtures("taken_back")
def test_flags_that_a_program_sets_before_it_imports_theano(
    theano: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under `tensorcore run`, where the finder is there before the program begins."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "theano"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setenv("THEANO_FLAGS", "floatX=float32")
    again = importlib.import_module("theano")
    assert again.config.floatX == "float32" and again.tensor.vector().dtype == "float32"


def test_the_softmax_of_a_vector_is_a_row(theano: Any) -> None:
    import theano.tensor as T

    v, values = T.dvector("v"), [1.0, 5.0, 2.0]
    p = T.nnet.softmax(v)
    assert p.ndim == 2 and theano.function([v], T.argmax(p[0]))(values) == 1
    wanted = np.exp(values) / np.sum(np.exp(values))
    for made in (p, T.exp(T.nnet.logsoftmax(v)), T.nnet.Softmax()(v)):
        np.testing.assert_allclose(theano.function([v], made)(values), [wanted], rtol=1e-12)


def test_variables_are_true_and_known_vectors_have_entries(theano: Any) -> None:
    """``if not W:`` asks whether there is a variable; ``if a < b:`` is the error it was."""
    import theano.tensor as T

    x, w = T.dscalar("x"), theano.shared(1.0)
    assert (w or None) is w and list(filter(None, [x, None, w])) == [x, w]
    with pytest.raises(TypeError):
        bool(x < w)
    a, b = T.as_tensor_variable([x, w])
    assert theano.function([x], a - b)(5.0) == 4.0
    with pytest.raises(TypeError, match="cannot be iterated"):
        list(T.dvector())
    assert T.constant([1, 2]).value.tolist() == [1, 2]
    assert not hasattr(x, "value")


def test_constants_and_shared_variables_are_no_plain_variables(theano: Any) -> None:
    import theano.tensor as T

    made = (T.constant(1.0), theano.shared(1.0), T.dscalar(), T.dscalar() + 1)
    assert [isinstance(v, T.TensorVariable) for v in made] == [False, False, True, True]


def test_an_object_of_a_package_is_not_hidden_by_a_module_of_the_same_name(theano: Any) -> None:
    """``T.var`` and ``T.sort`` are functions, and modules of these names can be imported."""
    import theano.compile.function
    import theano.tensor as T
    import theano.tensor.sort
    import theano.tensor.var
    from theano.tensor.var import TensorVariable

    assert callable(T.var) and callable(T.sort) and callable(theano.compile.function)
    assert isinstance(T.var(T.vector()), TensorVariable)
    assert not callable(theano.ifelse) and callable(theano.ifelse.ifelse)


def test_what_is_not_here_says_what_to_use(theano: Any) -> None:
    with pytest.raises(ImportError, match=r"theano\.sandbox\.solve\.Solve is not here: use theano"):
        from theano.sandbox.solve import Solve  # noqa: F401
    with pytest.raises(AttributeError, match="did you mean 'softmax'"):
        _ = theano.tensor.nnet.softmxa
    with pytest.raises(ImportError, match=r"theano\.nothing is not here"):
        import theano.nothing


def test_a_guarded_program_takes_the_other_way(theano: Any) -> None:
    import theano.sandbox.cuda
    from theano.sandbox.cuda.dnn import dnn_available

    assert not theano.sandbox.cuda.cuda_available and not dnn_available() and dnn_available.msg
    with pytest.raises(TypeError, match="GpuCorrMM runs on Theano's GPU back end only"):
        theano.sandbox.cuda.blas.GpuCorrMM()


def test_star_imports_bring_what_theano_brings(theano: Any) -> None:
    space: dict[str, Any] = {}
    exec("from theano import *\nfrom theano.tensor import *", space)
    assert {"function", "shared", "config", "tensor", "exp", "dmatrix", "sum"} <= set(space)


def test_installing_twice_changes_nothing(theano: Any) -> None:
    before = list(sys.meta_path)
    tensorcore.install_as_theano()
    assert sys.meta_path == before


# -- flags ----------------------------------------------------------------------------------


def read(
    monkeypatch: pytest.MonkeyPatch, words: str, rc: str = "", home: Path | None = None
) -> None:
    monkeypatch.setenv("THEANO_FLAGS", words)
    if home is not None:
        (home / ".theanorc").write_text(rc, encoding="utf-8")
    flags.read_sources()


@pytest.fixture
def taken_back() -> Iterator[None]:
    yield
    for name in ("floatX", "mode", "optimizer", "compute_test_value"):
        delattr(config, name)
    config.reload()


@pytest.mark.usefixtures("taken_back")
def test_flags_and_the_rc_file_set_our_options(
    theano: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    rc = "[global]\nfloatX = float32\nmode = FAST_COMPILE\n[nvcc]\nfastmath = True\n"
    read(monkeypatch, "mode=FAST_RUN,lib.cnmem=0.8,nonsense=3", rc, tmp_path)
    assert config.floatX == "float32" and theano.config.floatX == "float32"
    assert config.mode == "FAST_RUN"  # the variable wins over the file
    assert theano.config.nvcc.fastmath is True and theano.config.lib.cnmem == 0.8
    said = capsys.readouterr().err
    assert "nvcc.fastmath" in said and "'nonsense' is no flag that is known here" in said
    assert theano.config.nonsense == "3"


@pytest.mark.usefixtures("taken_back")
def test_our_own_settings_win(theano: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENSORCORE_FLOATX", "float64")
    read(monkeypatch, "floatX=float32")
    assert config.floatX == "float64"


def test_a_device_that_is_not_there_is_said_and_the_program_runs(
    theano: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr("tensorcore.plugins.backends", list)
    theano.config.device = "gpu0"
    assert theano.config.device == "cpu"
    assert "backend 'cuda' is not available" in capsys.readouterr().err


def test_change_flags_is_a_block_and_a_decorator(theano: Any) -> None:
    from theano.configparser import change_flags

    with change_flags({"scan.allow_gc": True}, floatX="float32"):
        assert theano.config.scan.allow_gc and config.floatX == "float32"
    assert not theano.config.scan.allow_gc and config.floatX == "float64"
    assert change_flags(floatX="float32")(lambda: config.floatX)() == "float32"
    with pytest.raises(AttributeError, match="no flag 'floatx'"):
        change_flags(floatx="float32")
    with pytest.raises(AttributeError, match=r"docs/theano\.md"):
        _ = theano.config.unheard_of


def test_a_program_adds_flags_of_its_own(theano: Any) -> None:
    from theano.configparser import AddConfigVar, IntParam, StrParam

    AddConfigVar("mine.depth", "How deep.", IntParam(3))
    AddConfigVar("mine.name", "Its name.", StrParam("a"))
    assert (theano.config.mine.depth, theano.config.mine.name) == (3, "a")
    theano.config.mine.depth = 4
    assert theano.config.mine.depth == 4
    for name in ("mine.depth", "mine.name"):
        del flags.FLAGS[name]


def test_every_flag_says_what_it_means() -> None:
    known = set(config.values())
    for name, flag in flags.FLAGS.items():
        assert flag.meaning and "\n" not in flag.meaning, name
        assert not flag.option or flag.option in known, name


# -- small names ----------------------------------------------------------------------------


def test_values_of_names_that_only_old_programs_use(theano: Any) -> None:
    import theano.tensor as T

    x = T.dmatrix("x")
    v = np.arange(6.0).reshape(2, 3)
    for made, expected in (
        (T.roll(x, 1, axis=1), np.roll(v, 1, axis=1)), (T.roll(x, -2), np.roll(v, -2)),
        (T.fill_diagonal(x, 9.0), np.array([[9.0, 1, 2], [3, 9, 5]])),
        (T.largest(x, 2.0, x / 2), np.maximum(v, 2.0)), (T.stacklists([[x, x], [x, x]]),
                                                         np.array([[v, v], [v, v]])),
        (T.isclose(x, x + 1e-9), np.ones((2, 3), bool)),
        (T.basic.makeKeepDims(x, x.sum(axis=1), 1), v.sum(axis=1, keepdims=True)),
        (T.opt.Assert("none")(x, T.ge(x, 0)), v),
    ):  # fmt: skip
        np.testing.assert_array_equal(theano.function([x], made)(v), expected)
    with pytest.raises(AssertionError, match="not positive"):
        theano.function([x], T.opt.Assert("not positive")(x, T.gt(x, 0)))(v)
    a, b = T.mgrid[0:2, 0:3]
    np.testing.assert_array_equal([a.eval(), b.eval()], np.mgrid[0:2, 0:3])
    assert T.get_vector_length(x.shape) == 2
    assert float(T.get_scalar_constant_value(T.constant(3.0))) == 3.0
    with pytest.raises(T.NotScalarConstantError, match="variable"):
        T.get_scalar_constant_value(T.dscalar())
    with pytest.raises(T.AsTensorError):
        T.as_tensor_variable(print)


def test_scalar_ops_of_a_program_run_entry_by_entry(theano: Any) -> None:
    class Hinge(theano.scalar.UnaryScalarOp):
        def impl(self, x: float) -> float:
            return x if x > 0 else 0.0

        def grad(self, inputs: Any, g: Any) -> Any:
            return [g[0] * theano.tensor.gt(inputs[0], 0)]

    hinge = theano.tensor.Elemwise(Hinge(theano.scalar.upgrade_to_float, name="hinge"), name="h")
    x = theano.tensor.dmatrix("x")
    y = hinge(x)
    found = theano.function([x], [y, theano.grad(y.sum(), x)])([[-1.0, 2.0]])
    assert [f.tolist() for f in found] == [[[0.0, 2.0]], [[0.0, 1.0]]]


def test_a_compiled_function_shows_what_it_is_made_of(theano: Any) -> None:
    import theano.tensor as T

    x, w = T.dvector("x"), theano.shared(2.0, "w")
    f = theano.function([theano.In(x, value=[1.0])], T.exp(x * w).sum(), updates=[(w, w + 1)])
    assert [i.variable for i in f.maker.inputs] == [x] and f.get_shared() == [w]
    nodes = f.maker.fgraph.apply_nodes
    assert "exp" in [node.op.name for node in nodes] and x not in nodes
    assert f.maker.fgraph.inputs[0] is x and f.fn() == [np.exp(2.0)]
    assert w.get_value() == 3.0


def test_programs_walk_through_graphs_and_write_on_variables(theano: Any) -> None:
    """As libraries on top of Theano did."""
    import theano.tensor as T

    x = T.matrix("x")
    y = T.add(x, 1.0, x)
    x._keras_shape = (None, 3)
    assert x._keras_shape == (None, 3) and not hasattr(y, "_keras_shape")
    w = theano.shared(1.0)
    w.regularizable = True
    x.tag.mine = 5
    again = pickle.loads(pickle.dumps([x, w]))
    assert again[0]._keras_shape == (None, 3) and again[0].tag.mine == 5
    assert again[1].regularizable and copy.deepcopy(w).regularizable
    owner = y.owner
    assert owner and owner == y.owner and isinstance(owner, theano.gof.Apply)
    assert (owner.nin, owner.nout, owner.out is y) == (2, 1, True) and len({owner, y.owner}) == 1
    assert isinstance(owner.op, T.Elemwise) and x.owner is None
    f = theano.function([x], T.mul(x, y, 2.0))
    assert all(isinstance(node.op, T.Elemwise) for node in f.maker.fgraph.toposort())
    np.testing.assert_array_equal(f(np.full((1, 2), 3.0)), [[42.0, 42.0]])
    draw = T.shared_randomstreams.RandomStreams(5).uniform((2,))
    assert draw.rng.get_value().shape == (2,) and draw.update is not None


def test_a_gpu_that_is_not_there_leaves_the_choice_to_us(
    theano: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from tensorcore import plugins
    from tensorcore.errors import BackendUnavailable

    def none(spec: Any = None) -> Any:
        raise BackendUnavailable(f"backend {spec!r} is not available (no device): ...")

    monkeypatch.setattr(plugins, "select", none)
    flags._device("gpu0", "THEANO_FLAGS")
    assert "device=gpu0: backend 'cuda' is not available" in capfd.readouterr().err
    assert flags._values["device"] == "cpu"


def test_a_picture_of_another_kind_is_drawn_as_svg(theano: Any, tmp_path: Path) -> None:
    import theano.tensor as T

    with pytest.warns(UserWarning, match="drawn as SVG"):
        theano.printing.pydotprint(T.exp(T.vector()), outfile=str(tmp_path / "a.png"))
    assert (tmp_path / "a.svg").read_text(encoding="utf-8").startswith("<svg")
    assert not (tmp_path / "a.png").exists()
