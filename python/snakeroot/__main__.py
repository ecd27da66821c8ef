"""The ``snakeroot`` command: ``python -m snakeroot`` is the same program."""

import sys

from . import _snakeroot


def main() -> int:
    """Run the command on ``sys.argv`` and return its exit code."""
    try:
        return _snakeroot.main(["snakeroot", *sys.argv[1:]])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
