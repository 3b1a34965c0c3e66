"""Advice: which rules fit which network, and what is forecast and reckoned."""

import itertools
from dataclasses import fields

import pytest

import actlab
from actlab import catalogue
from actlab.compare.advice import advise
from actlab.compare.field_rules import Network, rules_for
from actlab.errors import DataError, SettingError

FLAGS = [f.name for f in fields(Network) if f.type == "bool"]


def named(place, **network):
    rules = rules_for(Network(**network))
    return [name for rule in rules if rule.place == place for name in rule.activations]


def every_network():
    for task, depth in itertools.product((None, "classification", "regression"), (None, 2, 30)):
        yield Network(task=task, depth=depth)
        for flag in FLAGS:
            yield Network(task=task, depth=depth, **{flag: True})
    yield Network(**dict.fromkeys(FLAGS, True))


def test_every_rule_has_a_source_and_names_catalogued_functions():
    for network in every_network():
        rules = rules_for(network)
        assert any(rule.place in {"hidden", "cell"} and rule.activations for rule in rules)
        for rule in rules:
            assert rule.advice.endswith(".")
            assert any(year in rule.source for year in map(str, range(1990, 2025)))
            for name in rule.activations:
                assert catalogue.get(name).name == name


@pytest.mark.parametrize(
    ("network", "output"),
    [
        ({"task": "regression"}, ["identity"]),
        ({"task": "regression", "positive": True}, ["softplus"]),
        ({"task": "classification"}, ["softmax"]),
        ({"task": "classification", "classes": 10}, ["softmax"]),
        ({"task": "classification", "classes": 2}, ["sigmoid"]),
        ({"task": "classification", "classes": 9, "several": True}, ["sigmoid"]),
        ({"adversarial": True}, ["tanh", "sigmoid"]),
        ({}, []),
    ],
)
def test_the_output_follows_from_the_task(network, output):
    assert named("output", **network) == output


def test_the_inside_follows_from_the_kind_of_network():
    assert named("cell", recurrent=True)[0] == "tanh"
    assert named("gates", recurrent=True) == ["sigmoid"]
    assert named("hidden", transformer=True)[:2] == ["swiglu", "geglu"]
    assert named("hidden", depth=30)[0] == "relu"
    assert "tanh" not in named("hidden", depth=30)
    assert "sigmoid" not in named("hidden", depth=30)
    assert named("hidden", coordinates=True) == ["sin"]
    (selu,) = [rule for rule in rules_for(Network()) if "selu" in rule.activations]
    assert "LeCun" in selu.advice
    assert "alpha dropout" in selu.advice


def test_the_forecast_is_that_of_the_theory():
    found = actlab.advise(task="regression", depth=20, recurrent=True)
    rows = {row.activation: row for row in found.outlooks}
    assert tuple(rows) == found.candidates
    known = actlab.forecast("tanh", 20)
    assert rows["tanh"].verdict == known.verdict
    assert rows["tanh"].gradient == pytest.approx(known.gradient[0] / 2.302585092994046, abs=1e-4)
    # Half of the variance that ReLU wants is lost per layer, twice over: (1/6)^(19/2).
    assert rows["relu"].usual_gradient == pytest.approx(-9.5 * 0.7781513, abs=1e-3)


def test_a_gated_pair_has_no_forecast_and_says_so():
    rows = {row.activation: row for row in advise(transformer=True, depth=3).outlooks}
    assert rows["swiglu"].verdict == "unknown"
    assert "no forecast" in rows["swiglu"].note


def test_data_say_what_the_task_is_and_what_measuring_costs():
    found = advise(data="breast_cancer")
    assert found.network.task == "classification"
    assert found.network.classes == 2
    cost = found.cost
    assert cost.trainings == len(found.candidates) * 10 * 5
    assert cost.seconds > 0
    assert (
        cost.command == f"actlab compare breast_cancer --activations {','.join(found.candidates)}"
    )
    assert advise().cost is None


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"task": "clustering"}, SettingError, "'clustering'"),
        ({"depth": 0}, SettingError, "depth is 0"),
        ({"classes": 1}, SettingError, "at least 2"),
        ({"task": "regression", "classes": 3}, SettingError, "predicts a number"),
        ({"data": "no.csv"}, DataError, "no.csv"),
    ],
)
def test_what_can_not_be_is_refused(options, error, words):
    with pytest.raises(error, match=words):
        advise(**options)


def test_the_command_prints_rules_forecast_and_cost():
    import json

    from typer.testing import CliRunner

    from actlab.cli import app

    runner = CliRunner(env={"COLUMNS": "120"})
    shown = runner.invoke(app, ["advise", "--depth", "4", "--recurrent", "--data", "iris"])
    assert shown.exit_code == 0, shown.stderr
    for words in ("At the output", "softmax", "In the recurrent cell", "arXiv:1504.00941",
                  "What theory forecasts for 4 hidden layers", "actlab compare iris"):  # fmt: skip
        assert words in shown.stdout
    values = json.loads(runner.invoke(app, ["advise", "--task", "regression", "--json"]).stdout)
    assert values["candidates"][0] == "relu"
    wrong = runner.invoke(app, ["advise", "--depth", "0"])
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert wrong.stderr == "error: depth is 0; at least 1 was expected\n"
