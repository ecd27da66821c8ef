"""Runs the Rust tests of snakeroot-walk, which link with libpython.

Not every interpreter comes with the library to link with; then this says so.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path


def main() -> int:
    folder = sysconfig.get_config_var("LIBDIR") or ""
    library = sysconfig.get_config_var("LDLIBRARY") or ""
    if not sysconfig.get_config_var("Py_ENABLE_SHARED") or not (Path(folder) / library).exists():
        print(f"snakeroot-walk's unit tests are left out: {sys.executable} has no {library or 'libpython'} to link with")
        return 0
    paths = [folder, os.environ.get("LD_LIBRARY_PATH", "")]
    environment = {
        **os.environ,
        "PYO3_PYTHON": sys.executable,
        "LD_LIBRARY_PATH": ":".join(path for path in paths if path),
    }
    command = ["cargo", "test", "--quiet", "-p", "snakeroot-walk", "--lib"]
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
