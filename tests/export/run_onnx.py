"""Exports modules to ONNX and runs them: ``run_onnx.py FOLDER SCALARS PAIRS``.

One model holds all functions of numbers and pairs, since every export costs a second.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np


def main(folder, scalars, pairs):
    import onnxruntime
    import torch

    import actlab

    warnings.simplefilter("ignore")  # those of the exporter's own parts

    def session(module, *examples, batch=None):
        dynamic = {} if batch is None else {"dynamic_shapes": batch}
        program = torch.onnx.export(module.eval(), examples, dynamo=True, verbose=False, **dynamic)
        model = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
        names = [given.name for given in model.get_inputs()]
        return lambda *arrays: model.run(None, dict(zip(names, arrays, strict=True)))

    class Formulas(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = torch.nn.ModuleList([actlab.get(name).module() for name in scalars])
            self.pairs = torch.nn.ModuleList([actlab.get(name).module() for name in pairs])

        def forward(self, x, y):
            singles = [part(x[k]) for k, part in enumerate(self.parts)]
            return *singles, *(part(*y[k]) for k, part in enumerate(self.pairs))

    inputs = np.load(folder / "inputs.npz")
    results = {}
    one = np.concatenate([inputs[name] for name in scalars])
    two = np.stack([inputs[name] for name in pairs])
    batch = torch.export.Dim("batch", min=1, max=4096)
    examples = torch.zeros(len(scalars), 5), torch.zeros(len(pairs), 2, 5)
    model = session(Formulas(), *examples, batch=({1: batch}, {2: batch}))
    sizes = []
    for size in (1, 3, one.shape[-1]):
        found = model(*(np.ascontiguousarray(values[..., :size]) for values in (one, two)))
        sizes.append(found[0].shape[0])
    results |= dict(zip((*scalars, *pairs), found, strict=True))
    results["batches"] = sizes

    class Others(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.softmax = actlab.get("softmax").module()
            self.log_softmax = actlab.get("log_softmax").module()
            self.learned = actlab.get("leaky_relu", negative_slope=0.5).module(learnable=True)
            self.dice = actlab.get("dice").module(channels=4)

        def forward(self, x, wide, half):
            learned = self.learned(torch.tensor([-1.0, 1.0, -3.0, 2.0]) + 0 * half[:4].float())
            dice = self.dice(-x)
            return self.softmax(x), self.log_softmax(wide), learned, self.learned(half), dice

    row = torch.tensor([[0.0, -45.0, -46.0, -44.8]])
    half = torch.zeros(4, dtype=torch.float16)
    several = session(Others(), row, row[0], half)
    given = np.array([[1.0, 2.0, -50.0, 88.0]], np.float32)
    found = several(given, row[0].numpy(), half.numpy())
    results |= dict(zip(("softmax", "log_softmax", "learned", "half", "dice"), found, strict=True))
    np.savez(folder / "results.npz", **results)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2].split(","), sys.argv[3].split(","))
