"""The program ``ranktune``: ``python -m ranktune``."""

from __future__ import annotations

import sys

from . import _ranktune


def main() -> None:
    """Run the command line of this process and end it with the exit code."""
    sys.exit(_ranktune.main(["ranktune", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
