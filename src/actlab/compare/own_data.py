"""A user's own data: loaders, a function that makes them, or arrays.

`OwnData` gives the parts of a block. Arrays are split anew for each block; loaders are taken as
they are, and a function of a seed is called with that of the block. Where only training and test
batches came, a part of the training data is held out for validation.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset
from torch.utils.data.sampler import RandomSampler, SequentialSampler

from actlab.compare.batching import rows_of
from actlab.compare.code_digest import digest_of
from actlab.compare.draws import BATCHES, DATA, Draws, seed_of
from actlab.compare.problem import Parts
from actlab.errors import ActlabError, DataError

if TYPE_CHECKING:
    from actlab.compare.problem import Part
    from actlab.compare.study import Settings

__all__ = [
    "OwnData",
    "batches",
    "inputs_of",
    "joined_of",
    "rows_in",
    "target_of",
    "tensors_in",
]

_HELP: Final = (
    "(train, validation, test) loaders, a function of a seed that gives them, or arrays (X, y)"
)
EVALUATION_ROWS: Final = 256
"""Rows of arrays that are scored at once."""


class OwnData:
    """What the user gave as data.

    Args:
        given: loaders, arrays, a dataset of tensors, or a function that gives one of these.

    Raises:
        DataError: something else, in one sentence.
    """

    def __init__(self, given: Any) -> None:
        self._given = given
        self._seeded = callable(given) and not isinstance(given, Dataset) and _takes_seed(given)
        self._kept: tuple[tuple[int, int], Any] | None = None
        self.notes: list[str] = []
        """What was done to the data, in sentences; known after the first block was made."""

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_kept": None}

    def arrays_in(self, settings: Settings) -> bool:
        """Whether the data are arrays, which are split and cut into batches here."""
        self.parts(0, settings)
        return self._splits

    def parts(self, block: int, settings: Settings) -> Parts:
        """The parts of one block; the same ones whenever it is asked for."""
        key = (settings.seed, block)
        if self._kept is None or self._kept[0] != key:
            draws = Draws(settings.seed, block, DATA)
            with draws.used():
                self._kept = key, self._parts(seed_of(settings.seed, block, DATA), settings)
        parts: Parts = self._kept[1]
        return parts

    def _parts(self, seed: int, settings: Settings) -> Parts:
        given = self._given
        if callable(given) and not isinstance(given, Dataset):
            try:
                given = given(seed % 2**31) if self._seeded else given()
            except ActlabError:
                raise
            except Exception as error:
                raise DataError(
                    f"{_named(self._given)} failed: {type(error).__name__}: {error}"
                ) from error
        if isinstance(given, TensorDataset):
            given = given.tensors
        self._splits = _are_arrays(given)
        if self._splits:
            return self._of_arrays(given, seed, settings)
        return self._of_loaders(given, seed, settings)

    _splits = False

    # --- arrays -------------------------------------------------------------------------------

    def _of_arrays(self, given: Any, seed: int, settings: Settings) -> Parts:
        tensors = tuple(_tensor(array) for array in given)
        rows = len(tensors[0])
        if any(len(tensor) != rows for tensor in tensors):
            shown = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
            raise DataError(f"the arrays have different numbers of rows; their shapes are {shown}")
        test, validation = (
            int(share * rows) for share in (settings.test_share, settings.validation_share)
        )
        if min(test, validation) < 1:
            raise DataError(
                f"the data have {rows} rows; at least 5 are needed for training, validation and "
                "test"
            )
        order = torch.from_numpy(np.random.default_rng(seed).permutation(rows))
        cuts = (order[test + validation :], order[test : test + validation], order[:test])
        self.notes = [
            "The arrays are split anew for each block, and the model sees them as they are: "
            "nothing is standardised."
        ]
        return Parts(*(tuple(tensor[cut] for tensor in tensors) for cut in cuts))

    # --- loaders ------------------------------------------------------------------------------

    def _of_loaders(self, given: Any, seed: int, settings: Settings) -> Parts:
        if not isinstance(given, list | tuple) or len(given) not in {2, 3}:
            raise DataError(f"the data are {_described(given)}; expected were {_HELP}")
        for name, loader in zip(_NAMES[len(given)], given, strict=True):
            _check_loader(name, loader)
        given = [list(part) if isinstance(part, tuple) else part for part in given]
        self.notes = []
        if not self._seeded:
            self.notes = [
                "Every block has the same training and test data and differs in its seed alone: "
                "the verdict holds for these data. A function of a seed that gives the loaders "
                "would vary the data as well."
            ]
        if len(given) == 3:
            return Parts(*given)
        train, test = given
        share = settings.validation_share
        self.notes.append(f"{share:.0%} of the training data are held out for validation.")
        return Parts(*_held_out(train, seed, share), test)

    # --- what they are ------------------------------------------------------------------------

    def fingerprint(self, settings: Settings) -> str:
        """SHA-256 of every number of the first block, and of the code that makes the others."""
        digest = hashlib.sha256(repr(self._seeded).encode())
        if callable(self._given) and not isinstance(self._given, Dataset):
            digest.update(digest_of(self._given).encode())
        parts = self.parts(0, settings)
        for part in (parts.train, parts.validation, parts.test):
            with Draws(settings.seed, 0, BATCHES).used():
                for batch in part if not isinstance(part, tuple) else [part]:
                    for tensor in tensors_in(batch):
                        digest.update(repr((tensor.dtype, tuple(tensor.shape))).encode())
                        digest.update(_bytes(tensor))
        return digest.hexdigest()


_NAMES: Final = {3: ("training", "validation", "test"), 2: ("training", "test")}


def _takes_seed(function: Callable[..., Any]) -> bool:
    """Whether a function wants a seed; one without parameters gives the same data always."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return False
    return any(p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD} for p in parameters)


