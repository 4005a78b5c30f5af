"""Is the person in a photo made from a sketch still the same? Verified by the teacher of recognition, against real photos.

Same pairs are the made and the real photo of a person; different pairs, as many, the made photo of a person and the
real one of another in the same fold, so that no person is in two folds.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

FOLDS = 10
LEAST = 4  # people: two folds of two


def pairs_of_people(people: int) -> pd.DataFrame:
    """protocol, pair, fold, same, a, b of ``people`` persons; a is a made photo's number, b a real one's plus ``people``.

    Ten folds, or as many as leave two people in each. No rows with fewer than four people.
    """
    columns = ["protocol", "pair", "fold", "same", "a", "b"]
    if people < LEAST:
        return pd.DataFrame(columns=columns)
    folds = np.arange(people) * min(FOLDS, people // 2) // people
    rows = []
    for fold in range(folds[-1] + 1):
        members = np.flatnonzero(folds == fold)
        for person, other in zip(members, np.roll(members, -1), strict=True):
            rows += [(fold, True, person, people + person), (fold, False, person, people + other)]
    table = pd.DataFrame(rows, columns=columns[2:])
    return table.assign(protocol="sketch_to_photo", pair=np.arange(len(table)))[columns]
