"""The runs of benchmarks/health.py: six architectures and more, sound ones and planted faults."""

from __future__ import annotations

import itertools
import math
import random
import warnings
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

STEPS, BATCH = 240, 64
ACTIVATIONS = {
    "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "elu": nn.ELU, "selu": nn.SELU,
    "gelu": nn.GELU, "silu": nn.SiLU, "mish": nn.Mish, "tanh": nn.Tanh,
    "softplus": nn.Softplus, "hardswish": nn.Hardswish, "sigmoid": nn.Sigmoid,
    "softsign": nn.Softsign,
}  # fmt: skip


class MLP(nn.Sequential):
    def __init__(self, act, depth=3, width=64, norm=False):
        sizes = [64, *[width] * depth]
        layers = []
        for a, b in itertools.pairwise(sizes):
            layers += [nn.Linear(a, b), *([nn.LayerNorm(b)] if norm else []), act()]
        super().__init__(*layers, nn.Linear(width, 10))


class CNN(nn.Sequential):
    def __init__(self, act, norm=False):
        def block(a, b, stride):
            return [nn.Conv2d(a, b, 3, stride, 1), *([nn.BatchNorm2d(b)] if norm else []), act()]

        super().__init__(
            nn.Unflatten(1, (1, 8, 8)), *block(1, 16, 1), *block(16, 32, 2), *block(32, 32, 1),
            nn.Flatten(), nn.Linear(512, 64), act(), nn.Linear(64, 10),
        )  # fmt: skip


class Recurrent(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.rnn = kind(8, 64, batch_first=True, **options)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.rnn(x.unflatten(1, (8, 8)))[0][:, -1])


class Residual(nn.Module):
    def __init__(self, act, norm=False):
        super().__init__()
        self.stem = nn.Linear(64, 64)
        self.first = nn.ModuleList([nn.Linear(64, 64) for _ in range(4)])
        self.second = nn.ModuleList([nn.Linear(64, 64) for _ in range(4)])
        self.norms = nn.ModuleList([nn.LayerNorm(64) if norm else nn.Identity() for _ in range(4)])
        self.act, self.head = act(), nn.Linear(64, 10)

    def forward(self, x):
        x = self.stem(x)
        for a, b, norm in zip(self.first, self.second, self.norms, strict=True):
            x = x + b(self.act(a(norm(x))))
        return self.head(x)


class Transformer(nn.Module):
    def __init__(self, activation="relu"):
        super().__init__()
        self.embed = nn.Linear(8, 32)
        self.place = nn.Parameter(0.1 * torch.randn(8, 32))
        self.blocks = nn.ModuleList([
            nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, activation=activation,
                                       batch_first=True, norm_first=True) for _ in range(2)
        ])  # fmt: skip
        self.norm, self.head = nn.LayerNorm(32), nn.Linear(32, 10)

    def forward(self, x):
        x = self.embed(x.unflatten(1, (8, 8))) + self.place
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(1))


def build(arch, activation):
    act = ACTIVATIONS[activation]
    if arch == "mlp":
        return MLP(act)
    if arch == "mlp_deep":
        return MLP(act, depth=6)
    if arch == "mlp_norm":
        return MLP(act, norm=True)
    if arch == "cnn":
        return CNN(act)
    if arch == "cnn_bn":
        return CNN(act, norm=True)
    if arch == "rnn":
        return Recurrent(nn.RNN, nonlinearity=activation if activation == "relu" else "tanh")
    if arch == "gru":
        return Recurrent(nn.GRU)
    if arch == "residual":
        return Residual(act)
    if arch == "residual_norm":
        return Residual(act, norm=True)
    return Transformer("gelu" if activation == "gelu" else "relu")


@dataclass
class Case:
    """One run. A fault of None is a sound one."""

    arch: str
    activation: str
    optimiser: str
    fault: str | None
    seed: int
    detail: dict = field(default_factory=dict)
    schedule: str = "constant"

    def sound(self):
        """The same without its fault; where depth is the fault, at the usual depth."""
        activation = self.activation
        if self.fault == "vanishing_depth":
            activation = "tanh"
        return replace(self, fault=None, activation=activation)

    @property
    def name(self):
        return f"{self.fault or 'sound'}/{self.arch}/{self.activation}/{self.optimiser}/{self.seed}"


