"""The binomial by which this package draws bits from PyTensor's own generators."""

from pytensor.tensor.random.basic import BinomialRV

from rnnrbm_pt.ours import OurOp


class BinaryBinomialRV(OurOp, BinomialRV):
    """PyTensor's binomial, for draws that this package may rewrite."""


binary_binomial = BinaryBinomialRV()
