"""Gated pairs: one half of the features opens or closes the other."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Parameter, Reference, ships

_SHAZEER = Reference("Shazeer", 2020, "GLU variants improve transformer", arxiv="2002.05202")

ENTRIES = (
    Entry(
        "glu",
        "x * sigmoid(gate)",
        definition="x / (1 + exp(-gate))",
        aliases=("GLU", "gated_linear_unit"),
        reference=Reference(
            "Dauphin, Fan, Auli, Grangier",
            2017,
            "Language modeling with gated convolutional networks",
            arxiv="1612.08083",
        ),
        ships=ships(torch="torch.nn.GLU", keras="keras.activations.glu", jax="jax.nn.glu"),
        note="With one input the second half along the axis is the gate, as in PyTorch.",
    ),
    Entry(
        "reglu",
        "x * relu(gate)",
        aliases=("ReGLU",),
        reference=_SHAZEER,
    ),
    Entry(
        "geglu",
        "x * gelu(gate)",
        aliases=("GEGLU",),
        reference=_SHAZEER,
        note="Some libraries gate on the first half, or with the tanh form of GELU.",
    ),
    Entry(
        "swiglu",
        "x * silu(gate)",
        aliases=("SwiGLU",),
        reference=_SHAZEER,
        ships=ships(onnx="SwiGLU", liger="LigerSwiGLUMLP", timm="timm SwiGLU", vllm="SiluAndMul"),
        note="Some libraries gate on the first half, or interleave the two.",
    ),
    Entry(
        "bilinear",
        "x * gate",
        aliases=("Bilinear", "liglu", "simple_gate", "SimpleGate"),
        reference=_SHAZEER,
        note="The gate is not squashed. SimpleGate of NAFNet cuts the channels in halves.",
    ),
    Entry(
        "gtu",
        "tanh(x) * sigmoid(gate)",
        definition="tanh(x) / (1 + exp(-gate))",
        aliases=("GTU", "gated_tanh_unit"),
        reference=Reference(
            "van den Oord, Kalchbrenner, Vinyals, Espeholt, Graves, Kavukcuoglu",
            2016,
            "Conditional image generation with PixelCNN decoders",
            arxiv="1606.05328",
        ),
    ),
    Entry(
        "seglu",
        "x * selu(gate)",
        aliases=("SeGLU",),
        reference=Reference(
            "Narang, Chung, Tay, Fedus, et al.",
            2021,
            "Do transformer modifications transfer across implementations and applications?",
            arxiv="2102.11972",
        ),
    ),
    Entry(
        "relu2glu",
        "x * squared_relu(gate)",
        aliases=("ReLU2GLU", "squared_reglu"),
        note="Folklore of training contests for small language models.",
    ),
    Entry(
        "geglu_tanh",
        "x * gelu_tanh(gate)",
        definition="x * 0.5 * gate * (1 + tanh(sqrt(2 / pi) * (gate + 0.044715 * gate**3)))",
        aliases=("geglu_approximate",),
        reference=_SHAZEER,
        ships=ships(liger="LigerGEGLUMLP", hf="Gemma MLP"),
        note="GEGLU with the tanh form of GELU.",
    ),
    Entry(
        "xatglu",
        "x * xatlu(gate, alpha=alpha)",
        definition="x * gate * ((arctan(gate) / pi + 0.5) * (1 + 2 * alpha) - alpha)",
        parameters={"alpha": Parameter(0.0, "how far the gate leaves [0, 1], learned")},
        aliases=("xATGLU",),
        reference=Reference(
            "Huang", 2024, "Expanded gating ranges improve activation functions", arxiv="2405.20768"
        ),
    ),
    Entry(
        "swiglu_oai",
        "(clip(x, -limit, limit) + 1) * minimum(gate, limit) "
        "* sigmoid(alpha * minimum(gate, limit))",
        parameters={
            "alpha": Parameter(1.702, "sharpness of the gate"),
            "limit": Parameter(7.0, "bound of both inputs", positive=True),
        },
        aliases=("SwiGLUOAI", "gpt_oss_glu"),
        reference=Reference(
            "OpenAI", 2025, "gpt-oss-120b and gpt-oss-20b model card", arxiv="2508.10925"
        ),
        ships=ships(hf="gpt-oss experts", vllm="SwigluOAIAndMul"),
        note="There gate and value alternate along the last axis.",
    ),
    Entry(
        "swiglu_clamped",
        "clip(x, -limit, limit) * silu(minimum(gate, limit))",
        parameters={"limit": Parameter(10.0, "bound of both inputs", positive=True)},
        aliases=("SwiGLUClamped",),
        reference=Reference("DeepSeek-AI", 2026, "DeepSeek-V4", where="technical report"),
        ships=ships(hf="DeepSeek-V4 MLP"),
    ),
    Entry(
        "situ_glu",
        "beta2 * tanh(x / beta2) * beta1 * tanh(gate / beta1) * sigmoid(gate)",
        parameters={
            "beta1": Parameter(4.0, "bound of the gate", positive=True),
            "beta2": Parameter(25.0, "bound of the value", positive=True),
        },
        aliases=("SiTU_GLU", "SiTUGLU", "softcapped_swiglu", "Inkling2SoftcappedSwiGLU"),
        reference=Reference("Moonshot AI", 2026, "Kimi K3", where="technical report"),
        ships=ships(te="SiTU-GLU", hf="Inkling2SoftcappedSwiGLU"),
    ),
)