def _are_arrays(given: Any) -> bool:
    return (
        isinstance(given, list | tuple)
        and len(given) > 1
        and all(_is_array(item) for item in given)
    )


def _is_array(item: Any) -> bool:
    return isinstance(item, Tensor | np.ndarray) or hasattr(item, "__array__")


def _tensor(array: Any) -> Tensor:
    tensor = array if isinstance(array, Tensor) else _from_numpy(np.asarray(array))
    if tensor.dim() == 0:
        raise DataError("an array of the data is a single number; rows were expected")
    if tensor.is_floating_point():
        return tensor.detach().to(torch.float32)
    return tensor if tensor.dtype == torch.bool else tensor.to(torch.int64)


def _from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    if array.dtype.kind not in "fiub":
        raise DataError(f"an array of the data holds {array.dtype}; numbers were expected")
    return torch.from_numpy(np.array(array))  # a copy: a frame may hand out what is read only


def _check_loader(name: str, loader: Any) -> None:
    if not isinstance(loader, Iterable):
        raise DataError(f"the {name} data are {_described(loader)}; batches were expected")
    if isinstance(loader, Iterator):
        raise DataError(
            f"the {name} data are {_described(loader)}, which can be gone through once only; give "
            "a list of batches or a DataLoader, which every epoch can go through again"
        )


def _held_out(train: Any, seed: int, share: float) -> tuple[Part, Part]:
    """Training batches without, and with, what is held out."""
    generator = np.random.default_rng(seed)
    if isinstance(train, list | tuple):
        count = max(1, int(share * len(train)))
        if len(train) < 2:
            raise DataError(
                "the training data are one batch, of which none can be held out for validation; "
                "give (train, validation, test)"
            )
        held = set(generator.permutation(len(train))[:count].tolist())
        kept = [batch for i, batch in enumerate(train) if i not in held]
        return kept, [batch for i, batch in enumerate(train) if i in held]
    plain = isinstance(train, DataLoader) and not isinstance(train.dataset, IterableDataset)
    if not plain or not isinstance(train.sampler, RandomSampler | SequentialSampler):
        raise DataError(
            f"no part of the training data ({_described(train)}) can be held out for validation; "
            "give (train, validation, test)"
        )
    order = generator.permutation(len(train.dataset)).tolist()
    count = int(share * len(order))
    if not 1 <= count < len(order):
        raise DataError(
            f"the training data have {len(order)} rows, too few to hold any out for validation"
        )
    shuffled = isinstance(train.sampler, RandomSampler)
    return (
        _loader_like(train, sorted(order[count:]), shuffle=shuffled),
        _loader_like(train, sorted(order[:count]), shuffle=False),
    )


def _loader_like(loader: Any, rows: list[int], *, shuffle: bool) -> DataLoader[Any]:
    return DataLoader(
        Subset(loader.dataset, rows),
        batch_size=loader.batch_size,
        shuffle=shuffle,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        drop_last=loader.drop_last and shuffle,
    )


# --- batches --------------------------------------------------------------------------------------


def batches(part: Part) -> Iterator[Any]:
    """A part to be scored, in its own order."""
    if isinstance(part, tuple) and all(isinstance(tensor, Tensor) for tensor in part):
        yield from zip(*(tensor.split(EVALUATION_ROWS) for tensor in part), strict=True)
    else:
        yield from part


def inputs_of(batch: Any) -> tuple[Any, ...]:
    """All but the last of a batch; a batch of one is input and target."""
    if isinstance(batch, list | tuple):
        return tuple(batch[:-1]) if len(batch) > 1 else tuple(batch)
    return (batch,)


def target_of(batch: Any) -> Any:
    """The last of a batch."""
    return batch[-1] if isinstance(batch, list | tuple) else batch


def rows_in(part: Part) -> int:
    """Number of rows of a part."""
    return sum(rows_of(batch) for batch in batches(part))


def joined_of(values: list[Any]) -> Any:
    """Outputs or targets of all batches as one tensor; a list where they are no tensors."""
    return torch.cat(values) if values and all(isinstance(v, Tensor) for v in values) else values


def tensors_in(batch: Any) -> Iterator[Tensor]:
    """Every tensor of a batch, in order; arrays and numbers become tensors."""
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, dict):
        for key in sorted(batch, key=str):
            yield from tensors_in(batch[key])
    elif isinstance(batch, list | tuple):
        for item in batch:
            yield from tensors_in(item)
    elif isinstance(batch, np.ndarray | int | float | bool):
        yield torch.as_tensor(batch)


def _bytes(tensor: Tensor) -> bytes:
    data: bytes = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    return data


def _described(thing: Any) -> str:
    kind = type(thing).__name__
    if isinstance(thing, list | tuple):
        return f"a {kind} of {len(thing)}"
    return f"a {kind}" if kind[0].lower() not in "aeiou" else f"an {kind}"


def _named(function: Any) -> str:
    return getattr(function, "__qualname__", type(function).__name__)
