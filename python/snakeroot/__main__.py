"""The ``snakeroot`` command: ``python -m snakeroot`` is the same program."""

import signal
import sys

from . import _snakeroot


def main() -> int:
    """Run the command on ``sys.argv`` and return its exit code."""
    try:
        # No handler in Python runs while the native half works, so Ctrl-C ends the process as it ends others.
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            return _snakeroot.main(["snakeroot", *sys.argv[1:]])
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            return _snakeroot.main(["snakeroot", *sys.argv[1:]])
        finally:
            signal.signal(signal.SIGINT, before)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