RATES = {"sgd": 0.3, "momentum": 0.03, "adam": 2e-3, "adamw": 2e-3, "rmsprop": 1e-3}
GENTLE = {"sgd": 0.1, "momentum": 0.01, "adam": 1e-3, "adamw": 1e-3, "rmsprop": 5e-4}


def optimiser_of(name, parameters, rate):
    return {
        "sgd": lambda: torch.optim.SGD(parameters, rate),
        "momentum": lambda: torch.optim.SGD(parameters, rate, momentum=0.9),
        "adam": lambda: torch.optim.Adam(parameters, rate),
        "adamw": lambda: torch.optim.AdamW(parameters, rate, weight_decay=0.01),
        "rmsprop": lambda: torch.optim.RMSprop(parameters, rate),
    }[name]()


_DATA = {}


def data(seed):
    if not _DATA:
        x, y = load_digits(return_X_y=True)
        _DATA["all"] = (x / 16 - 0.5).astype(np.float32) * 2, y
    x, y = _DATA["all"]
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = torch.from_numpy(x[order]), torch.from_numpy(y[order])
    return x[:1200], y[:1200], x[1200:], y[1200:]


def batches(rows, steps, seed):
    generator = torch.Generator().manual_seed(seed)
    done = 0
    while done < steps:
        order = torch.randperm(rows, generator=generator)
        for start in range(0, rows - BATCH + 1, BATCH):
            yield order[start : start + BATCH]
            done += 1
            if done == steps:
                return


# --- the faults: each returns what the doctor should say ----------------------------------------


def linears(model):
    """Layers with a matrix that are followed by an activation, by name."""
    found = []
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d) and "head" not in name \
                and "out_proj" not in name:  # fmt: skip
            found.append((name, module))
    if isinstance(model, nn.Sequential):
        found = found[:-1]
    if isinstance(model, Residual):
        found = [(n, m) for n, m in found if n.startswith("first")]
    if isinstance(model, Transformer):
        found = [(n, m) for n, m in found if "linear1" in n]
    return found


