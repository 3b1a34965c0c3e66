"""`compare(model=build, data=loaders)`: what it refuses, each in one sentence."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from actlab.compare import compare
from actlab.errors import ActlabError, DataError, SettingError, UnknownNameError
from compare.own_model_cases import Called, loaders, mlp, rows


def given(**changed):
    return {"model": mlp, "data": rows(), "activations": "relu,tanh", "epochs": 1} | changed


class Counter:
    """Builds another network at every call."""

    made = 0

    def __call__(self):
        Counter.made += 1
        return nn.Sequential(
            nn.Linear(4, 4 + Counter.made), nn.ReLU(), nn.Linear(4 + Counter.made, 2)
        )


class Locked:
    """A loss that holds what no other process can have."""

    def __init__(self):
        self.lock = threading.Lock()

    def __call__(self, output, target):
        return functional.cross_entropy(output, target)


class NotUsed(nn.Module):
    """Relies on an activation that works in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.act, self.last = nn.Linear(4, 4), nn.ReLU(inplace=True), nn.Linear(4, 2)

    def forward(self, x):
        x = self.first(x)
        self.act(x)
        return self.last(x)


def not_finite():
    x, y = rows()
    x[:, 3] = np.nan
    return x, y


ONE = mlp()

REFUSED = {
    "no data": ({"data": None}, SettingError, "without data="),
    "a network for its builder": ({"model": mlp()}, SettingError, "the function that builds it"),
    "a number for a builder": ({"model": 3}, SettingError, "model is of type int"),
    "a builder that wants arguments": (
        {"model": lambda width: nn.Linear(width, 2)}, SettingError, r"needs arguments \(width\)",
    ),
    "a builder that fails": (
        {"model": lambda: nn.Linear(-1, 2)}, ActlabError, r"model\(\) failed: RuntimeError",
    ),
    "no module": ({"model": lambda: 3}, ActlabError, "gave an int; a torch.nn.Module"),
    "one object": ({"model": lambda: ONE}, ActlabError, "the same object twice"),
    "another at each call": ({"model": Counter()}, ActlabError, "another network at the second"),
    "in place": ({"model": NotUsed}, ActlabError, "changes the output"),
    "lazy layers": (
        {"model": lambda: nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.Linear(4, 2))},
        ActlabError, "has lazy layers",
    ),
    "no activation": (
        {"model": lambda: nn.Linear(4, 2)}, ActlabError, "no activation was found in the model",
    ),
    "a wrong name to replace": ({"replace": "gelu"}, ActlabError, "no gelu to exchange"),
    "an unknown name to replace": ({"replace": "nonsense"}, UnknownNameError, "nonsense"),
    "another kind": (
        {"activations": "relu,swiglu"}, SettingError, "can not stand in the place of relu",
    ),
    "wrong width": (
        {"model": lambda: nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))},
        ActlabError, "failed on the first batch: RuntimeError",
    ),
    "no parts": ({"data": ([], [], [])}, DataError, "gives no batch"),
    "an empty part": (
        {"data": ([(torch.ones(2, 4), torch.tensor([0, 1]))], [], [])},
        DataError, "validation part gives",
    ),
    "a generator": (
        {"data": (iter([1]), [], [])}, DataError, "can be gone through once only",
    ),
    "a number for data": ({"data": 5}, DataError, "the data are an int"),
    "no batches": ({"data": (1, 2, 3)}, DataError, "the training data are an int"),
    "loaders that fail": (
        {"data": lambda: 1 / 0}, DataError, "failed: ZeroDivisionError",
    ),
    "too few rows": ({"data": rows(4)}, DataError, "4 rows; at least 5"),
    "unequal arrays": (
        {"data": (rows()[0], rows(80)[1])}, DataError, "different numbers of rows",
    ),
    "text": ({"data": (np.array(["a"] * 30), rows(30)[1])}, DataError, "numbers were expected"),
    "NaN": ({"data": not_finite()}, DataError, "the loss of the first batch is nan"),
    "an unknown loss": ({"loss": "nope"}, UnknownNameError, "'nope' is no loss"),
    "a loss class": ({"loss": nn.CrossEntropyLoss}, SettingError, "is the class CrossEntropyLoss"),
    "a loss of each row": (
        {"loss": nn.CrossEntropyLoss(reduction="none")}, SettingError, "a tensor of shape",
    ),
    "a loss that is a float": (
        {"loss": lambda o, t: functional.cross_entropy(o, t).item()},
        SettingError, "the loss is a float",
    ),
    "a loss without gradient": (
        {"loss": lambda o, t: functional.cross_entropy(o, t).detach()},
        SettingError, "has no gradient",
    ),
    "a loss that fails": ({"loss": lambda o, t: o @ t}, ActlabError, "failed on the first batch"),
    "a number for a loss": ({"loss": 3}, SettingError, "loss is of type int"),
    "a metric that does not fit": ({"metric": "r2"}, DataError, "'r2' is for a regression"),
    "a metric that fails": (
        {"metric": lambda o, t: 1 / 0}, ActlabError, "scoring model failed|scoring mlp failed",
    ),
    "a direction that is known": (
        {"metric": "accuracy", "higher_is_better": True}, SettingError, "says that itself",
    ),
    "a step that is none": ({"step": 3}, SettingError, "step is of type int"),
    "batch_size= beside loaders": (
        {"data": loaders, "batch_size": 8}, SettingError, "batch_size is 8 and the loaders give 16",
    ),
    "target=": ({"target": "y"}, SettingError, "target= is for tables"),
    "hidden=": ({"hidden": 3}, SettingError, "hidden= is for tables"),
    "step= without model=": (
        {"model": None, "data": "iris", "step": print}, SettingError, "no model= was given",
    ),
    "replace= without model=": (
        {"model": None, "data": "iris", "replace": "relu"}, SettingError, "no model= was given",
    ),
    "stack= for a table": (
        {"model": None, "data": "iris", "stack": True}, SettingError, "always stacked",
    ),
    "stack= of what can not be": (
        {"model": Called, "stack": True}, SettingError, "draws random numbers",
    ),
    "what can not be sent": (
        {"loss": Locked(), "workers": 2, "stack": False},
        SettingError, "can not be sent to other processes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=REFUSED)
def test_what_can_not_be_used_is_said_in_one_sentence(case):
    changed, error, message = REFUSED[case]
    with pytest.raises(error, match=message) as raised:
        compare(**given(**changed))
    assert "\n" not in str(raised.value)
