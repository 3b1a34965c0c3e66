"""Claims on what an activation costs: time and memory."""

from __future__ import annotations

import statistics
import time
import warnings
from itertools import pairwise

import numpy as np
import torch
from scipy.special import expit
from torch import nn

import actlab
from actlab.compare.monitor import saved_bytes
from actlab.compare.networks import StackedNetwork
from actlab.compare.study import Settings
from actlab.compare.trainer import initial_weights, train_network
from claims_answers import FAILS, HOLDS, HOLDS_IF, Answer, table, with_gain


def pairs(first, second, rounds):
    """Median processor seconds of each, called in turns, and the median ratio second / first.

    Not seconds by the clock: on a busy machine whoever takes longer is interrupted more often.
    """
    times = []
    first(), second()
    for turn in range(rounds):
        pair = {}
        for which in (first, second) if turn % 2 else (second, first):
            begin = time.process_time()
            which()
            pair[which] = time.process_time() - begin
        times.append((pair[first], pair[second]))
    a, b = zip(*times, strict=True)
    return statistics.median(a), statistics.median(b), statistics.median(
        y / x for x, y in times
    )  # fmt: skip


def _torch_step(module, widths, batch):
    """One training step of a plain network, as a call."""
    torch.manual_seed(0)
    layers = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), module()]
    net = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(net.parameters(), 1e-4)
    x, y = torch.randn(batch, widths[0]), torch.randint(widths[-1], (batch,))

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()

    return step


def _backward(function, x):
    variable, seed = x.clone().requires_grad_(), torch.ones_like(x)
    return lambda: torch.autograd.grad(function(variable), variable, seed)


def relu_cheaper(scale):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    x = random.standard_normal(scale.pick(2**20, 2**16)).astype(np.float32)
    big = torch.from_numpy(x)
    relu, sigmoid = actlab.get("relu"), actlab.get("sigmoid")
    cases = {
        "NumPy and SciPy, value": (lambda: np.maximum(x, 0), lambda: expit(x)),
        "PyTorch, value": (lambda: torch.relu(big), lambda: torch.sigmoid(big)),
        "PyTorch, value and gradient": (_backward(torch.relu, big), _backward(torch.sigmoid, big)),
        "actlab on NumPy, value": (lambda: relu(x), lambda: sigmoid(x)),
    }
    nets = {
        "a training step, 64-64-64-10, batch of 64": ((64, 64, 64, 10), 64),
        "a training step, 256-512-512-10, batch of 256": ((256, 512, 512, 10), 256),
    }
    for label, (widths, batch) in nets.items():
        cases[label] = tuple(_torch_step(m, widths, batch) for m in (nn.ReLU, nn.Sigmoid))
    rows, ratio = [], {}
    try:
        for label, (first, second) in cases.items():
            step = label.startswith("a training")
            rounds = scale.pick(401, 41) if step else scale.pick(101, 15)
            a, b, ratio[label] = pairs(first, second, rounds)
            rows.append((label, f"{a * 1e6:.0f} µs", f"{b * 1e6:.0f} µs", f"{ratio[label]:.2f}"))
    finally:
        torch.set_num_threads(threads)
    alone = ratio["PyTorch, value"]
    steps = [ratio[label] for label in nets]
    cheaper, felt = min(alone, ratio["NumPy and SciPy, value"]) > 1.2, min(steps) > 1.1
    return Answer(
        HOLDS if cheaper and felt else HOLDS_IF if cheaper else FAILS,
        f"As a function alone sigmoid takes {alone:.1f} times as long in PyTorch and "
        f"{ratio['NumPy and SciPy, value']:.1f} times in NumPy and SciPy; of a training step, most "
        f"of which is matrix products, {min(steps):.2f} to {max(steps):.2f} times.",
        f"One thread, float32, {len(x):,} numbers from N(0, 1) unless told otherwise. Both sides "
        "in turns in one process; processor time, medians, and the median of the ratios of pairs.",
        ("what", "ReLU", "sigmoid", "sigmoid / ReLU"),
        tuple(rows),
    )


def _zeros(network, x):
    """Share of the hidden activations that are exactly 0."""
    now = network.rows(len(x))
    now.x[0, 0] = x
    for call in now.value:
        call()
    return float(np.mean([np.mean(hidden.after == 0) for hidden in now.hidden]))


def sparse(scale):
    digits, rows, shares = table("digits"), [], {}
    blocks = scale.pick(5, 2)
    for hidden in ((64, 64), (64,) * 8):
        settings = Settings(
            hidden=hidden, epochs=scale.pick(30, 4), learning_rates=(1e-3, 3e-3), blocks=blocks
        )
        for name in ("relu", "leaky_relu", "elu", "gelu", "tanh"):
            candidate, found = with_gain(name), []
            for block in range(blocks):
                split = digits.split(block, settings)
                x = split.validation_x
                _, after = train_network(digits, candidate, split, settings)
                before = StackedNetwork(candidate.activation, 1, 1, after.widths, after.dtype)
                drawn = initial_weights(candidate, settings.seed, block, after.widths)
                for weight, matrix in zip(before.weights, drawn, strict=True):
                    weight[0, 0] = matrix
                found.append((_zeros(before, x), _zeros(after, x)))
            first, last = np.mean(found, axis=0)
            shares[name, len(hidden)] = last
            kept = saved_bytes(candidate.activation, 64, 64, torch.float32)
            rows.append((name, str(len(hidden)), f"{first:.1%}", f"{last:.1%}", f"{kept:,}"))
    share = shares["relu", 2]
    others = max(value for (name, _), value in shares.items() if name != "relu")
    dense, csr, product = _as_sparse(share, scale)
    saves = csr < dense
    return Answer(
        HOLDS_IF if share > 0.3 else FAILS,
        f"Sparse, yes: {share:.0%} of the hidden outputs are exactly 0 after training (2 layers; "
        f"{shares['relu', 8]:.0%} in 8); of no other function more than {others:.1%}. "
        "That saves no memory by itself: frameworks keep dense tensors of the same size. Stored "
        "as a sparse matrix they take "
        f"{csr / dense:.2f} times the bytes, and a product with it {product:.1f} times as long. "
        + ("" if saves else "What saves memory is that ReLU's slope follows from its output."),
        f"Networks with layers of 64 units on digits, means over {blocks} blocks, on validation "
        "rows. Kept: bytes that autograd keeps for one layer of 64 units and 64 rows (16,384 is "
        "one copy). Sparse: a matrix of 1,024 × 1,024 with that share of zeros, PyTorch's CSR "
        "with 64-bit indices, times a dense matrix of 1,024 × 256, one thread.",
        ("activation", "layers", "zeros before", "zeros after training", "bytes kept"),
        tuple(rows),
    )


def _as_sparse(share, scale):
    """Bytes dense, bytes as CSR, and how much longer a product takes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    full = torch.rand(1024, 1024, generator=generator)
    full = torch.where(torch.rand(1024, 1024, generator=generator) < share, 0.0, full)
    other = torch.rand(1024, 256, generator=generator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sparse matrices are told to be in beta
        thin = full.to_sparse_csr()
        parts = (thin.values(), thin.col_indices(), thin.crow_indices())
        _, _, longer = pairs(lambda: full @ other, lambda: thin @ other, scale.pick(31, 5))
    torch.set_num_threads(threads)
    return full.nbytes, sum(part.nbytes for part in parts), longer
