"""Rectifiers: piecewise linear functions, powers of the positive part, and shrinkage."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Parameter, Random, Reference, Shipped, ships

_KRIZHEVSKY = Reference(
    "Krizhevsky", 2010, "Convolutional deep belief networks on CIFAR-10", where="technical report"
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
        aliases=("Threshold", "thresholded_relu"),
        reference=Reference(
            "Konda, Memisevic, Krueger",
            2014,
            "Zero-bias autoencoders and the benefits of co-adapting features",
            arxiv="1402.3337",
        ),
        ships=ships(
            torch=Shipped("torch.nn.Threshold", note="both numbers must be given"),
            keras=Shipped("keras.activations.threshold", note="both numbers must be given"),
            onnx="ThresholdedRelu",
        ),
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
        "scale * maximum(x, 0)**2 + bias",
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
        reference=Reference("PyTorch", 2016, where="torch.nn.Tanhshrink"),
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
)
