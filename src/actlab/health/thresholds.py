"""Every threshold of the rules, one a row: its value, what it is measured on, where it is from.

"chosen" marks values that were chosen on one half of the planted faults and the sound runs of
`benchmarks/health.py`; the figures reported come from the other half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["TABLE", "Threshold", "limit"]


@dataclass(frozen=True)
class Threshold:
    """One row."""

    value: float
    measured: str
    source: str


_CHOSEN: Final = "chosen"

TABLE: Final[dict[str, Threshold]] = {
    "steps_before_judging": Threshold(
        24, "sampled steps before anything is said about progress", _CHOSEN
    ),
    "learns": Threshold(0.5, "part of the first loss that is gone: the network learns", _CHOSEN),
    "waits": Threshold(
        0.4, "part of the steps before the first tenth of the loss is gone", _CHOSEN
    ),
    "stuck": Threshold(0.1, "part of the first loss that is gone: it does not", _CHOSEN),
    "dead_units": Threshold(
        0.5,
        "share of a layer's units whose inputs over three windows all lie where the slope is at "
        "most a thousandth of the usual one",
        "SageMaker Debugger reports half of a layer; dead as in Lu et al. (2019), "
        "arXiv:1903.06733",
    ),
    "dead_layer": Threshold(0.9, "the same, where the layer passes nothing on", _CHOSEN),
    "dead_at_first": Threshold(0.9, "share of units dead in the first step", _CHOSEN),
    "saturated_units": Threshold(
        0.5,
        "share of units with nine rows in ten in a flat tail of a function with two",
        "Glorot, Bengio (2010), AISTATS, for the trouble; the share is chosen",
    ),
    "saturated_rows": Threshold(
        0.8, "share of all inputs of a layer in a flat tail; TheDeepChecker takes "
        "0.85 of the range", "chosen",
    ),
    "bias_part": Threshold(0.5, "part of the mean input that the bias alone makes", _CHOSEN),
    "offset": Threshold(
        3, "mean of a unit's input in units of its standard deviation", "three sigma"
    ),
    "input_size": Threshold(
        30, "root mean square of the model's input", "LeCun et al. (1998), Efficient BackProp, "
        "asks for 1; the factor is chosen",
    ),
    "input_offset": Threshold(
        10, "mean of the input over its standard deviation, median over the features",
        "LeCun et al. (1998), Efficient BackProp, asks for 0; the factor is chosen",
    ),
    "gain_small": Threshold(
        0.12, "standard deviation of the weights times sqrt(fan in), over the activation's gain",
        "He et al. (2015), arXiv:1502.01852, derives 1; PyTorch's default is 0.41 for ReLU",
    ),
    "gain_large": Threshold(8, "the same", "as above; the factor is chosen"),
    "signal_decay": Threshold(
        -0.9, "log10 of the signal's standard deviation per layer at the start", _CHOSEN
    ),
    "gradient_decay": Threshold(
        -3.0,
        "log10 of the gradient norm at the first activation over that at the last",
        "AUTOTRAINER (Zhang et al. 2021), ICSE: first over last below 1e-3",
    ),
    "gradient_decay_rate": Threshold(
        -0.45, "the same per layer, below the forecast at the right gain", _CHOSEN
    ),
    "vanishing_forecast": Threshold(
        -2.0, "the same that theory forecasts at the right gain: no initialisation would help",
        _CHOSEN,
    ),
    "gradient_growth": Threshold(
        3.0, "log10 of a layer's gradient over that at the output, at the start", _CHOSEN
    ),
    "update_high": Threshold(
        0.13,
        "change of a step over the weight, median over layers, largest over the first windows",
        "1e-3 is the usual advice; sound runs with adaptive optimizers begin with up to 0.12",
    ),
    "loss_peak": Threshold(1.5, "largest loss over the first", _CHOSEN),
    "update_low": Threshold(
        1e-4, "change of a step over the weight, largest over the layers of the median", _CHOSEN
    ),
    "constant_output": Threshold(
        1e-3, "variance of the outputs over the rows as a part of their mean square", _CHOSEN
    ),
    "alike": Threshold(1e-6, "variance between units over the variance of all outputs", _CHOSEN),
    "centred": Threshold(
        0.9, "mean of the outputs over their root mean square",
        "LeCun et al. (1998), Efficient BackProp",
    ),
    "overfit": Threshold(
        0.1, "rise of the validation loss above its lowest, as a part of it",
        "Prechelt (1998), Early stopping - but when?: generalisation loss; the part is chosen",
    ),
    "wander": Threshold(
        0.05, "change of the loss from one step to the next over the loss, in the last third",
        _CHOSEN,
    ),
    "half_largest": Threshold(65504, "largest number of float16", "IEEE 754"),
}  # fmt: skip


def limit(name: str) -> float:
    """The value of a row."""
    return TABLE[name].value
