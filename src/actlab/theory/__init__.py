"""Gaussian theory of wide networks: gains, maps of variance and correlation, depth scales."""

from actlab.theory.fixedpoints import (
    EdgePoint,
    FixedPoint,
    dead_probability,
    edge_of_chaos,
    fixed_point,
)
from actlab.theory.forecasting import Forecast, forecast
from actlab.theory.gains import backward_gain, gain, second_moment
from actlab.theory.meanfield import Moments, correlation_map, moments, variance_map

__all__ = [
    "EdgePoint",
    "FixedPoint",
    "Forecast",
    "Moments",
    "backward_gain",
    "correlation_map",
    "dead_probability",
    "edge_of_chaos",
    "fixed_point",
    "forecast",
    "gain",
    "moments",
    "second_moment",
    "variance_map",
]
