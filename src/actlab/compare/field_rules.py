"""What the field says of activations: rules with their sources, picked by what a network is.

The rules are where to begin, not where to end: a comparison on one's own data overrules them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DEEP", "Network", "Rule", "rules_for"]

DEEP: Final = 10
"""Layers from which on the gradient's way through the network decides."""

Place = Literal["output", "hidden", "cell", "gates", "start"]
"""Where a rule applies; "start" is how the weights are drawn."""


@dataclass(frozen=True)
class Network:
    """What is known of a network that activations are wanted for."""

    task: str | None = None
    """"classification", "regression", or not said."""
    classes: int | None = None
    positive: bool = False
    """Whether what is predicted is never negative."""
    several: bool = False
    """Whether a row may carry several labels at once."""
    depth: int | None = None
    recurrent: bool = False
    transformer: bool = False
    convolutional: bool = False
    adversarial: bool = False
    coordinates: bool = False
    """Whether the network maps places to values: an image, a field, a shape."""
    small: bool = False
    """Whether it has to run on a phone or a microcontroller, in few bits."""


@dataclass(frozen=True)
class Rule:
    """One rule of the field."""

    place: Place
    advice: str
    """What to do, in a sentence."""
    source: str
    activations: tuple[str, ...] = field(default=())
    """Catalogued names that it recommends, the first to try first."""


_BOOK: Final = "Goodfellow, Bengio, Courville (2016), Deep Learning, MIT Press, section 6.2.2"
_SHAZEER: Final = "Shazeer (2020), arXiv:2002.05202"
_HE: Final = "He, Zhang, Ren, Sun (2015), arXiv:1502.01852"
_SELU: Final = "Klambauer, Unterthiner, Mayr, Hochreiter (2017), arXiv:1706.02515"
_SILU: Final = "Elfwing, Uchibe, Doya (2017), arXiv:1702.03118"
_GELU: Final = "Hendrycks, Gimpel (2016), arXiv:1606.08415"


def rules_for(network: Network) -> tuple[Rule, ...]:
    """Return the rules that fit a network: of its output, its inside, and its start.

    >>> [rule.activations for rule in rules_for(Network(task="regression"))][0]
    ('identity',)
    """
    return (*_of_output(network), *_of_inside(network), *_of_start(network))


def _of_output(network: Network) -> Iterator[Rule]:
    if network.adversarial:
        yield Rule(
            "output",
            "The generator ends in tanh, with the data scaled to -1 ... 1; the discriminator ends "
            "in a logit, whose sigmoid stands in the loss.",
            "Radford, Metz, Chintala (2015), arXiv:1511.06434",
            ("tanh", "sigmoid"),
        )
        return
    if network.task == "regression" and network.positive:
        yield Rule(
            "output",
            "What is never negative can end in softplus, which is positive and has a gradient "
            "everywhere; or predict the logarithm and end in nothing.",
            "Dugas, Bengio, Bélisle, Nadeau, Garcia (2001), NIPS 13",
            ("softplus",),
        )
    elif network.task == "regression":
        yield Rule(
            "output",
            "A number that can be anything is predicted without an activation at the end, with "
            "the mean squared error: the mean of a normal distribution.",
            _BOOK,
            ("identity",),
        )
    if network.task != "classification":
        return
    if network.several:
        yield Rule(
            "output",
            "Several labels at once: a sigmoid for each, with binary cross-entropy; give the loss "
            "the logits, and apply the sigmoid only to read probabilities.",
            _BOOK,
            ("sigmoid",),
        )
    elif network.classes == 2:
        yield Rule(
            "output",
            "Two classes: one output and a sigmoid, with binary cross-entropy; give the loss the "
            "logit, and apply the sigmoid only to read a probability.",
            _BOOK,
            ("sigmoid",),
        )
    else:
        yield Rule(
            "output",
            "One class of many: softmax, with cross-entropy; give the loss the logits, and apply "
            "softmax only to read probabilities.",
            f"Bridle (1990), doi:10.1007/978-3-642-76153-9_28; {_BOOK}",
            ("softmax",),
        )


def _of_inside(network: Network) -> Iterator[Rule]:
    if network.recurrent:
        yield from _RECURRENT
    if network.transformer:
        yield from _TRANSFORMER
    if network.adversarial:
        yield Rule(
            "hidden",
            "Leaky ReLU with a slope of 0.2 in the discriminator, so that the generator gets a "
            "gradient from every unit; ReLU in the generator.",
            "Radford, Metz, Chintala (2015), arXiv:1511.06434",
            ("leaky_relu", "relu"),
        )
    if network.coordinates:
        yield Rule(
            "hidden",
            "A network of coordinates wants a sine, with weights drawn for it: ReLU networks miss "
            "fine detail and have no second derivative.",
            "Sitzmann, Martel, Bergman, Lindell, Wetzstein (2020), arXiv:2006.09661",
            ("sin",),
        )
    if network.small:
        yield Rule(
            "hidden",
            "Where bits and cycles are few, take piecewise linear functions of a bounded range: "
            "ReLU6, or hard-swish in the deeper layers.",
            "Howard et al. (2019), arXiv:1905.02244",
            ("relu6", "hard_swish"),
        )
    special = network.transformer or network.adversarial or network.coordinates or network.small
    if not special:
        yield from _feedforward(network)


