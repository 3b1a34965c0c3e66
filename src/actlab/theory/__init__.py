"""Gaussian theory of wide networks: gains, maps of variance and correlation, depth scales."""

from actlab.theory.gains import backward_gain, gain, second_moment

__all__ = ["backward_gain", "gain", "second_moment"]
