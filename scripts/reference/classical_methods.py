#!/usr/bin/env python3
"""Writes tests/fixtures/baselines/reference.json: exponential smoothing by statsforecast, whose equations are those of
R's forecast, and statsmodels, Theta and decompositions by statsmodels.

    python3 scripts/reference/classical_methods.py FILE

Needs `statsforecast` (2.1.1 wrote the committed file), `statsmodels` (0.15.0) and `pandas`.
"""
import json
import pathlib
import sys
import warnings

import numpy as np
import pandas as pd
from statsforecast.ets import pegelsresid_C
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.forecasting.theta import ThetaModel
from statsmodels.tsa.seasonal import seasonal_decompose

STEPS, SEASON, HORIZON = 60, 12, 18
PARAMETERS = {"smoothing_level": 0.3, "smoothing_trend": 0.1, "smoothing_seasonal": 0.2, "damping_trend": 0.9}


def series():
    t = np.arange(STEPS)
    seasons = 8 * np.sin(2 * np.pi * t / SEASON) + 3 * np.cos(4 * np.pi * t / SEASON)
    return np.round(50 + 0.4 * t + seasons + np.random.default_rng(7).normal(0, 2, STEPS), 3)


def smoothed(values, error, trend, damped, season):
    """Twice the negative log-likelihood and forecast at PARAMETERS and given first states."""
    wave = np.sin(2 * np.pi * np.arange(SEASON) / SEASON)
    first = {None: [], "add": list(8 * wave), "mul": list(1 + 0.15 * wave)}[season]
    letter = {None: "N", "add": "A", "mul": "M"}
    alpha, beta, gamma, phi = PARAMETERS.values()
    states = np.array([51.0] + ([0.3] if trend else []) + first[::-1])
    _, _, passed, likelihood = pegelsresid_C(values, SEASON if season else 1, states, letter[error], letter[trend], letter[season],
                                             damped, alpha, beta, gamma, phi, 3)
    entry = {"error": error, "trend": trend, "damped": damped, "season": season, "first": first, "likelihood": float(likelihood),
             "forecast": continued(passed[-1], trend, season, phi if damped else 1.0)}
    if error == "add":
        entry["variance_growth"] = variance_growth(values, trend, damped, season, first)
    return entry


def continued(states, trend, season, phi):
    """The forecast from the last states (Hyndman et al. 2008, table 2.1): statsforecast adds the first damped step twice."""
    level, slope = states[0], states[1] if trend else 0.0
    seasonal = states[2 if trend else 1:][::-1]
    line = [level + slope * sum(phi ** j for j in range(1, step + 1)) for step in range(1, HORIZON + 1)]
    if season is None:
        return line
    return [value + seasonal[i % SEASON] if season == "add" else value * seasonal[i % SEASON] for i, value in enumerate(line)]


def variance_growth(values, trend, damped, season, first):
    model = ETSModel(pd.Series(values), error="add", trend=trend, damped_trend=damped, seasonal=season,
                     seasonal_periods=SEASON if season else None, initialization_method="known", initial_level=51.0,
                     initial_trend=0.3 if trend else None, initial_seasonal=first or None)
    result = model.smooth(np.array([PARAMETERS[name] for name in model.param_names]))
    variance = np.asarray(result.get_prediction(start=STEPS, end=STEPS + HORIZON - 1, method="exact").forecast_variance)
    return (variance / variance[0]).tolist()


def main():
    warnings.filterwarnings("ignore")
    values = series()
    stamped = pd.Series(values, index=pd.period_range("2000-01", periods=STEPS, freq="M"))
    theta = ThetaModel(stamped, period=SEASON, deseasonalize=True, use_test=True, method="multiplicative").fit()
    out = {"y": values.tolist(), "season": SEASON, "parameters": PARAMETERS,
           "smoothed": [smoothed(values, error, trend, damped, season)
                        for error in ("add", "mul") for trend, damped in ((None, False), ("add", False), ("add", True))
                        for season in (None, "add", "mul") if (error, season) != ("add", "mul")],
           "theta": {"forecast": theta.forecast(HORIZON).tolist(), "alpha": float(theta.params["alpha"])},
           "indices": {kind: seasonal_decompose(values, model=kind, period=SEASON).seasonal[:SEASON].tolist()
                       for kind in ("additive", "multiplicative")}}
    fits = {"ANN": {"error": "add"}, "AAdN": {"error": "add", "trend": "add", "damped_trend": True}}
    out["fits"] = {name: float(ETSModel(values, **options).fit(disp=False, maxiter=5000).llf) for name, options in fits.items()}
    pathlib.Path(sys.argv[1]).write_text(json.dumps(out, separators=(",", ":")) + "\n", encoding="utf-8")


main()
