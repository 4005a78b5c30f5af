"""Is method A better than method B? Verdicts that count items and seeds both as sampled; docs/statistics.md explains.

Nothing here draws random numbers: the same outcomes give the same verdict, to the last bit.

    sharing.py      which items show the same people; variance of a mean over such items
    seeds.py        variance over trainings, and when the variants of a table may share one estimate of it
    difference.py   both, and what they have in common: estimate, interval, p-value, degrees of freedom
    families.py     several comparisons: Holm, Dunnett; the verdict
    equivalence.py  what could have been seen; when two methods may be called equal
"""
