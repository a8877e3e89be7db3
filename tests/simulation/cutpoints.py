"""Check d: what the best of many cuts pretends, and what its corrected p-values and ratios make of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from simulation.curves import exponential
from simulation.r_answers import answer
from simulation.r_answers import replicates as r_replicates
from simulation.replicates import repeat
from simulation.rows import ERRORS, Row, mean, read_off, share

from survmodel import logrank_test, maximally_selected_logrank

Floats = npt.NDArray[np.float64]

N, LEVEL, PERMUTATIONS = 100, 0.05, 499
#: The ratio that is shown beside the one as found may have a median of 1.00 to 1.15 without any effect; one that is
#: foretold by other patients is below 1 where they foretold the wrong side.
HIGHEST_MEDIAN = 1.15
#: Standard error of a median in those of a mean, under a normal law.
ERROR_OF_MEDIAN = np.sqrt(np.pi / 2)


def best_cut(replicates: int, seed: int, workers: int = 1) -> list[Row]:
    """d. Size of the p-values of a best cut at .05, and the hazard ratio there, without any effect; n = 100.

    Law: marker ~ normal(0, 1), T ~ exponential(1), C ~ uniform(0, 3); cuts between 10 and 90 % of patients. Ratios are
    taken in the direction found, so that 1 is no effect.
    """
    found = repeat("d", _best_cut, replicates, seed, workers)
    told = r_replicates("cutpoint_size")
    naive, by_permutation, lausen92, lausen94, ratio, shrunken, crossed = found.T
    size = (LEVEL - 0.0145, LEVEL + 0.0145)
    stored = {name: float(answer(f"cutpoint_{name}_size")) for name in ("naive", "lausen92", "lausen94")}
    mean_ratio = float(answer("cutpoint_null_mean_hr"))
    error = ERROR_OF_MEDIAN * ERRORS * np.std(shrunken) / np.sqrt(replicates)
    return [
        share("d", "size of the uncorrected p at the best cut, as R", naive, stored["naive"], simulated=told),
        share("d", "size of the permutation p", by_permutation, LEVEL, size),
        share("d", "size of Lausen 1992", lausen92, LEVEL, (0.0, 0.06)),
        share("d", "size of Lausen 1992, as R", lausen92, stored["lausen92"], simulated=told),
        share("d", "size of Lausen 1994", lausen94, LEVEL, (0.0, 0.06)),
        share("d", "size of Lausen 1994, as R", lausen94, stored["lausen94"], simulated=told),
        mean("d", "mean hazard ratio at the best cut, as R", ratio, mean_ratio, simulated=told),
        read_off("d", "median shrunken ratio", np.median(shrunken), (1.0, HIGHEST_MEDIAN + error), replicates),
        read_off("d", "median cross-validated ratio", np.median(crossed), (0.5, HIGHEST_MEDIAN + error), replicates),
    ]


def _best_cut(random: np.random.Generator) -> Floats:
    outcome, marker = exponential(random, N), random.normal(size=N)
    found = maximally_selected_logrank(outcome, marker, permutations=PERMUTATIONS)
    corrected = [maximally_selected_logrank(outcome, marker, p_value=kind).p_value for kind in ("lausen92", "lausen94")]
    fixed = logrank_test(outcome, marker > found.cutpoint).p_value
    ratios = found.hazard_ratios().set_index("measure")["estimate"]
    naive, shrunken = (np.exp(abs(np.log(ratios[f"at the cut, {kind}"]))) for kind in ("as found", "shrunken"))
    # Higher values against lower ones; turned, it is above 1 where the side that others call worse is worse.
    crossed = ratios["at the cut, cross-validated"] ** np.sign(np.log(ratios["at the cut, as found"]))
    return np.array([fixed <= LEVEL, *(p <= LEVEL for p in (found.p_value, *corrected)), naive, shrunken, crossed])
