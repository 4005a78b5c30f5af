"""The statistics of the report once more, by whole matrices of who shares whom: what its tables must say.

The formulas are those of docs/statistics.md; nothing of pipeline.metrics.verdicts is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import numpy as np
from scipy.stats import f as fisher
from scipy.stats import t as student
from statsmodels.stats.multitest import multipletests

Table = Mapping[str, np.ndarray]  # variant -> (seeds, items)


def neighbours(n: int, people: np.ndarray | None) -> np.ndarray:
    """(n, n) 1 where two items share a person."""
    if people is None:
        return np.eye(n)
    people = people.reshape(n, -1)
    alike = [people[:, None, i] == people[None, :, j] for i in range(people.shape[1]) for j in range(people.shape[1])]
    return np.any(alike, axis=0).astype(float)


def of_items(values: np.ndarray, shared: np.ndarray) -> tuple[float, float]:
    """Variance of the mean of ``values`` (n,), and its degrees of freedom."""
    n = len(values)
    centred = np.eye(n) - 1 / n
    e, trace = values - values.mean(), np.trace(centred @ shared)
    product = centred @ shared @ centred
    variance = n / trace * max(float(e @ shared @ e), float(e @ e)) / n**2
    return variance, trace**2 / float((product**2).sum())


def of_seeds(table: Table, members: Sequence[str]) -> tuple[float, float, bool]:
    """Variance over seeds of a difference of two means, or of one; its degrees of freedom; whether all variants tell it."""
    level = {name: values.mean(axis=1) for name, values in table.items() if len(values) > 1}
    parts = np.array([level[name].var(ddof=1) / len(level[name]) for name in members])
    each = np.array([len(level[name]) - 1 for name in members])
    own = parts.sum()
    own_df = own**2 / (parts**2 / each).sum() if own > 0 else each.sum()
    rest = [one for name, one in level.items() if name not in members]
    both = sum(1 / len(level[name]) for name in members)
    if not rest:
        return own, own_df, False
    df = sum(len(one) - 1 for one in rest)
    pooled = sum(((one - one.mean()) ** 2).sum() for one in rest) / df
    if (fisher.sf(own / (both * pooled), own_df, df) if pooled > 0 else float(own == 0)) < 0.25:
        return own, own_df, False
    df = sum(len(one) - 1 for one in level.values())
    return both * sum(((one - one.mean()) ** 2).sum() for one in level.values()) / df, df, True


def _crossed(table: Table, members: Sequence[str], over: np.ndarray, people: np.ndarray | None) -> tuple[float, float]:
    """Standard error and degrees of freedom; ``over`` (n,): means over seeds, or their difference."""
    shared = neighbours(len(over), people)
    items, df_items = of_items(over, shared)
    if any(len(table[name]) < 2 for name in members):
        return np.sqrt(items), df_items
    seeds, df_seeds, pooled = of_seeds(table, members)
    both = 0.0
    for name in members:
        rest = table[name] - table[name].mean(axis=0)
        both += sum(of_items(one, shared)[0] for one in rest) / (len(rest) * (len(rest) - 1))

    def satterthwaite(of: float) -> tuple[float, float]:
        total = max(items + of - both, items, of)
        return total, total**2 / (items**2 / df_items + of**2 / df_seeds) if total > 0 else df_items

    total, df = satterthwaite(seeds)
    if not pooled and total > 0:
        df = min(df, satterthwaite(2 * seeds)[1]) if df_seeds <= 2 else df
        if len(members) == 1 and student.ppf(0.975, df_seeds) * np.sqrt(seeds) > student.ppf(0.975, df) * np.sqrt(
            total
        ):
            return np.sqrt(seeds), df_seeds
    return np.sqrt(total), df


def _tested(estimate: float, error: float, df: float, seeds: int) -> SimpleNamespace:
    half = student.ppf(0.975, df) * error
    p_value = 2 * student.sf(abs(estimate) / error, df) if error > 0 else 1.0
    return SimpleNamespace(
        difference=estimate, low=estimate - half, high=estimate + half, p_value=p_value, one_seed=seeds < 2
    )


def difference(table: Table, a: str, b: str, people: np.ndarray | None = None) -> SimpleNamespace:
    """``a`` against ``b``, both trained; ``table`` has all trained variants."""
    table = {name: values.astype(float) for name, values in table.items()}
    over = table[a].mean(axis=0) - table[b].mean(axis=0)
    return _tested(over.mean(), *_crossed(table, [a, b], over, people), min(len(table[a]), len(table[b])))


def over_floor(table: Table, a: str, floor: np.ndarray, people: np.ndarray | None = None) -> SimpleNamespace:
    """``a`` against ``floor`` (n,), which is not trained."""
    table = {name: values - floor for name, values in table.items()}
    over = table[a].mean(axis=0)
    return _tested(over.mean(), *_crossed(table, [a], over, people), len(table[a]))


def interval(table: Table, a: str, people: np.ndarray | None = None) -> tuple[float, float]:
    """95 % of the mean of ``a``: Wilson's with as many items as have its variance where these are right or wrong."""
    rates = all(np.isin(values, (0, 1)).all() for values in table.values())
    table = {name: values.astype(float) for name, values in table.items()}
    over = table[a].mean(axis=0)
    error, df = _crossed(table, [a], over, people)
    p, t = over.mean(), student.ppf(0.975, df)
    if not rates:
        return p - t * error, p + t * error
    n = min(len(over), p * (1 - p) / error**2) if error > 0 else len(over)
    middle, half = (
        (p + t**2 / (2 * n)) / (1 + t**2 / n),
        t / (1 + t**2 / n) * np.sqrt(p * (1 - p) / n + t**2 / (4 * n**2)),
    )
    return middle - half, middle + half


def judged(found: Sequence[SimpleNamespace], primary: Sequence[bool]) -> tuple[list[float], list[str]]:
    """p after Holm (primary ones among themselves, others among all) and verdicts; NaN with one seed."""
    adjusted = np.full(len(found), np.nan)
    tested = [place for place, one in enumerate(found) if not one.one_seed]
    for members in (tested, [place for place in tested if primary[place]]):
        if members:
            adjusted[members] = multipletests([found[place].p_value for place in members], method="holm")[1]
    words = [
        "one seed"
        if one.one_seed
        else "not distinguishable"
        if p >= 0.05
        else "better"
        if one.difference > 0
        else "worse"
        for one, p in zip(found, adjusted, strict=True)
    ]
    return adjusted.tolist(), words
