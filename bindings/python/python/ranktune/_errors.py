"""The exceptions of ranktune. Their texts are those of the command line."""

from __future__ import annotations

__all__ = ["Error", "FileError", "InputError", "InternalError"]


class Error(Exception):
    """Something that ranktune could not do; the text says what was expected, what was found, and what to try."""


class InputError(Error, ValueError):
    """The arguments or the input are unusable."""


class FileError(Error, OSError):
    """A file or folder cannot be found, read or written."""


class InternalError(Error, RuntimeError):
    """A fault of ranktune itself."""


for _class in (Error, FileError, InputError, InternalError):
    _class.__module__ = "ranktune"
