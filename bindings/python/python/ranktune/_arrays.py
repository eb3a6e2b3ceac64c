"""Arrays of any kind, described for the compiled part: a path, or a type, a shape and bytes. No copy where none is needed."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Union

from ._errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    #: What the compiled part takes: a path, or the name, the type, whether columns come first, the shape, and the bytes.
    Given = Union[str, tuple[str, str, bool, list[int], npt.NDArray[np.uint8]]]

__all__ = ["given"]


def given(name: str, array: Any) -> Given:
    """Describe an array, or name the file that holds it.

    Parameters
    ----------
    name : str
        What errors call it.
    array : array, tensor, data frame, sequence, str or path
        A path may end in ``:NAME`` for one array of several in a file.

    Raises
    ------
    InputError
        Sparse or masked arrays, and Python objects that are not all texts or all numbers.
    """
    if isinstance(array, (str, os.PathLike)):
        return os.fsdecode(array)
    if hasattr(array, "toarray") and hasattr(array, "nnz"):
        raise InputError(f"{name}: sparse matrices are not supported; pass {name}.toarray() if it fits in memory")
    if _is_of(array, "torch"):
        return _of_tensor(name, array)
    return _of_numpy(name, as_numpy(array))


def as_numpy(array: Any) -> npt.NDArray[Any]:
    """An array of NumPy with the same numbers, without a copy where there is one already."""
    import numpy as np

    if isinstance(array, np.ndarray):
        return array
    if hasattr(array, "to_numpy"):
        found = array.to_numpy()
    elif hasattr(array, "__array__") or not hasattr(array, "__dlpack__"):
        found = np.asarray(array)
    else:
        found = np.from_dlpack(array)
    return np.asarray(found)


def _is_of(array: Any, module: str) -> bool:
    return type(array).__module__.split(".")[0] == module and module in sys.modules


def _of_tensor(name: str, tensor: Any) -> Given:
    """A tensor of PyTorch. NumPy has no bfloat16, so its bits are described."""
    import torch

    if tensor.layout != torch.strided:
        raise InputError(f"{name}: sparse tensors are not supported; pass {name}.to_dense() if it fits in memory")
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        kind, _, column_major, shape, flat = _of_numpy(name, tensor.view(torch.int16).numpy())
        return kind, "bf16", column_major, shape, flat
    return _of_numpy(name, tensor.numpy())


def _of_numpy(name: str, array: npt.NDArray[Any]) -> tuple[str, str, bool, list[int], npt.NDArray[np.uint8]]:
    import numpy as np

    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise InputError(f"{name}: has masked values; leave these samples out")
    array = np.asarray(array)
    if array.dtype == object or array.dtype.kind == "T":
        array = _of_objects(name, array)
    column_major = array.ndim == 2 and array.flags.f_contiguous and not array.flags.c_contiguous
    elements = array.T if column_major else np.ascontiguousarray(array)
    if array.dtype.itemsize and array.size:
        flat = elements.reshape(-1).view(np.uint8)
    else:
        flat = np.empty(0, np.uint8)
    return name, array.dtype.str, column_major, list(array.shape), flat


def _of_objects(name: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Texts, or numbers, that are kept as Python's objects."""
    import numpy as np

    values = array.ravel().tolist()
    for row, value in enumerate(values):
        if value is None or value != value or type(value).__name__ in ("NAType", "NaTType"):
            raise InputError(f"{name}: has no value at index {row}; leave samples without one out")
    for kinds, kind in (((str,), str), ((bool, np.bool_), bool), ((int, np.integer), np.int64)):
        if all(isinstance(value, kinds) for value in values):
            return array.astype(kind)
    if all(isinstance(value, (int, float, np.integer, np.floating)) for value in values):
        return array.astype(np.float64)
    found = sorted({type(value).__name__ for value in values})
    raise InputError(f"{name}: expected texts or numbers, found objects of type {', '.join(found)}; give one type")
