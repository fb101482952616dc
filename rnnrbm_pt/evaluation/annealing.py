"""Settings of annealed importance sampling."""

from rnnrbm_pt.checks import LARGEST_SEED, boolean
from rnnrbm_pt.settings import Settings, setting, settings, whole


@settings
class Annealing(Settings):
    """How the likelihood of a model of RBMs is computed or estimated.

    The standard error falls with the square root of the number of chains. The spread of the weights falls with the
    square root of the number of inverse temperatures, or faster where it is wide. Where the spread exceeds their mean
    (standard errors above 1 / sqrt(n_chains)), the standard error cannot be trusted, and more temperatures help more
    than more chains.

    Annealing goes from the base, an RBM without weights, to the RBM. With too few chains or temperatures its likelihood
    comes out too high. With `reverse` it goes back to the base, from where the chains of the first direction end after
    as many further Gibbs steps, and the likelihood comes out too low. The two enclose it, up to chance, if the Gibbs
    chains reach their distribution. They cannot see a mode that no chain reaches: then both come out too high, agree,
    and have small errors. `Scorer.mixing` finds many such cases, but not all.
    """

    n_chains: int = whole("chains per frame", default=20, least=2, option="--chains")
    n_temperatures: int = whole(
        "inverse temperatures, evenly spaced from 0 to 1", default=100, least=2, option="--temperatures"
    )
    seed: int = whole("seed of the draws; those of the model are left alone", default=1, least=0, most=LARGEST_SEED)
    exact: bool | None = setting("sum over states instead, if not wherever that is possible", boolean, default=None)
    reverse: bool = setting(
        "anneal from the RBM to its base; rnnrbm evaluate then shows both directions",
        boolean,
        default=False,
        action="store_true",
    )
