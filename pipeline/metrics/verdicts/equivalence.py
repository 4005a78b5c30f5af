"""What a comparison could have seen, and when two methods may be called equal.

"Not distinguishable" is not "equal": a test that sees little finds nothing. Beside it stands the smallest true
difference that the same test would find in 80 of 100 repetitions; equality within a margin that was named beforehand
is a finding of its own, by two one-sided tests (TOST: Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics
15, 1987).
"""

from __future__ import annotations

import math

from scipy.special import nctdtr, stdtr, stdtrit

from pipeline.errors import InputError


def smallest_difference(error: float, df: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The true difference, in the unit of ``error``, that a two-sided t-test at ``alpha`` finds with ``power``, in its
    own direction.

    error: standard error of the estimate, >= 0. df: degrees of freedom, > 0. Exact, by the noncentral t distribution.
    """
    from scipy.optimize import brentq

    if not (error >= 0 and df > 0 and 0 < alpha < power < 1):
        raise InputError(
            f"smallest_difference: error {error}, df {df}, alpha {alpha}, power {power}, expected error >= 0, df > 0, "
            "and alpha below power, both between 0 and 1"
        )
    critical = float(stdtrit(df, 1 - alpha / 2))

    def missing(shift: float) -> float:
        return power - 1 + float(nctdtr(df, shift, critical))

    upper = critical
    while missing(upper) > 0:
        upper *= 2
    return error * brentq(missing, 0.0, upper, xtol=1e-9)


def equivalence(estimate: float, error: float, df: float, margin: float) -> float:
    """P-value of the null that the true difference is ``margin`` or more away from 0, in either direction.

    The larger p of two one-sided t-tests: difference <= -margin, difference >= margin. ``margin``: > 0, in the unit of
    ``estimate`` and ``error``. 1 where ``error`` is 0: nothing varies, which leaves nothing to test with.
    """
    if not (margin > 0 and math.isfinite(margin)):
        raise InputError(f"equivalence: margin {margin}, expected a positive number in the unit of the difference")
    if error == 0:
        return 1.0
    return float(max(stdtr(df, -(estimate + margin) / error), stdtr(df, (estimate - margin) / error)))
