"""The binomial Op with which this package draws bits from PyTensor's own generators."""

from pytensor.tensor.random.basic import BinomialRV

from rnnrbm_pt.ours import OurOp


class BinaryBinomialRV(OurOp, BinomialRV):
    """PyTensor's binomial under a name of its own, so that rewrites affect only the draws of this package."""


binary_binomial = BinaryBinomialRV()