_RECURRENT: Final = (
    Rule(
        "cell",
        "tanh in the cell: its range is bounded, so a state that is fed back hundreds of times "
        "can not grow without end, and it is centred at 0.",
        "Hochreiter, Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735",
        ("tanh",),
    ),
    Rule(
        "gates",
        "sigmoid in the gates, which say how much to keep; start the forget gate's bias at 1.",
        "Gers, Schmidhuber, Cummins (2000), doi:10.1162/089976600300015015; Jozefowicz, Zaremba, "
        "Sutskever (2015), ICML",
        ("sigmoid",),
    ),
    Rule(
        "cell",
        "ReLU in a plain recurrent network needs recurrent weights that begin as the identity "
        "(or orthogonal), and clipped gradients.",
        "Le, Jaitly, Hinton (2015), arXiv:1504.00941",
        ("relu",),
    ),
)

_TRANSFORMER: Final = (
    Rule(
        "hidden",
        "A gated pair in the feedforward part (SwiGLU, GEGLU), with two thirds of the width, so "
        "that the parameters stay equal.",
        _SHAZEER,
        ("swiglu", "geglu"),
    ),
    Rule(
        "hidden",
        "Without a gate: GELU, or squared ReLU, which is cheaper.",
        f"{_GELU}; So et al. (2021), arXiv:2109.08668",
        ("gelu", "squared_relu"),
    ),
)


def _feedforward(network: Network) -> Iterator[Rule]:
    """Hidden layers of a network of a usual kind."""
    yield Rule(
        "hidden",
        "Begin with ReLU: no cheaper function trains deep networks as reliably.",
        f"Glorot, Bordes, Bengio (2011), AISTATS; {_HE}",
        ("relu",),
    )
    yield Rule(
        "hidden",
        "Smooth kin of ReLU (GELU, SiLU) often train as well or a little better, at the price of "
        "a longer step.",
        f"{_GELU}; {_SILU}; Ramachandran, Zoph, Le (2017), arXiv:1710.05941",
        ("gelu", "silu"),
    )
    if network.convolutional:
        yield Rule(
            "hidden",
            "Behind batch normalisation ReLU keeps about half of its units on, whatever the scale "
            "of the weights; SiLU is the usual smooth choice there.",
            "Ioffe, Szegedy (2015), arXiv:1502.03167; Tan, Le (2019), arXiv:1905.11946",
            ("relu", "silu"),
        )
    elif not network.recurrent:
        yield Rule(
            "hidden",
            "SELU keeps mean and variance without normalisation, in networks of dense layers "
            "only, and only with its own start: LeCun normal weights, and alpha dropout in the "
            "place of dropout.",
            _SELU,
            ("selu",),
        )
    if network.depth is not None and network.depth >= DEEP:
        yield Rule(
            "hidden",
            "Not the sigmoid: its slope is at most a quarter, so its gradient vanishes on the way "
            "through many layers. tanh gets through only at the edge of chaos, with orthogonal "
            "weights.",
            "Glorot, Bengio (2010), AISTATS; Pennington, Schoenholz, Ganguli (2017), "
            "arXiv:1711.04735",
        )
        yield Rule(
            "hidden",
            "If units die, a leaky ReLU keeps a gradient where ReLU has none.",
            "Maas, Hannun, Ng (2013), ICML workshop",
            ("leaky_relu",),
        )
    else:
        yield Rule(
            "hidden",
            "In shallow networks on small tables tanh is a fair candidate: it is centred at 0.",
            "LeCun, Bottou, Orr, Müller (1998), doi:10.1007/3-540-49430-8_2",
            ("tanh",),
        )


def _of_start(network: Network) -> Iterator[Rule]:
    if network.coordinates:
        return
    yield Rule(
        "start",
        "Draw the weights for the activation (He's for ReLU, in general its gain over the root of "
        "the fan-in): actlab.initialise(model) does it.",
        _HE,
    )
    if network.depth is not None and network.depth >= DEEP and not network.transformer:
        yield Rule(
            "start",
            "Beyond some tens of layers, skip connections or normalisation do more for the "
            "gradient than any activation.",
            "He, Zhang, Ren, Sun (2016), arXiv:1603.05027",
        )
