import math
from dataclasses import asdict

import pytest

from actlab.compare.checking import checked_settings, default_rates, whole
from actlab.compare.study import Settings
from actlab.errors import ActlabError, SettingError, UnknownNameError

FIXED = {"validation_share", "test_share", "level", "chunk_members"}
KNOWN = {name: value for name, value in asdict(Settings()).items() if name not in FIXED}


def checked(**changes):
    return checked_settings(**(KNOWN | changes))


def test_the_defaults_pass_as_they_are():
    assert checked() == Settings()


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("hidden", 32, (32,)),
        ("hidden", [64, 32.0], (64, 32)),
        ("optimizer", "AdamW", "adamw"),
        ("loss", "Huber", "huber"),
        ("loss", "Cross-entropy", "cross_entropy"),
        ("schedule", "Cosine", "cosine"),
        ("learning_rates", 0.01, (0.01,)),
        ("learning_rates", [0.1, 0.001], (0.001, 0.1)),
        ("clip_norm", 1, 1.0),
        ("epochs", 5.0, 5),
        ("seed", 0, 0),
    ],
)
def test_what_is_meant_is_understood(name, given, kept):
    assert getattr(checked(**{name: given}), name) == kept


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("hidden", [], "no layer"),
        ("hidden", [64, 0], "width is 0; a whole number of at least 1"),
        ("hidden", [2.5], "width is 2.5"),
        ("hidden", "64,64", "the text '64,64'; numbers were expected"),
        ("optimizer", 3, "optimiser is 3; one of the names"),
        ("clip_norm", 0, "clip_norm is 0; a number above 0"),
        ("clip_norm", math.inf, "clip_norm is inf"),
        ("epochs", 0, "epochs is 0; a whole number of at least 1"),
        ("epochs", True, "epochs is True"),
        ("epochs", None, "epochs is None"),
        ("batch_size", -1, "batch_size is -1"),
        ("learning_rates", [], "is empty"),
        ("learning_rates", [0.1, -0.1], "a learning rate is -0.1; a number above 0"),
        ("learning_rates", [math.nan], "a learning rate is nan"),
        ("learning_rates", [0.1, 0.1], "one of them twice"),
        ("learning_rates", "0.1", "the text '0.1'"),
        ("blocks", 0, "blocks is 0"),
        pytest.param("blocks", 10**400, "a whole number", id="blocks-huge"),
        ("seed", -1, "seed is -1; a whole number of at least 0"),
        ("margin", 0, "margin is 0; a number above 0"),
        ("margin", "wide", "margin is 'wide'"),
    ],
)
def test_a_bad_setting_gets_one_sentence(name, given, words):
    with pytest.raises(SettingError) as caught:
        checked(**{name: given})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ActlabError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("name", "given", "nearest"),
    [
        ("optimizer", "addam", "adam"),
        ("loss", "hubert", "huber"),
        ("metric", "acuracy", "accuracy"),
        ("schedule", "cosinus", "cosine"),
    ],
)
def test_an_unknown_name_gets_the_nearest(name, given, nearest):
    with pytest.raises(UnknownNameError, match=f"nearest is '{nearest}'"):
        checked(**{name: given})


def test_every_optimiser_has_a_grid_of_its_scale():
    from actlab.compare.optimisers import OPTIMISERS

    for name in OPTIMISERS:
        rates = checked(optimizer=name, learning_rates=None).learning_rates
        assert rates == default_rates(name)
        assert len(rates) == 5
        assert rates == tuple(sorted(rates))
    assert checked(learning_rates=None) == Settings()
    assert max(default_rates("adam")) < min(default_rates("adadelta"))


def test_whole_numbers():
    assert whole(2.0, "workers", least=1) == 2
    with pytest.raises(SettingError, match="workers is 0"):
        whole(0, "workers", least=1)
