"""Settings of annealed importance sampling."""

from rnnrbm_pt.checks import LARGEST_SEED, boolean
from rnnrbm_pt.settings import Settings, setting, settings, whole


@settings
class Annealing(Settings):
    """Settings for the likelihood of a model of RBMs, which is exact or estimated by annealed importance sampling.

    The standard error falls with the square root of the number of chains. The standard deviation of the weights falls
    with the square root of the number of inverse temperatures, or faster if it is large. If the standard deviation
    exceeds the mean weight (standard errors above 1 / sqrt(n_chains)), the standard error is unreliable. More
    temperatures then help more than more chains.

    Annealing goes from the base, an RBM without weights, to the RBM. With too few chains or temperatures the estimated
    likelihood is too high. With `reverse` annealing goes from the RBM to its base, and the estimate is too low. Reverse
    chains start where forward chains end, after `reverse_steps` more Gibbs steps, or as many as temperatures if those
    are more. Up to chance, both estimates enclose the likelihood if the Gibbs chains converge to their distribution. If
    there is a mode that no chain reaches, both estimates are too high, agree, and have small errors. `Scorer.mixing`
    detects many such cases, but not all.
    """

    n_chains: int = whole("chains per frame", default=20, least=2, option="--chains")
    n_temperatures: int = whole(
        "inverse temperatures, evenly spaced from 0 to 1", default=100, least=2, option="--temperatures"
    )
    seed: int = whole("seed of the draws; the model's own streams do not change", default=1, least=0, most=LARGEST_SEED)
    exact: bool | None = setting("sum over all states instead of sampling; default: if possible", boolean, default=None)
    reverse: bool = setting(
        "anneal from the RBM to its base; rnnrbm evaluate then shows both directions",
        boolean,
        default=False,
        action="store_true",
    )
    reverse_steps: int = whole(
        "Gibbs steps before annealing in reverse; as many as temperatures, if those are more", default=0, least=0
    )
