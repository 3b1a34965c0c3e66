"""Functions of a complex number; each is a pair of formulas of its two parts.

The absolute value is `size * sqrt(u**2 + v**2)` with the larger part as `size`, so that neither
square overflows nor vanishes. Where a formula divides by it, 0 stays 0.
"""

from __future__ import annotations

from actlab.catalogue.entry import ComplexRule, Entry, Parameter, Reference, ships

_SIZE = "maximum(abs(re), abs(im))"
_UNIT = f"sqrt((re / {_SIZE})**2 + (im / {_SIZE})**2)"
_ABS = f"({_SIZE} * {_UNIT})"


def _scaled(factor: str, at_zero: str, text: str, latex: str) -> ComplexRule:
    """A real number times z; `at_zero` is that number where |z| is 0, for the gradient there."""
    real, imaginary = (
        f"where({_SIZE} == 0, {at_zero} * {part}, {part} * {factor})" for part in ("re", "im")
    )
    return ComplexRule(text, latex, real, imaginary)


_TRABELSI = Reference(
    "Trabelsi, Bilaniuk, Zhang, Serdyuk, Subramanian, Santos, Mehri, Rostamzadeh, Bengio, Pal",
    2017,
    "Deep complex networks",
    arxiv="1705.09792",
)

ENTRIES = (
    Entry(
        "modrelu",
        _scaled(
            f"maximum(1 + b / {_ABS}, 0)",
            "where(b < 0, 0, 1)",
            "maximum(|z| + b, 0) * z / |z|",
            r"\max(|z| + b, 0)\,\frac{z}{|z|}",
        ),
        parameters={"b": Parameter(0.0, "shift of the absolute value, learned")},
        aliases=("modReLU", "ModReLU"),
        reference=Reference(
            "Arjovsky, Shah, Bengio",
            2015,
            "Unitary evolution recurrent neural networks",
            arxiv="1511.06464",
        ),
        note="Keeps the phase. The phase of 0 is none, so 0 stays 0.",
    ),
    Entry(
        "complex_relu",
        ComplexRule(
            "relu(real(z)) + i*relu(imag(z))",
            r"\max(\Re z, 0) + \mathrm{i}\max(\Im z, 0)",
            "maximum(re, 0)",
            "maximum(im, 0)",
        ),
        aliases=("CReLU", "ComplexReLU", "crelu_complex", "split_relu"),
        reference=_TRABELSI,
        note="Not the concatenated ReLU, which is also called CReLU.",
    ),
    Entry(
        "zrelu",
        ComplexRule(
            "z if 0 <= arg(z) <= pi/2 else 0",
            r"\begin{cases}z & 0 \le \arg z \le \frac{\pi}{2}\\ 0 & \text{otherwise}\end{cases}",
            "where(im < 0, 0, maximum(re, 0))",
            "where(re < 0, 0, maximum(im, 0))",
        ),
        aliases=("zReLU", "ZReLU"),
        reference=Reference(
            "Guberman", 2016, "On complex valued convolutional neural networks", arxiv="1602.09046"
        ),
    ),
    Entry(
        "cardioid",
        _scaled(
            # near the negative axis 1 + cos is the square of a small sine over a sum
            f"0.5 * where(re < 0, (im / {_SIZE})**2 / ({_UNIT} * ({_UNIT} - re / {_SIZE})), "
            f"1 + re / {_SIZE} / {_UNIT})",
            "0.5",
            "(1 + cos(arg(z))) / 2 * z",
            r"\tfrac{1}{2}\left(1 + \cos\arg z\right) z",
        ),
        aliases=("Cardioid", "complex_cardioid"),
        reference=Reference(
            "Virtue, Yu, Lustig",
            2017,
            "Better than real: complex-valued neural nets for MRI fingerprinting",
            arxiv="1707.00070",
        ),
        note="On the real line it is ReLU.",
    ),
    Entry(
        "siglog",
        _scaled(f"1 / (c + {_ABS} / r)", "1 / c", "z / (c + |z| / r)", r"\frac{z}{c + |z| / r}"),
        parameters={
            "c": Parameter(1.0, "1/slope at 0", positive=True),
            "r": Parameter(1.0, "the bound of the absolute value", positive=True),
        },
        aliases=("Siglog", "complex_softsign"),
        reference=Reference(
            "Georgiou, Koutsougeras",
            1992,
            "Complex domain backpropagation",
            doi="10.1109/82.142037",
        ),
    ),
    Entry(
        "amplitude_phase_tanh",
        _scaled(f"tanh({_ABS}) / {_ABS}", "1", "tanh(|z|) * z / |z|", r"\tanh(|z|)\,\frac{z}{|z|}"),
        aliases=("modtanh", "hirose_tanh"),
        reference=Reference(
            "Hirose",
            1992,
            "Continuous complex-valued back-propagation learning",
            doi="10.1049/el:19921186",
        ),
        note="Keeps the phase and limits the absolute value.",
    ),
    Entry(
        "split_tanh",
        ComplexRule(
            "tanh(real(z)) + i*tanh(imag(z))",
            r"\tanh(\Re z) + \mathrm{i}\tanh(\Im z)",
            "tanh(re)",
            "tanh(im)",
        ),
        aliases=("separable_tanh",),
        reference=Reference(
            "Benvenuto, Piazza",
            1992,
            "On the complex backpropagation algorithm",
            doi="10.1109/78.127967",
        ),
        note="The paper splits a sigmoid in the same way.",
    ),
    Entry(
        "split_sigmoid",
        ComplexRule(
            "sigmoid(real(z)) + i*sigmoid(imag(z))",
            r"\sigma(\Re z) + \mathrm{i}\,\sigma(\Im z)",
            "sigmoid(re)",
            "sigmoid(im)",
        ),
        aliases=("separable_sigmoid",),
        reference=Reference(
            "Benvenuto, Piazza",
            1992,
            "On the complex backpropagation algorithm",
            doi="10.1109/78.127967",
        ),
    ),
    Entry(
        "complex_tanh",
        ComplexRule(
            "tanh(z)",
            r"\tanh z",
            "tanh(re) / (tanh(re)**2 + (sech(re) * cos(im))**2)",
            "sech(re)**2 * sin(im) * cos(im) / (tanh(re)**2 + (sech(re) * cos(im))**2)",
        ),
        aliases=("fully_complex_tanh",),
        reference=Reference(
            "Kim, Adalı",
            2003,
            "Approximation by fully complex multilayer perceptrons",
            doi="10.1162/089976603321891846",
        ),
        ships=ships(torch="torch.tanh", jax="jax.numpy.tanh", tf="tf.math.tanh"),
        note="Holomorphic, with poles at odd multiples of i*pi/2.",
    ),
    Entry(
        "wire",
        ComplexRule(
            "exp(i*omega*z - |scale*z|**2)",
            r"e^{\mathrm{i}\omega z - |s z|^2}",
            "exp(-omega * im - scale**2 * (re**2 + im**2)) * cos(omega * re)",
            "exp(-omega * im - scale**2 * (re**2 + im**2)) * sin(omega * re)",
        ),
        parameters={
            "omega": Parameter(10.0, "frequency"),
            "scale": Parameter(40.0, "1/width of the envelope"),
        },
        aliases=("WIRE", "complex_gabor", "gabor_wavelet"),
        reference=Reference(
            "Saragadam, LeJeune, Tan, Balakrishnan, Veeraraghavan, Baraniuk",
            2023,
            "WIRE: wavelet implicit neural representations",
            arxiv="2301.05187",
        ),
        note="The defaults are those of the authors' code. Real inputs are numbers with no "
        "imaginary part.",
    ),
)
