"""Models of the risk of an outcome within a horizon: few settings, fixed seeds, one thread.

Each takes people to learn from and people to forecast, and gives one risk per person to forecast.
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import t
from cjlib.stats.proportion import Floats

THREADS = 1  # people are few: threads would wait for each other


def boosted(train: npt.ArrayLike, outcome: npt.ArrayLike, test: npt.ArrayLike, *, leaves: int = 4) -> Floats:
    """Forecast by gradient boosting on histograms (Friedman 2001; scikit-learn), small trees, slow steps.

    Parameters
    ----------
    train : array_like (n, k) of float
    outcome : array_like (n,) of bool
        With both values.
    test : array_like (m, k) of float
    leaves : int >= 2
        Of each tree; 2 leaves cannot hold an interaction.

    Returns
    -------
    array (m,) of float in (0, 1)

    Examples
    --------
    >>> x = np.repeat([0.0, 1.0], 100)[:, None]
    >>> boosted(x, x[:, 0], [[0.0], [1.0]]).round(1).tolist()
    [0.0, 1.0]
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits  # scikit-learn cannot do without it

    model = HistGradientBoostingClassifier(
        learning_rate=0.08, max_iter=60, max_leaf_nodes=leaves, min_samples_leaf=20, l2_regularization=1.0,
        early_stopping=False, random_state=0,
    )  # fmt: skip
    with threadpool_limits(limits=THREADS):
        model.fit(np.asarray(train, dtype=float), np.asarray(outcome).astype(bool))
        found: Floats = model.predict_proba(np.asarray(test, dtype=float))[:, 1]
    return found


def cox(
    train: npt.ArrayLike,
    days: npt.ArrayLike,
    event: npt.ArrayLike,
    test: npt.ArrayLike,
    *,
    horizon_days: float,
    penalty: float = 0.1,
) -> Floats:
    """Forecast by a Cox regression with a ridge (lifelines), for people some of whom were lost early.

    Parameters
    ----------
    train : array_like (n, k) of float
        Columns are standardised by `train` alone; k may be 0: then the forecast is 1 - Kaplan-Meier.
    days, event : array_like (n,)
        Time to the outcome or to the last sight, and which of the two.
    test : array_like (m, k) of float
    horizon_days : float > 0
    penalty : float > 0

    Returns
    -------
    array (m,) of float in [0, 1]

    Raises
    ------
    NotEnoughDataError
        CJ-ST-152 if no finite estimate is found.

    Notes
    -----
    Efron ties, Breslow baseline; Cox 1972, J. R. Stat. Soc. B 34, 187-220.

    Examples
    --------
    >>> cox(np.empty((4, 0)), [1, 2, 3, 4], [1, 0, 0, 0], np.empty((1, 0)), horizon_days=3).tolist()
    [0.25]
    """
    from cjlib.stats.curve import at, kaplan_meier

    x, new = np.asarray(train, dtype=float), np.asarray(test, dtype=float)
    length, came = np.asarray(days, dtype=float), np.asarray(event).astype(int)
    spread = x.std(axis=0)
    varies = spread > 0
    if not varies.any():
        counts = pd.DataFrame({"group": "", "duration_days": length, "outcome": came, "n": 1})
        return np.full(len(new), 1 - float(at(kaplan_meier(counts), [horizon_days])["estimate"].iloc[0]))
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError

    scaled = ((part - x.mean(axis=0))[:, varies] / spread[varies] for part in (x, new))
    frame, asked = (pd.DataFrame(part).rename(columns=str) for part in scaled)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = CoxPHFitter(penalizer=penalty).fit(frame.assign(days=length, came=came), "days", "came")
            stay = model.predict_survival_function(asked, times=[horizon_days]).iloc[0].to_numpy(dtype=float)
    except ConvergenceError as error:
        raise NotEnoughDataError(t("The risk cannot be estimated from so few people."), code="CJ-ST-152") from error
    risk: Floats = np.clip(1 - stay, 0.0, 1.0)
    return risk
