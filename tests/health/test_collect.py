"""What the hooks see, and that they change nothing."""

from __future__ import annotations

import copy
import gc
import weakref

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

import actlab
from actlab.health import Watch

from .conftest import mlp, rows, sgd, train


class Calls(nn.Module):
    """Activations as functions, methods, in place, and one module used twice."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 3)
        self.shared = nn.Tanh()

    def forward(self, x):
        x = torch.relu_(self.a(x))
        x = self.shared(self.b(functional.gelu(x, approximate="tanh")))
        return self.c(self.shared(x).sigmoid())


def states_of(model, steps=20, **options):
    optimizer = sgd(model)
    with Watch(model, optimizer, **options) as watch:
        train(model, optimizer, steps)
        watch.findings()
    return watch


def test_modules_and_calls_are_seen():
    watch = states_of(Calls())
    seen = {s.name: s.activation.name for s in watch.record.activations()}
    assert seen == {
        "relu after a": "relu",
        "gelu_tanh after a": "gelu_tanh",
        "shared": "tanh",
        "sigmoid after b": "sigmoid",
    }
    assert all(watch.record.states[name][-1].gradient > 0 for name in seen)


def test_units_are_counted_as_they_are():
    model = mlp(depth=1)
    with torch.no_grad():
        model[0].bias[:8] = -50.0
    watch = states_of(model, steps=40)
    assert watch.record.states["1"][-1].kept == pytest.approx(8 / 32)
    assert watch.record.states["1"][0].dead >= 8 / 32


@pytest.mark.parametrize("in_place", [False, True], ids=["plain", "in_place"])
def test_in_place_activations_keep_their_inputs(in_place):
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(inplace=in_place), nn.Linear(16, 3))
    state = states_of(model, steps=1).record.states["1"][0]
    # an input overwritten by its output would have no negative part
    assert state.active == pytest.approx(0.5, abs=0.15)
    assert state.x_std > 0.3


def test_training_is_bit_for_bit_the_same():
    model = Calls()
    other = copy.deepcopy(model)
    plain = train(other, sgd(other), 25)
    optimizer = sgd(model)
    with Watch(model, optimizer):
        watched = train(model, optimizer, 25)
    assert watched == plain
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_nothing_is_left_behind():
    model = Calls()
    before = copy.deepcopy(dict(vars(model)))
    optimizer = sgd(model)
    watch = Watch(model, optimizer)
    train(model, optimizer, 10)
    watch.detach()
    for module in model.modules():
        for kept in ("_forward_hooks", "_forward_pre_hooks", "_forward_hooks_with_kwargs",
                     "_forward_hooks_always_called", "_forward_pre_hooks_with_kwargs"):  # fmt: skip
            assert not getattr(module, kept)
    assert set(vars(model)) == set(before)
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks
    assert torch._C._len_torch_function_stack() == 0


def test_copies_of_a_watched_model_are_free():
    model = mlp(depth=1)
    optimizer = sgd(model)
    with Watch(model, optimizer) as watch:
        train(model, optimizer, 10)
        twin = copy.deepcopy(model)
        train(twin, sgd(twin), 10)
        assert watch.steps == 10
        assert watch.record.states["1"][-1].last_step < 10


def test_no_tensor_of_the_model_is_kept():
    model = mlp(depth=1)
    optimizer = sgd(model)
    kept = []
    model[1].register_forward_hook(lambda _m, _a, out: kept.append(weakref.ref(out)))
    with Watch(model, optimizer):
        train(model, optimizer, 3)
        gc.collect()
        assert all(ref() is None for ref in kept)


def test_memory_does_not_grow_with_the_steps():
    model = mlp(depth=1, width=4)
    optimizer = sgd(model)
    sizes = {}
    with Watch(model, optimizer, window=1) as watch:
        for steps in (60, 240):
            train(model, optimizer, steps - watch.steps)
            sizes[steps] = max(len(s) for s in watch.record.states.values())
    assert max(sizes.values()) <= 48
    assert len(watch.record.loss) <= 1024


@pytest.mark.parametrize("reentrant", [False, True], ids=["new", "reentrant"])
def test_checkpointed_layers_count_once(reentrant):
    class Checkpointed(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.c = nn.Linear(8, 16), nn.Linear(16, 3)
            self.b = nn.Sequential(nn.Linear(16, 16), nn.ReLU(inplace=True))

        def forward(self, x):
            return self.c(checkpoint(self.b, self.a(x), use_reentrant=reentrant))

    watch = states_of(Checkpointed(), steps=1)
    assert watch.record.states["b.1"][0].rows == 64
    if not reentrant:
        assert watch.record.states["b.1"][0].gradient > 0


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=["float64", "bfloat16"])
def test_models_in_other_widths_are_seen(dtype):
    model = mlp().to(dtype)
    optimizer = sgd(model)
    x, y = rows()
    with Watch(model, optimizer) as watch:
        train(model, optimizer, 20, x.to(dtype), y)
        watch.findings()
        assert watch.record.states["1"][-1].gradient > 0
        assert watch.record.event is None


def test_gradients_are_read_unscaled_and_a_skipped_step_is_no_fault():
    model, plain = mlp(), None
    plain = copy.deepcopy(model)
    x, y = rows(64)
    found = {}
    for name, one, scale in (("plain", plain, None), ("scaled", model, 2.0**14)):
        optimizer = sgd(one)
        scaler = torch.amp.GradScaler("cpu", init_scale=scale or 1.0, enabled=scale is not None)
        with Watch(one, optimizer) as watch:
            for _ in range(3):
                loss = functional.cross_entropy(one(x), y)
                optimizer.zero_grad()
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
        found[name] = [watch.record.states["1"][0].gradient, watch.record.loss.values[0]]
    # a power of two scales exactly; the norm is summed in the same order
    assert found["scaled"] == pytest.approx(found["plain"], rel=1e-6)
    optimizer = sgd(model)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=1000)
    with Watch(model, optimizer) as watch:
        for _ in range(30):
            loss = functional.cross_entropy(100 * model(x), y)
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
        assert watch.record.skipped > 0
        assert watch.record.event is None


def test_accumulated_gradients_make_one_step():
    model = mlp()
    optimizer = sgd(model)
    x, y = rows(128)
    with Watch(model, optimizer) as watch:
        for step in range(12):
            (functional.cross_entropy(model(x), y) / 4).backward()
            if step % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()
        assert watch.record.steps == 3
        # the loss is that of the batch, not a quarter of it
        assert watch.record.loss.values[0] == pytest.approx(1.1, abs=0.2)


def test_a_step_with_a_closure_is_seen_as_one_without():
    model = mlp()
    other = copy.deepcopy(model)
    x, y = rows()
    seen = []
    for one, closed in ((model, False), (other, True)):
        optimizer = sgd(one)
        with Watch(one, optimizer) as watch:
            for _ in range(20):

                def closure(one=one, optimizer=optimizer):
                    optimizer.zero_grad()
                    loss = functional.cross_entropy(one(x), y)
                    loss.backward()
                    return loss

                optimizer.step(closure) if closed else (closure(), optimizer.step())
        seen.append((watch.record.layer_states, watch.record.states, watch.record.loss.values))
    assert seen[0] == seen[1]
    assert len(seen[0][0]["0"]) > 2


def test_parts_may_be_called_instead_of_the_model():
    class Parts(nn.Module):
        def __init__(self):
            super().__init__()
            self.encode, self.decode = mlp(depth=1, outputs=8), nn.Linear(8, 3)

    model = Parts()
    optimizer = sgd(model)
    x, y = rows()
    with Watch(model, optimizer) as watch:
        train(lambda rows: model.decode(model.encode(rows).tanh()), optimizer, 20, x, y)
        assert [f for f in watch.findings() if f.rule == "not_observed"] == []
    assert {s.name for s in watch.record.activations()} == {"encode.1", "tanh after encode.2"}
    assert len(watch.record.loss) == 20


def test_sampling_gates_the_computation():
    model = mlp()
    optimizer = sgd(model)
    with Watch(model, optimizer, every=5) as watch:
        train(model, optimizer, 20)
        watch.findings()
        assert watch.record.sampled == 4
        assert watch.record.steps == 20
        windows = watch.record.states["1"]
        # rows are taken in every second sampled step
        assert [(s.first_step, s.rows) for s in windows] == [(0, 64), (1, 64)]


@pytest.mark.parametrize(("width", "each", "looks"), [(512, 32, 2), (32, 64, 4)])
def test_more_rows_in_fewer_steps_where_a_batch_has_them(width, each, looks):
    model = mlp(width=width)
    optimizer = sgd(model)
    with Watch(model, optimizer, window=8) as watch:
        train(model, optimizer, 9)  # batches of 64
        windows = watch.record.states["1"]
        assert [(s.first_step, s.last_step, s.rows) for s in windows] == [
            (0, 0, each), (1, 8, looks * each),
        ]  # fmt: skip


def test_a_recurrent_cell_is_one_place():
    class Cell(nn.Module):
        def __init__(self):
            super().__init__()
            self.i, self.h, self.o = nn.Linear(2, 16), nn.Linear(16, 16), nn.Linear(16, 3)

        def forward(self, x):
            state = torch.zeros(len(x), 16)
            for part in x.unflatten(1, (4, 2)).unbind(1):
                state = torch.tanh(self.i(part) + self.h(state))
            return self.o(state)

    watch = states_of(Cell(), steps=1)
    assert [s.name for s in watch.record.activations()] == ["tanh after h"]
    assert watch.record.states["tanh after h"][0].rows == 3 * 64  # the 1st, 2nd and 4th call


def test_empty_batches_and_complex_weights_do_no_harm():
    model = mlp()
    optimizer = sgd(model)
    with Watch(model, optimizer) as watch:
        for _ in range(10):
            model(torch.zeros(0, 8)).sum().backward()
            optimizer.step()
        assert watch.findings() == ()

    class Complex(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(8, 3, dtype=torch.complex64))

        def forward(self, x):
            return x @ self.weight

    model = Complex()
    optimizer = sgd(model, 1e-3)
    x = torch.randn(16, 8, dtype=torch.complex64)
    with Watch(model, optimizer) as watch:
        for _ in range(10):
            model(x).abs().square().mean().backward()
            optimizer.step()
        assert watch.findings() == ()
        assert watch.record.layer_states[""][-1].weight > 0


def test_evaluation_is_not_looked_at():
    model = mlp()
    optimizer = sgd(model)
    x, _ = rows(64)
    with Watch(model, optimizer) as watch:
        model.eval()
        model(x)
        model.train()
        with torch.no_grad():
            model(x)
        assert watch.record.sampled == 0
        assert torch._C._len_torch_function_stack() == 0


@pytest.mark.filterwarnings("ignore")
def test_compiled_before_is_told_and_after_is_seen():
    x, y = rows(64)

    def steps(network, optimizer, count=10):
        for _ in range(count):
            loss = functional.cross_entropy(network(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    torch.compiler.reset()
    model = mlp(depth=1)
    optimizer = sgd(model)
    with Watch(model, optimizer) as watch:
        steps(torch.compile(model, backend="eager"), optimizer)
        watch.findings()
        assert watch.record.states["1"][-1].gradient > 0
        assert len(watch.record.loss) == 10
    torch.compiler.reset()
    model = mlp(depth=1)
    compiled = torch.compile(model, backend="eager")
    compiled(x)
    optimizer = sgd(model)
    with Watch(compiled, optimizer) as watch:
        steps(compiled, optimizer)
        assert [f.symptom for f in watch.findings()] == ["not observed"]
    torch.compiler.reset()


def test_a_wrong_call_says_what_was_expected():
    with pytest.raises(TypeError, match=r"a torch\.nn\.Module was expected"):
        actlab.watch(lambda x: x)
    model = mlp()
    with pytest.raises(TypeError, match="Optimizer was expected"):
        actlab.watch(model, model)
    with pytest.raises(actlab.ActlabError, match="run one batch through it"):
        actlab.watch(nn.Sequential(nn.LazyLinear(4)))
    with pytest.raises(ValueError, match="at least 1"):
        actlab.watch(model, sgd(model), every=0)
    with pytest.raises(ValueError, match='"ask" or "apply"'):
        actlab.watch(model, sgd(model), cure="magic")
    with pytest.raises(actlab.ActlabError, match="needs the optimizer"):
        actlab.watch(model, cure="apply")


def test_log_gets_plain_numbers():
    told = []
    model = mlp()
    optimizer = sgd(model)
    with Watch(model, optimizer, log=lambda numbers, step: told.append((numbers, step))):
        train(model, optimizer, 17)
    assert [step for _, step in told][:3] == [1, 9, 17]
    assert set(told[-1][0]) >= {"loss", "1/dead", "1/gradient", "0/update over weight"}
    assert all(isinstance(v, float) for v in told[-1][0].values())
