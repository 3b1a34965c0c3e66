"""Two processes that see different rows agree on what was seen."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import sys, torch, actlab
from torch import distributed, nn
from torch.nn import functional
rank = int(sys.argv[1])
distributed.init_process_group("gloo", init_method=f"file://{sys.argv[2]}", rank=rank, world_size=2)
torch.set_num_threads(1)
torch.manual_seed(0)
model = nn.parallel.DistributedDataParallel(
    nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2)))
optimizer = torch.optim.SGD(model.parameters(), 0.1)
x = torch.randn(64, 8) + (5 if rank else -5)
with actlab.watch(model, optimizer) as watch:
    for _ in range(3):
        loss = functional.cross_entropy(model(x), (x[:, 0] > 0).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if rank == 0:
            watch.findings()  # asks nothing of the other process
try:
    actlab.watch(model, optimizer, cure="apply")
except actlab.ActlabError as error:
    assert "several processes" in str(error)
else:
    raise AssertionError("each process would cure in a way of its own")
state = watch.record.states["1"][0]
print(state.x_std, state.active, state.x_largest)
distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_statistics_are_those_of_all_processes(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", CODE, str(rank), str(tmp_path / "meeting")],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=120)[0].split() for process in processes]
    assert said[0] == said[1]
    # each process alone has inputs around +5 or -5 with a deviation of about 0.6
    assert float(said[0][0]) > 1.5