class Run:
    """A case made ready to train: model, optimizer, and how a step computes its loss."""

    def __init__(self, case):
        self.case = case
        torch.manual_seed(case.seed)
        self.random = random.Random(case.seed)  # noqa: S311  (a benchmark's draw)
        self.x, self.y, self.xt, self.yt = data(case.seed)
        self.model = build(case.arch, case.activation)
        self.rate = (GENTLE if case.activation in {"selu"} or case.arch.startswith("residual")
                     else RATES)[case.optimiser]  # fmt: skip
        if case.activation in {"sigmoid"}:
            self.rate = {"adam": 5e-3, "adamw": 5e-3, "rmsprop": 3e-3}.get(
                case.optimiser, self.rate
            )
            for name, layer in self.model.named_modules():
                if isinstance(layer, nn.Linear | nn.Conv2d):
                    nn.init.xavier_normal_(layer.weight, 4.0 if name else 1.0)
                    nn.init.zeros_(layer.bias)
        self.softmax = self.half = False
        self.log_loss = False
        self.bad_step = -1
        self.excluded = []
        self.layers, self.causes = [""], []
        self.symptoms = []
        if case.fault is not None:
            getattr(self, case.fault)()
        held = {id(p) for p in self.excluded}
        self.optimizer = optimiser_of(
            case.optimiser, [p for p in self.model.parameters() if id(p) not in held], self.rate
        )
        self.scheduler = None
        if case.schedule == "cosine":
            self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, STEPS)

    def loss(self, index, step):
        x = self.x[index]
        if step == self.bad_step:
            x = x.clone()
            x[3, 5] = self.bad_value
        if self.half:
            with torch.autocast("cpu", torch.float16):
                out = self.model(x)
            out = out.float()
        else:
            out = self.model(x)
        if self.log_loss:
            p = out.softmax(1)
            p = torch.where(p < 0.02, 0.0, p)
            return -torch.log(p[torch.arange(len(index)), self.y[index]]).mean()
        return functional.cross_entropy(out, self.y[index])

    def train(self, steps=STEPS, each=None, after=None, batch_seed=0):
        self.model.train()
        losses = []
        for step, index in enumerate(batches(len(self.x), steps, batch_seed + self.case.seed)):
            loss = self.loss(index, step)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            if self.scheduler is not None:
                self.scheduler.step()
            losses.append(float(loss.detach()))
            if each is not None:
                each(step)
            if after is not None:
                after(losses[-1])
        return losses

    def score(self):
        self.model.eval()
        with torch.no_grad():
            out = self.model(self.xt)
        return float((out.argmax(1) == self.yt).float().mean()) if out.isfinite().all() else 0.0

    def pick(self):
        return self.random.choice(linears(self.model))

    def expect(self, layers, *causes):
        self.layers, self.causes = list(layers), list(causes)

    # each fault

    def dead_bias(self):
        name, layer = self.pick()
        names = [name]
        norm = None
        modules = dict(self.model.named_modules())
        if isinstance(self.model, nn.Sequential):
            after = modules.get(str(int(name) + 1))
            norm = after if isinstance(after, nn.BatchNorm2d | nn.LayerNorm) else None
        with torch.no_grad():
            if norm is not None:
                norm.bias.fill_(-self.random.uniform(6, 20))
                names.append(str(int(name) + 1))
            else:
                layer.bias.fill_(-self.random.uniform(20, 60))
        self.expect(names, "bias")

    def dead_rate(self):
        self.rate = {"sgd": 8.0, "momentum": 3.0, "adam": 0.3, "adamw": 0.3, "rmsprop": 0.3}[
            self.case.optimiser
        ]
        self.expect([""], "learning rate too high")

    def dead_scale(self):
        if self.random.random() < 0.5:
            self.x, self.xt = self.x * 300 - 2000, self.xt * 300 - 2000
        else:
            self.x, self.xt = self.x * 2000, self.xt * 2000
        self.expect(["input"], "data not scaled")

    def saturation(self):
        layers = linears(self.model)
        with torch.no_grad():
            if self.random.random() < 0.5:  # one layer stands at the end of its function
                name, layer = self.random.choice(layers)
                layer.bias.fill_(self.random.choice([-1, 1]) * self.random.uniform(30, 60))
                self.expect([name], "bias")
            else:
                for _, layer in layers:
                    layer.weight.mul_(self.random.uniform(40, 80))
                self.expect(["", *(name for name, _ in layers)], "initialisation")

    def vanishing_depth(self):
        self.model = MLP(ACTIVATIONS[self.case.activation], depth=self.random.choice([10, 12, 14]))
        self.expect([""], "activation and depth")

    def vanishing_init(self):
        with torch.no_grad():
            for _, layer in linears(self.model):
                layer.weight.mul_(0.05)
                layer.bias.zero_()
        self.expect([""], "initialisation")

    def exploding(self):
        with torch.no_grad():
            scale = self.random.uniform(6, 12)
            for name, p in self.model.rnn.named_parameters():
                if name.startswith("weight_hh"):
                    p.mul_(scale)
        self.expect(["rnn"], "initialisation", "recurrence")

    def nan_log(self):
        self.log_loss = True
        self.expect(["", None], "log of zero")

    def nan_half(self):
        self.half = True
        name, layer = self.pick()
        with torch.no_grad():
            layer.weight.mul_(3e5)
        self.expect([name], "overflow")

    def nan_batch(self):
        self.bad_step = self.random.randrange(10, 100)
        self.bad_value = self.random.choice([math.nan, math.inf])
        self.expect(["input"], "bad batch")

    def rate_high(self):
        self.rate *= 100
        self.expect([""], "learning rate too high")

    def rate_low(self):
        self.rate /= 1000
        self.expect([""], "learning rate too low")

    def softmax_twice(self):
        self.model = (
            nn.Sequential(*self.model, nn.Softmax(1)) if isinstance(self.model, nn.Sequential)
            else _Softmaxed(self.model)
        )  # fmt: skip
        self.expect(["output", "net.head", "head", str(len(list(self.model.children())) - 2)],
                    "softmax before cross-entropy")  # fmt: skip

    def frozen(self):
        name, layer = self.pick()
        if self.random.random() < 0.5:
            self.excluded = list(layer.parameters())
        else:
            for p in layer.parameters():
                p.requires_grad_(False)
        self.expect([name], "frozen")

    def constant(self):
        name, layer = linears(self.model)[-1]
        head = self.model.head if hasattr(self.model, "head") else self.model[-1]
        with torch.no_grad():
            for one in (layer, head):
                one.weight.zero_()
                one.bias.zero_()
        names = [n for n, m in self.model.named_modules() if m is head]
        self.expect([name, *names], "initialisation")


