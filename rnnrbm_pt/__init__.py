"""The RNN-RBM tutorial on PyTensor's symbolic graphs."""

__version__ = "0.1.0"
