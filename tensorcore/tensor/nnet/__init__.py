"""Functions of neural networks: activations, losses, normalisation, convolution."""

from ...ops.composites import sigmoid, softplus
from .activations import (
    elu,
    hard_sigmoid,
    logsoftmax,
    relu,
    selu,
    softmax,
    softmax_with_bias,
    softsign,
    ultra_fast_sigmoid,
)
from .bn import batch_normalization, batch_normalization_test, batch_normalization_train
from .conv import (
    conv2d,
    conv2d_grad_wrt_inputs,
    conv2d_grad_wrt_weights,
    conv2d_transpose,
    conv3d,
    get_conv_output_shape,
)
from .ctc import ctc
from .entropies import (
    binary_crossentropy,
    categorical_crossentropy,
    crossentropy_categorical_1hot,
    crossentropy_softmax_1hot,
    crossentropy_softmax_1hot_with_bias,
    crossentropy_softmax_argmax_1hot_with_bias,
    crossentropy_softmax_max_and_argmax_1hot,
    crossentropy_softmax_max_and_argmax_1hot_with_bias,
    sigmoid_binary_crossentropy,
)
from .many_classes import h_softmax, sparse_block_dot
from .neighbours import images2neibs, neibs2images
from .upsampling import bilinear_upsampling

__all__ = [
    "batch_normalization", "batch_normalization_test", "batch_normalization_train",
    "bilinear_upsampling", "binary_crossentropy", "categorical_crossentropy", "conv2d",
    "conv2d_grad_wrt_inputs", "conv2d_grad_wrt_weights", "conv2d_transpose", "conv3d",
    "crossentropy_categorical_1hot", "crossentropy_softmax_1hot",
    "crossentropy_softmax_1hot_with_bias", "crossentropy_softmax_argmax_1hot_with_bias",
    "crossentropy_softmax_max_and_argmax_1hot",
    "crossentropy_softmax_max_and_argmax_1hot_with_bias", "ctc", "elu", "get_conv_output_shape",
    "h_softmax", "hard_sigmoid", "images2neibs", "logsoftmax", "neibs2images", "relu", "selu",
    "sigmoid", "sigmoid_binary_crossentropy", "softmax", "softmax_with_bias", "softplus",
    "softsign", "sparse_block_dot", "ultra_fast_sigmoid",
]  # fmt: skip