class _Softmaxed(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x).softmax(1)


SICK = {
    "dead_bias": ["mlp", "cnn", "cnn_bn", "mlp_norm", "residual", "transformer"],
    "dead_rate": ["mlp", "cnn", "mlp_deep", "cnn_bn"],
    "dead_scale": ["mlp", "cnn", "residual", "mlp_deep"],
    "saturation": ["mlp_deep", "cnn", "mlp"],
    "vanishing_depth": ["mlp"],
    "vanishing_init": ["mlp_deep", "cnn", "mlp"],
    "exploding": ["rnn"],
    "nan_log": ["mlp", "cnn", "gru", "transformer", "residual", "cnn_bn"],
    "nan_half": ["mlp_norm"],
    "nan_batch": ["mlp", "cnn", "gru", "transformer", "residual", "rnn"],
    "rate_high": ["mlp", "cnn", "rnn", "gru", "residual", "transformer"],
    "rate_low": ["mlp", "cnn", "cnn_bn", "gru", "residual", "transformer"],
    "softmax_twice": ["mlp", "cnn", "gru", "transformer", "residual", "cnn_bn"],
    "frozen": ["mlp", "cnn", "mlp_deep", "residual", "cnn_bn"],
    "constant": ["mlp", "cnn", "mlp_deep"],
}


def sick_cases(each=12, shift=0):
    cases = []
    for kind, archs in SICK.items():
        for n in range(each):
            arch = archs[n % len(archs)]
            optimiser = ["adam", "momentum", "adamw", "sgd"][(n // len(archs) + n) % 4]
            activation = ["relu", "relu", "gelu", "leaky_relu", "tanh"][n % 5]
            if kind in {"dead_bias", "dead_rate", "dead_scale"}:
                activation = ["relu", "relu", "gelu"][n % 3] if kind == "dead_bias" else "relu"
                if arch == "transformer":
                    activation = ["relu", "gelu"][n % 2]
            if kind == "saturation":
                activation = ["tanh", "sigmoid", "softsign"][n % 3]
            if kind == "vanishing_depth":
                activation = "sigmoid"
            if kind == "vanishing_init":
                activation = ["tanh", "relu", "gelu"][n % 3]
            if kind == "exploding":
                activation = "relu"
            if kind in {"dead_rate"} and optimiser == "sgd":
                optimiser = "momentum"
            if arch in {"transformer", "gru"} and optimiser in {"sgd", "momentum"}:
                optimiser = "adam"
            if arch == "rnn" and kind != "exploding":
                activation = "tanh"
            cases.append(Case(arch, activation, optimiser, kind, shift + 1000 + len(cases)))
    return cases


def healthy_cases(count=150, shift=0):
    archs = ["mlp", "cnn", "cnn_bn", "rnn", "gru", "residual", "transformer", "mlp_norm",
             "mlp_deep", "residual_norm"]  # fmt: skip
    names = list(ACTIVATIONS)
    optimisers = list(RATES)
    cases, n = [], 0
    while len(cases) < count:
        arch = archs[n % len(archs)]
        activation = names[(n // len(archs) + n) % len(names)]
        optimiser = optimisers[(n // 3 + n) % len(optimisers)]
        if arch in {"rnn", "gru"}:
            activation = "tanh" if arch == "gru" or n % 2 else "relu"
        if arch == "transformer":
            activation = ["relu", "gelu"][n % 2]
        if activation == "softplus" and arch in {"cnn", "mlp_deep"}:
            activation = "gelu"  # without normalisation it needs more steps than these runs have
        if arch in {"transformer", "gru", "rnn", "mlp_deep"} and optimiser == "sgd":
            optimiser = "adam"
        if arch in {"transformer", "gru"} and optimiser == "momentum":
            optimiser = "adamw"
        if activation == "sigmoid" and (arch == "mlp_deep" or optimiser in {"sgd", "momentum"}):
            activation = "tanh"
        schedule = "cosine" if n % 4 == 3 else "constant"
        cases.append(Case(arch, activation, optimiser, None, shift + 5000 + n, schedule=schedule))
        n += 1
    return cases


def quiet():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
