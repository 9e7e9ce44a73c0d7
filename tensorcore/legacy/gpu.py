"""Theano's GPU modules: nothing there is available, and what can be computed without is.

``cuda_available`` and its kind say False, so that guarded programs take the other way. What moves
values to a device and back is the identity, ``dnn_conv`` and ``dnn_pool`` are the convolution and
the pooling of all backends, and a class of ops that only a GPU has is an error when it is used.
"""

from __future__ import annotations

from typing import Any

from .. import tensor
from ..node import Tensor, as_tensor
from ..shared import Shared
from ..tensor import nnet
from ..tensor.nnet.bn import batch_normalization_test, batch_normalization_train
from ..tensor.shared_randomstreams import MRG_RandomStreams
from ..tensor.signal.pool import pool_2d, pool_3d
from ..types import TensorType
from .top import shared
from .user_ops import Op

_UNABLE = [
    "GpuAdvancedSubtensor1",
    "GpuAllocEmpty",
    "GpuCAReduce",
    "GpuCorrMM",
    "GpuDnnBatchNorm",
    "GpuDnnConv",
    "GpuDnnConvDesc",
    "GpuDnnConvGradI",
    "GpuDnnConvGradW",
    "GpuDnnPool",
    "GpuDnnSoftmax",
    "GpuElemwise",
    "GpuEye",
    "GpuFromHost",
    "GpuJoin",
    "GpuPool",
    "HostFromGpu",
    "Kernel",
    "NVCC_compiler",
    "GpuDot22",
    "GpuSubtensor",
    "HideC",
    "GpuConv",
    "GpuReshape",
    "GpuDimShuffle",
    "GpuIncSubtensor",
]
_IDENTITIES = [
    "gpu_contiguous",
    "gpu_from_host",
    "host_from_gpu",
    "as_cuda_ndarray_variable",
    "as_gpuarray_variable",
    "to_gpuarray",
    "to_cudandarray",
    "cudandarray_to_garray",
    "garray_to_cudandarray",
    "from_gpu_pointer",
    "as_cuda_array",
    "as_gpuarray",
]
_TYPES = [f"{letter}{rank}" for letter in "f" for rank in (
    "scalar", "vector", "matrix", "row", "col", "tensor3", "tensor4")]  # fmt: skip

__all__ = [
    "CURAND_RandomStreams", "ContextNotDefined", "CudaNdarray", "CudaNdarrayConstant",
    "CudaNdarraySharedVariable", "CudaNdarrayType", "CudaNdarrayVariable", "GpuArrayConstant",
    "GpuArraySharedVariable", "GpuArrayType", "GpuArrayVariable", "GpuKernelBase", "GpuOp",
    "active_device_name", "active_device_number", "add_standard_rpath", "alloc_empty", "basic_ops",
    "blas", "cuda_available", "cuda_enabled", "cuda_ndarray", "device_properties", "dnn",
    "dnn_available", "dnn_batch_normalization_test", "dnn_batch_normalization_train", "dnn_conv",
    "dnn_conv3d", "dnn_pool", "dnn_present", "float32_shared_constructor", "get_context",
    "gpu_alloc_empty", "gpu_context_type", "gpu_optimizer", "gpu_optimizer2",
    "gpuarray_helper_inc_dir", "gpuarray_shared_constructor", "handle_shared_float32",
    "infer_context_name", "init_dev", "list_contexts", "load_w", "local_gpu_careduce",
    "local_optimizer", "mem_info", "op_lifter", "pygpu_activated", "register_opt", "register_opt2",
    "register_specialize_device", "rpath_defaults", "shared_constructor", "sparse_block_dot_SS",
    "unuse", "use", "work_dtype", "write_w",
    *_UNABLE, *_IDENTITIES, *_TYPES,
]  # fmt: skip

cuda_available = cuda_enabled = pygpu_activated = False
active_device_name = active_device_number = None
CURAND_RandomStreams = MRG_RandomStreams
gpu_optimizer = gpu_optimizer2 = None
rpath_defaults: list[str] = []


class ContextNotDefined(ValueError):
    """A device that is not there: none is."""


