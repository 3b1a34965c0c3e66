"""What a layer can learn of an activation, whatever the framework."""

from __future__ import annotations

from collections.abc import Iterable

from actlab.activation import Activation
from actlab.errors import UnknownNameError

__all__ = ["check_channels", "learned_names"]


def learned_names(activation: Activation, learnable: bool | str | Iterable[str]) -> tuple[str, ...]:
    """The parameters that a layer learns: True means all of them.

    Raises:
        UnknownNameError: for a name that is no parameter of the function.
        TypeError: if it has none at all.
    """
    if learnable is False:
        return ()
    bounds = {bound for random in activation.random.values() for bound in random.bounds}
    counts = {name for name, spec in activation.specs.items() if spec.whole}
    own = tuple(name for name in activation.parameters if name not in bounds | counts)
    if learnable is True:
        if not own:
            raise TypeError(f"{activation.name} has no parameter that could be learned")
        return own
    asked = (learnable,) if isinstance(learnable, str) else tuple(learnable)
    for name in asked:
        if name not in own:
            has = ", ".join(own) or "none"
            raise UnknownNameError(
                f"{activation.name} has no parameter {name!r} that could be learned; it has: {has}"
            )
    return tuple(name for name in own if name in asked)


def check_channels(activation: Activation, channels: int | None, learned: tuple[str, ...]) -> None:
    """Whether so many values of a parameter make sense.

    Raises:
        ValueError: for fewer than one channel, or channels where nothing is learned.
        TypeError: if the function does not work channel by channel.
    """
    if channels is None:
        return
    if isinstance(channels, bool) or not isinstance(channels, int) or channels < 1:
        raise ValueError(f"channels is {channels!r}; a whole number of at least 1 was expected")
    if not learned:
        raise ValueError(
            f"channels={channels} says how many values are learned, but none is; "
            "give learnable=True"
        )
    if activation.kind not in {"scalar", "complex"}:
        raise TypeError(f"{activation.name} does not work channel by channel; leave channels out")
