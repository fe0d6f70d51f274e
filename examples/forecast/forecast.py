"""Forecasts a monthly series by a regression on its own past and by exponential smoothing, and prints both."""

import sys

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from statsmodels.tsa.holtwinters import ExponentialSmoothing

YEAR = 12


def series(years: int = 8) -> pd.Series:
    """Sales with a trend, a season and noise."""
    months = np.arange(years * YEAR)
    noise = np.random.default_rng(0).normal(0, 2, len(months))
    values = 100 + 0.8 * months + 15 * np.sin(2 * np.pi * months / YEAR) + noise
    return pd.Series(values, index=pd.period_range("2016-01", periods=len(months), freq="M").to_timestamp())


def by_regression(known: pd.Series) -> np.ndarray:
    """A year ahead, each month from the same month of the two years before."""
    lags = pd.concat({lag: known.shift(lag) for lag in (YEAR, 2 * YEAR)}, axis=1).dropna()
    model = Ridge().fit(lags.to_numpy(), known[lags.index].to_numpy())
    return model.predict(np.column_stack([known[-YEAR:], known[-2 * YEAR : -YEAR]]))


def by_smoothing(known: pd.Series) -> np.ndarray:
    """A year ahead, by Holt and Winters."""
    model = ExponentialSmoothing(known.asfreq("MS"), trend="add", seasonal="add", seasonal_periods=YEAR)
    return model.fit().forecast(YEAR).to_numpy()


sales = series()
known, future = sales[:-YEAR], sales[-YEAR:]
for name, forecast in (("regression", by_regression(known)), ("smoothing", by_smoothing(known))):
    print(f"{name}: off by {np.abs(forecast - future).mean():.1f} a month, of {future.mean():.0f}")
print(f"with {sys.executable}")