class CudaNdarray:
    """An array on a GPU, of which there are none."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        import numpy as np

        return np.asarray(args[0] if args else [], dtype="float32")

    @staticmethod
    def zeros(shape: Any) -> Any:
        """An array of zeros."""
        import numpy as np

        return np.zeros(shape, "float32")


class _NoVariable:
    """No tensor is one: values live where the backend has them."""


CudaNdarrayVariable = CudaNdarrayConstant = CudaNdarraySharedVariable = _NoVariable
GpuArrayVariable = GpuArrayConstant = GpuArraySharedVariable = _NoVariable


class CudaNdarrayType:
    """``CudaNdarrayType(broadcastable)``: the type of a float32 tensor. No type is an instance."""

    def __new__(
        cls, broadcastable: Any = (), name: str | None = None, dtype: Any = "float32", **rest: Any
    ) -> Any:
        return TensorType(dtype or "float32", broadcastable)


class GpuArrayType:
    """``GpuArrayType(dtype, broadcastable)``: the type of a tensor. No type is an instance."""

    def __new__(
        cls, dtype: Any = "float32", broadcastable: Any = (), name: str | None = None, **rest: Any
    ) -> Any:
        return TensorType(dtype, broadcastable)


class GpuOp(Op):
    """An op of a program for a GPU: it needs a method perform to run here."""


GpuKernelBase = GpuOp
gpu_context_type = None


class dnn_available:  # called, and asked for its msg
    """False, and why."""

    msg = "cuDNN is not used here; the backend's own convolution is."
    avail = False

    def __new__(cls, *args: Any) -> Any:
        return False


dnn_present = dnn_available


def use(device: Any = None, *args: Any, **kwargs: Any) -> None:
    """Choose a device, as the flag ``device`` does."""
    from .flags import put

    put("device", str(device), "theano.sandbox.cuda.use")


def unuse() -> None:
    """Nothing is in use."""


init_dev = handle_shared_float32 = use


def mem_info() -> tuple[int, int]:
    """Free and total memory of the device that is not there."""
    return (0, 0)


def device_properties(device: Any = None) -> dict[str, Any]:
    """Nothing."""
    return {}


def float32_shared_constructor(value: Any, name: str | None = None, **kwargs: Any) -> Shared:
    """A shared variable of float32."""
    import numpy as np

    known = {k: v for k, v in kwargs.items() if k in ("borrow", "broadcastable")}
    return shared(np.asarray(value, "float32"), name, **known)


shared_constructor = gpuarray_shared_constructor = float32_shared_constructor


def gpu_alloc_empty(*shape: Any) -> Any:
    """A tensor of this shape, of zeros; or, told a context or dtype first, what makes one."""
    if shape and not isinstance(shape[0], (int, Tensor)):
        return lambda *sizes: tensor.zeros(sizes, dtype="float32")
    return tensor.zeros(shape, dtype="float32")


alloc_empty = gpu_alloc_empty


def dnn_conv(
    img: Any, kerns: Any, border_mode: Any = "valid", subsample: Any = (1, 1),
    dilation: Any = (1, 1), conv_mode: str = "conv", direction_hint: Any = None, **rest: Any,
) -> Tensor:  # fmt: skip
    """The convolution of all backends."""
    return nnet.conv2d(
        img, kerns, border_mode=border_mode, subsample=tuple(subsample),
        filter_flip=conv_mode == "conv", filter_dilation=dilation,
    )  # fmt: skip


def dnn_conv3d(
    img: Any, kerns: Any, border_mode: Any = "valid", subsample: Any = (1, 1, 1),
    conv_mode: str = "conv", **rest: Any,
) -> Tensor:  # fmt: skip
    """The convolution of volumes of all backends."""
    return nnet.conv3d(
        img, kerns, border_mode=border_mode, subsample=tuple(subsample),
        filter_flip=conv_mode == "conv",
    )  # fmt: skip


def dnn_pool(
    img: Any, ws: Any, stride: Any = None, mode: str = "max", pad: Any = None, **rest: Any
) -> Tensor:
    """The pooling of all backends."""
    x = as_tensor(img)
    pool = pool_2d if len(ws) == 2 else pool_3d
    return pool(x, tuple(ws), True, stride or (1,) * len(ws), pad or (0,) * len(ws), mode)


dnn_batch_normalization_train = batch_normalization_train
dnn_batch_normalization_test = batch_normalization_test


def sparse_block_dot_SS(*args: Any, **kwargs: Any) -> Tensor:
    """``T.nnet.sparse_block_dot``."""
    return nnet.sparse_block_dot(*args, **kwargs)


def get_context(name: Any = None) -> Any:
    """Raises ContextNotDefined: there is no device."""
    raise ContextNotDefined("no GPU is used through Theano's modules; backends manage devices.")


def list_contexts() -> list[Any]:
    """None."""
    return []


def infer_context_name(*variables: Any) -> None:
    """None."""


def work_dtype(dtype: str) -> str:
    """The dtype in which float16 is computed."""
    return "float32" if dtype == "float16" else dtype


def load_w(dtype: str) -> str:
    """For C code, which is not compiled here."""
    return ""


write_w = load_w


def gpuarray_helper_inc_dir() -> str:
    """For C code, which is not compiled here."""
    return ""


def add_standard_rpath(path: str) -> None:
    """For C code, which is not compiled here."""


def _identity(x: Any, *where: Any, **context: Any) -> Tensor:
    """The value, wherever the backend has it."""
    return as_tensor(x)


def _unable(name: str) -> Any:
    def refuse(self: Any, *args: Any, **kwargs: Any) -> None:
        raise TypeError(
            f"{name} runs on Theano's GPU back end only; write the expression with theano.tensor, "
            f"and any backend computes it."
        )

    facts = {"__init__": refuse, "get_flags": refuse, "get_out_shape": refuse}
    return type(name, (Op,), {**facts, "__doc__": "An op of Theano's GPU back end."})


globals().update({name: _unable(name) for name in _UNABLE})
globals().update(dict.fromkeys(_IDENTITIES, _identity))
globals().update({name: getattr(tensor, name) for name in _TYPES})


def __getattr__(name: str) -> Any:
    if name in ("local_optimizer", "register_opt", "register_opt2", "register_specialize_device",
                "op_lifter"):  # fmt: skip
        from . import rewriting

        return getattr(rewriting, name.removesuffix("2"))
    if name == "local_gpu_careduce":
        from .rewriting import Optimizer

        return Optimizer()
    if name in ("basic_ops", "blas", "dnn", "cuda_ndarray"):
        import sys

        return sys.modules[__name__]
    raise AttributeError(f"tensorcore.legacy.gpu has no {name!r}.")
