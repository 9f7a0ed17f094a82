"""What a rule accepts as a sample: every function returns a checked array or says which value is wrong."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def finite(values: npt.ArrayLike, name: str) -> Floats:
    """Return ``values`` as a one-dimensional float array; EvidenceProblem on a NaN, an infinity or another shape."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise EvidenceProblem(f"{name} is not a list of numbers", found=f"shape {array.shape}")
    wrong = np.flatnonzero(~np.isfinite(array))
    if wrong.size:
        raise EvidenceProblem(
            f"{name} holds a value that is not a number",
            where=f"position {wrong[0]} of {array.size}",
            found=str(array[wrong[0]]),
            possible="a value that could not be measured is left out, with its reason",
        )
    return array


def non_negative(values: npt.ArrayLike, name: str) -> Floats:
    """Return ``values`` as `finite` does; EvidenceProblem on a negative one."""
    array = finite(values, name)
    wrong = np.flatnonzero(array < 0)
    if wrong.size:
        raise EvidenceProblem(
            f"{name} holds a negative value", where=f"position {wrong[0]} of {array.size}", found=str(array[wrong[0]])
        )
    return array


def positive(values: npt.ArrayLike, name: str) -> Floats:
    """Return ``values`` as `finite` does; EvidenceProblem on a zero or a negative one."""
    array = non_negative(values, name)
    wrong = np.flatnonzero(array == 0)
    if wrong.size:
        raise EvidenceProblem(
            f"{name} holds a zero",
            where=f"position {wrong[0]} of {array.size}",
            possible="a value that could not be measured is left out, with its reason",
        )
    return array


def rising(stamps: npt.ArrayLike, name: str) -> Floats:
    """Return ``stamps`` as `non_negative` does; EvidenceProblem where one is earlier than the one before it."""
    array = non_negative(stamps, name)
    back = np.flatnonzero(np.diff(array) < 0)
    if back.size:
        at = int(back[0]) + 1
        raise EvidenceProblem(
            f"{name} goes back in time",
            where=f"position {at} of {array.size}",
            found=f"{array[at]:.15g} after {array[at - 1]:.15g}",
            possible="instants of one monotonic clock, in the order they were taken",
        )
    return array


def same_length(**arrays: npt.NDArray[np.generic]) -> None:
    """Return when all arrays have one length; EvidenceProblem names the lengths otherwise."""
    lengths = {name: array.shape[0] for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise EvidenceProblem(
            "Arrays that belong together differ in length",
            found=", ".join(f"{name}: {length}" for name, length in lengths.items()),
        )
