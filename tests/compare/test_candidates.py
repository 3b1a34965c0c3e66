import pytest

import actlab
from actlab.compare.candidates import DEFAULT, candidates_for
from actlab.errors import ActlabError, FormulaError, UnknownNameError


def labels(*args, **options):
    return [candidate.label for candidate in candidates_for(*args, **options)]


def test_the_default_is_about_a_dozen_known_functions():
    found = candidates_for()
    assert [candidate.label for candidate in found] == list(DEFAULT)
    assert len(found) == 12
    assert len({candidate.text for candidate in found}) == 12


def test_names_formulas_and_activations_stand_side_by_side():
    mine = actlab.define("x * tanh(a * x)", name="mine", a=2.0)
    found = candidates_for(["relu", "SiLU", "x * sigmoid(2 * x)", mine])
    assert [candidate.label for candidate in found][:2] == ["relu", "silu"]
    assert found[3].label == "mine"
    assert found[3].activation is mine


def test_one_text_may_hold_several():
    assert len(labels("relu, clip(x, 0, 6), gelu")) == 3


def test_every_candidate_has_its_own_gain():
    gains = {c.label: c.gain for c in candidates_for("relu,identity,selu,tanh")}
    # He et al. 2015, arXiv:1502.01852; Klambauer et al. 2017, arXiv:1706.02515. The quadrature
    # is exact to rounding for the first two; SELU's constants are printed with 16 digits.
    assert gains["relu"] == pytest.approx(2**0.5, rel=1e-12)
    assert gains["identity"] == pytest.approx(1.0, rel=1e-12)
    assert gains["selu"] == pytest.approx(1.0, rel=1e-9)
    assert 1.5 < gains["tanh"] < 1.7


def test_without_a_gain_the_weights_are_left_alone_and_that_is_said():
    found = candidates_for("relu,softmax,0*x")
    assert [candidate.gain for candidate in found][1:] == [1.0, 1.0]
    assert [bool(candidate.note) for candidate in found] == [False, True, True]


def test_one_given_twice_takes_part_once_and_no_label_stands_for_two():
    assert labels("relu,relu,gelu") == ["relu", "gelu"]
    steep = actlab.get("leaky_relu", negative_slope=0.3)
    found = candidates_for(["leaky_relu", steep, "leaky_relu"])
    assert len(found) == 2
    assert len({candidate.label for candidate in found}) == 2
    assert len({candidate.text for candidate in found}) == 2


def test_families_and_everything():
    assert set(labels(family="rectifiers")) >= {"relu", "leaky_relu"}
    every = candidates_for(everything=True)
    assert {"relu", "gelu", "swiglu"} <= {candidate.label for candidate in every}
    assert "softmax" not in {candidate.label for candidate in every}


def test_what_is_unknown_is_refused_before_any_work():
    with pytest.raises(UnknownNameError, match="relu"):
        candidates_for("gelu,rellu")
    with pytest.raises(FormulaError):
        candidates_for("relu,x +* 2")
    with pytest.raises(UnknownNameError, match="families are"):
        candidates_for(family="nonsense")
    with pytest.raises(ActlabError, match="type int"):
        candidates_for(["relu", 3])
    with pytest.raises(ActlabError, match="type float"):
        candidates_for(1.5)
    with pytest.raises(ActlabError, match="no activation was given"):
        candidates_for(" , ")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("modrelu", "modrelu maps complex numbers; a comparison trains real functions"),
        ("funnel_relu", "funnel_relu is a layer with weights of its own"),
        ("maxout", "maxout changes the number of units"),
        ("probact", "probact adds noise in training"),
    ],
)
def test_what_can_not_be_trained_here_says_why(name, why):
    with pytest.raises(ActlabError, match=why):
        candidates_for(["relu", name])


def test_surrogates_train_with_their_own_gradient():
    (first, second) = candidates_for("helu,atan_spike")
    # both have the second moment 1/2
    assert [first.gain, second.gain] == pytest.approx([2**0.5, 2**0.5], rel=1e-11)
