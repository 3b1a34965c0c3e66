"""What the activations are doing to a network while it trains, and the cure."""

from __future__ import annotations

from actlab.health.findings import Finding, Findings
from actlab.health.rules import diagnose
from actlab.health.watching import Watch, watch

__all__ = ["Finding", "Findings", "Watch", "diagnose", "watch"]
