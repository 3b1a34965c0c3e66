"""Memory of large results: used again, never twice at once, and given back."""

from __future__ import annotations

import copy
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import actlab
from actlab.engines import torch_room
from actlab.engines.cpu import room, thresholds

FLOAT32 = np.dtype(np.float32)
LARGE = thresholds.KEPT_FROM // FLOAT32.itemsize

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is kept on Linux alone")


@pytest.fixture(autouse=True)
def nothing_waits():
    room.release()
    yield
    room.release()


def place(array):
    return array.__array_interface__["data"][0]


def test_memory_comes_back_and_is_used_again():
    first = room.array((LARGE,), FLOAT32)
    where = place(first)
    assert room.idle_bytes() == 0
    del first
    assert room.idle_bytes() == 2 << 20  # a huge page
    again = room.array((LARGE // 2, 2), FLOAT32)
    assert place(again) == where
    assert room.idle_bytes() == 0


def test_below_the_threshold_nothing_is_kept():
    room.array((LARGE - 1,), FLOAT32)
    assert room.idle_bytes() == 0


def test_a_view_keeps_the_whole():
    view = room.array((LARGE,), FLOAT32)[LARGE // 2 :]
    view[:] = 7.0
    other = room.array((LARGE,), FLOAT32)
    other[:] = 8.0
    assert np.all(view == 7.0)


def holds(seed):
    """Make and drop arrays of many sizes; whether each kept what was written to it."""
    random = np.random.default_rng(seed)
    alive = []
    for number in range(120):
        made = room.array((int(random.integers(LARGE, 3 * LARGE)),), FLOAT32)
        made[:] = number
        alive.append((number, made))
        if len(alive) > 4:
            written, dropped = alive.pop(int(random.integers(5)))
            if not np.all(dropped == written):
                return False
            del dropped
    return all(np.all(array == number) for number, array in alive)


def test_no_two_arrays_share_memory(monkeypatch):
    monkeypatch.setattr(thresholds, "KEPT_READY", 1 << 22)  # the rest is offered to the system
    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(holds, range(4)))


def test_what_waits_has_a_limit_and_the_oldest_size_goes_first(monkeypatch):
    monkeypatch.setattr(room, "_MOST", 10 << 20)
    old = [room.array((LARGE,), FLOAT32) for _ in range(3)]  # 2 MiB each
    new = [room.array((3 * LARGE,), FLOAT32) for _ in range(2)]  # 4 MiB each
    del old, new
    waiting = {size: len(kept.idle) for size, kept in room._SIZES.items() if kept.idle}
    assert waiting == {2 << 20: 1, 4 << 20: 2}


def test_more_than_there_is_raises_what_numpy_raises():
    waits = room.array((LARGE,), FLOAT32)
    del waits
    with pytest.raises(MemoryError):
        room.array((1 << 50,), FLOAT32)
    assert room.idle_bytes() == 0  # it was given back before asking a last time


@pytest.mark.parametrize("numbers", [LARGE, 5 * LARGE + 3, 40 * LARGE, 41 * LARGE])
def test_little_is_wasted(numbers):
    size = 4 * numbers
    assert size <= room._rounded(size) <= max(size + (2 << 20), 1.13 * size)


FORK = """
import os
import numpy as np
from actlab.engines.cpu import room, thresholds

made = room.array((thresholds.KEPT_FROM // 4,), np.dtype(np.float32))
made[:] = 1.0
child = os.fork()
if not child:
    made[:] = 2.0
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert np.all(made == 1.0)
"""


def test_a_child_process_does_not_write_into_its_parents_results():
    """In a process of its own: forking this one would stop other libraries' threads."""
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=60)


# -- results of functions ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def numbers():
    return torch.randn(LARGE + 3, generator=torch.Generator().manual_seed(0))


def test_large_results_equal_those_of_their_parts(numbers):
    f = actlab.silu
    parts = torch.cat([f(part) for part in numbers.split(10_000)])
    x = numbers.clone().requires_grad_()
    y = f(x)
    assert torch.equal(y.detach(), parts)
    assert np.array_equal(f(numbers.numpy()), parts.numpy())
    y.backward(numbers)
    small = numbers[:10_000].clone().requires_grad_()
    f(small).backward(numbers[:10_000])
    assert torch.equal(x.grad[:10_000], small.grad)
    del y, parts
    x.grad = None
    assert room.idle_bytes() > 0


def test_a_large_result_is_a_tensor_like_any_other(numbers):
    y = actlab.silu(numbers)
    kept = y.clone()
    assert torch.equal(copy.deepcopy(y), kept)
    assert not y._is_view()  # a view made without gradients could not be changed in place later
    weight = torch.ones((), requires_grad=True)
    y += weight
    assert torch.equal(y, kept + 1)
    shared = actlab.silu(numbers).share_memory_()
    assert torch.equal(shared, kept)


def test_axes_keep_their_order():
    x = torch.randn(4, 8, 96, 96).to(memory_format=torch.channels_last)
    y = torch_room.empty_like(x)
    assert room.keeps(y.nbytes)
    assert y.stride() == x.stride()
    result = actlab.silu(x)
    assert result.stride() == x.stride()
    assert torch.equal(result, actlab.silu(x.contiguous()))
    swapped = x.permute(0, 2, 3, 1).numpy().transpose(0, 3, 1, 2)
    assert actlab.silu(swapped).strides == swapped.strides


def test_relu_is_own_up_to_a_size(numbers):
    assert actlab.explain("relu", numbers).path == "own"
    assert actlab.explain("relu", torch.empty(thresholds.OWN_BELOW)).path == "kernel"
    x = torch.empty(thresholds.OWN_BELOW).uniform_(-1, 1).requires_grad_()
    y = actlab.relu(x)
    assert torch.equal(y, torch.relu(x))
    (saved,) = y.grad_fn.saved_tensors  # the output, which the next layer keeps anyway
    assert saved.data_ptr() == y.data_ptr()
