"""Rectifiers: piecewise linear functions, powers of the positive part, and shrinkage."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Parameter, Random, Reference, Shipped, ships

_KRIZHEVSKY = Reference(
    "Krizhevsky", 2010, "Convolutional deep belief networks on CIFAR-10", where="technical report"
)

_TORCH7 = Reference(
    "Collobert, Kavukcuoglu, Farabet",
    2011,
    "Torch7: a Matlab-like environment for machine learning",
    where="BigLearn, NIPS workshop",
)

ENTRIES = (
    Entry(
        "relu",
        "maximum(x, 0)",
        aliases=("ReLU", "rectifier", "ramp"),
        reference=Reference(
            "Nair, Hinton",
            2010,
            "Rectified linear units improve restricted Boltzmann machines",
            where="ICML",
        ),
        ships=ships(
            torch="torch.nn.ReLU",
            keras=("keras.layers.ReLU", "keras.activations.relu"),
            jax="jax.nn.relu",
            tf="tf.nn.relu",
            onnx="Relu",
        ),
        note="First used by Fukushima (1969). The derivative at 0 is 0.",
    ),
    Entry(
        "leaky_relu",
        "where(x > 0, x, negative_slope * x)",
        parameters={"negative_slope": Parameter(0.01, "slope below zero")},
        aliases=("LeakyReLU", "lrelu"),
        reference=Reference(
            "Maas, Hannun, Ng",
            2013,
            "Rectifier nonlinearities improve neural network acoustic models",
            where="ICML workshop on deep learning for audio, speech and language",
        ),
        ships=ships(
            torch="torch.nn.LeakyReLU",
            keras=(
                Shipped("keras.layers.LeakyReLU", {"negative_slope": 0.3}),
                Shipped("keras.activations.leaky_relu", {"negative_slope": 0.2}),
            ),
            jax="jax.nn.leaky_relu",
            tf=Shipped("tf.nn.leaky_relu", {"negative_slope": 0.2}),
            onnx="LeakyRelu",
        ),
    ),
    Entry(
        "relu6",
        "minimum(maximum(x, 0), 6)",
        aliases=("ReLU6",),
        reference=_KRIZHEVSKY,
        ships=ships(
            torch="torch.nn.ReLU6",
            keras="keras.activations.relu6",
            jax="jax.nn.relu6",
            tf="tf.nn.relu6",
        ),
        note="The derivative is 0 at both kinks.",
    ),
    Entry(
        "prelu",
        "where(x > 0, x, weight * x)",
        parameters={"weight": Parameter(0.25, "slope below zero, learned")},
        aliases=("PReLU",),
        reference=Reference(
            "He, Zhang, Ren, Sun",
            2015,
            "Delving deep into rectifiers: surpassing human-level performance on ImageNet",
            arxiv="1502.01852",
        ),
        ships=ships(
            torch="torch.nn.PReLU",
            keras=Shipped("keras.layers.PReLU", {"weight": 0.0}, note="one weight per element"),
            flax=Shipped("flax.linen.PReLU", {"weight": 0.01}),
            onnx="PRelu",
        ),
    ),
    Entry(
        "threshold",
        "where(x <= threshold, value, x)",
        parameters={
            "threshold": Parameter(1.0, "inputs up to here are replaced"),
            "value": Parameter(0.0, "what replaces them"),
        },
        aliases=("Threshold",),
        reference=_TORCH7,
        ships=ships(
            torch=Shipped("torch.nn.Threshold", note="both numbers must be given"),
            keras=Shipped("keras.activations.threshold", note="both numbers must be given"),
        ),
    ),
    Entry(
        "thresholded_relu",
        "where(x <= theta, 0, x)",
        parameters={"theta": Parameter(1.0, "inputs up to here give 0")},
        aliases=("ThresholdedReLU", "fatrelu", "FATReLU", "truncated_relu"),
        reference=Reference(
            "Konda, Memisevic, Krueger",
            2014,
            "Zero-bias autoencoders and the benefits of co-adapting features",
            arxiv="1402.3337",
        ),
        ships=ships(onnx="ThresholdedRelu"),
        note="FATReLU (Kurtz et al. 2020) is the same but for the value at the threshold itself.",
    ),
    Entry(
        "squared_relu",
        "maximum(x, 0)**2",
        aliases=("relu2", "ReLUSquared", "relu_squared"),
        reference=Reference(
            "So, Manke, Liu, Dai, Shazeer, Le",
            2021,
            "Primer: searching for efficient transformers for language modeling",
            arxiv="2109.08668",
        ),
        ships=ships(hf="relu2"),
    ),
    Entry(
        "star_relu",
        "scale * maximum(x, 0) * maximum(x, 0) + bias",
        definition="scale * maximum(x, 0)**2 + bias",
        parameters={
            "scale": Parameter(0.8944271909999159, "1/sqrt(1.25)"),
            "bias": Parameter(-0.4472135954999579, "-0.5/sqrt(1.25)"),
        },
        aliases=("StarReLU",),
        reference=Reference(
            "Yu, Si, Zhou, Luo, Zhou, Feng, Yan, Wang",
            2022,
            "MetaFormer baselines for vision",
            arxiv="2210.13452",
        ),
        ships=ships(timm=Shipped("timm StarReLU", {"scale": 1.0, "bias": 0.0}, note="learned")),
        note="The defaults give mean 0 and variance 1 for a standard normal input.",
    ),
    Entry(
        "hard_shrink",
        "where(abs(x) <= lambd, 0, x)",
        parameters={"lambd": Parameter(0.5, "half width of the dead zone")},
        aliases=("Hardshrink", "hard_threshold"),
        reference=Reference(
            "Donoho, Johnstone",
            1994,
            "Ideal spatial adaptation by wavelet shrinkage",
            doi="10.1093/biomet/81.3.425",
        ),
        ships=ships(torch="torch.nn.Hardshrink", keras="keras.activations.hard_shrink"),
    ),
    Entry(
        "soft_shrink",
        "where(abs(x) <= lambd, 0, x - sign(x) * lambd)",
        parameters={"lambd": Parameter(0.5, "how far values are moved towards zero")},
        aliases=("Softshrink", "soft_threshold"),
        reference=Reference(
            "Donoho", 1995, "De-noising by soft-thresholding", doi="10.1109/18.382009"
        ),
        ships=ships(torch="torch.nn.Softshrink", keras="keras.activations.soft_shrink"),
    ),
    Entry(
        "tanh_shrink",
        "tanh_shrink(x)",
        definition="x - tanh(x)",
        aliases=("Tanhshrink",),
        reference=_TORCH7,
        ships=ships(torch="torch.nn.Tanhshrink", keras="keras.activations.tanh_shrink"),
    ),
    Entry(
        "rrelu",
        "where(x > 0, x, slope * x)",
        parameters={
            "lower": Parameter(1 / 8, "least slope below zero"),
            "upper": Parameter(1 / 3, "greatest slope below zero"),
        },
        random={"slope": Random("lower", "upper")},
        aliases=("RReLU", "randomized_leaky_relu"),
        reference=Reference(
            "Xu, Wang, Chen, Li",
            2015,
            "Empirical evaluation of rectified activations in convolutional network",
            arxiv="1505.00853",
        ),
        ships=ships(torch="torch.nn.RReLU"),
        note="In training the slope is drawn per element; in evaluation it is (lower+upper)/2.",
    ),
    Entry(
        "clipped_relu",
        "clip(x, 0, cap)",
        definition="minimum(maximum(x, 0), cap)",
        parameters={"cap": Parameter(20.0, "upper bound", positive=True)},
        aliases=("ClippedReLU", "bounded_relu", "BReLU"),
        reference=Reference(
            "Hannun, Case, Casper, Catanzaro, Diamos, Elsen, Prenger, Satheesh, Sengupta, "
            "Coates, Ng",
            2014,
            "Deep Speech: scaling up end-to-end speech recognition",
            arxiv="1412.5567",
        ),
    ),
    Entry(
        "abs",
        "abs(x)",
        aliases=("AbsLU", "vReLU", "modulus", "absolute_value"),
        reference=Reference(
            "Jarrett, Kavukcuoglu, Ranzato, LeCun",
            2009,
            "What is the best multi-stage architecture for object recognition?",
            doi="10.1109/ICCV.2009.5459469",
        ),
        ships=ships(torch="torch.abs", jax="jax.numpy.abs", tf="tf.math.abs", onnx="Abs"),
        note="The derivative at 0 is 0.",
    ),
    Entry(
        "shifted_relu",
        "maximum(x, -shift)",
        parameters={"shift": Parameter(1.0, "minus the lower bound")},
        aliases=("ShiftedReLU", "SReLU"),
        reference=Reference(
            "Clevert, Unterthiner, Hochreiter",
            2015,
            "Fast and accurate deep network learning by exponential linear units (ELUs)",
            arxiv="1511.07289",
        ),
    ),
    Entry(
        "repu",
        "where(x <= 0, 0, x**p)",
        definition="maximum(x, 0)**p",
        parameters={"p": Parameter(3.0, "power; 2 gives squared_relu", positive=True)},
        aliases=("RePU", "rectified_power_unit"),
        reference=Reference(
            "Li, Tang, Yu",
            2019,
            "Better approximations of high dimensional smooth functions by deep neural networks "
            "with rectified power units",
            arxiv="1903.05858",
        ),
    ),
    Entry(
        "shrink",
        "where(abs(x) <= lambd, 0, x - sign(x) * bias)",
        definition="where(x < -lambd, x + bias, where(x > lambd, x - bias, 0))",
        parameters={
            "lambd": Parameter(0.5, "half width of the dead zone"),
            "bias": Parameter(0.0, "how far values are moved towards zero"),
        },
        aliases=("Shrink",),
        reference=Reference("ONNX", 2019, "Shrink", where="ONNX operator set 9"),
        ships=ships(onnx="Shrink"),
        note="With bias 0 it is hard_shrink, with bias equal to lambd it is soft_shrink.",
    ),
    Entry(
        "nlrelu",
        "log1p(beta * maximum(x, 0))",
        definition="log(beta * maximum(x, 0) + 1)",
        parameters={"beta": Parameter(1.0, "slope at 0", positive=True)},
        aliases=("NLReLU", "natural_logarithm_relu"),
        reference=Reference(
            "Liu, Zhang, Gao, Qu, Ji",
            2019,
            "Natural-logarithm-rectified activation function in convolutional neural networks",
            arxiv="1908.03682",
        ),
    ),
    Entry(
        "slu",
        "where(x >= 0, x, 2 * log1p(0.5 * expm1(x)))",
        definition="where(x >= 0, x, 2 * log((exp(x) + 1) / 2))",
        aliases=("SLU", "softplus_linear_unit"),
        reference=Reference(
            "Zhao, Liu, Li, Luo",
            2018,
            "A novel softplus linear unit for deep convolutional neural networks",
            doi="10.1007/s10489-017-1028-7",
        ),
    ),
)
