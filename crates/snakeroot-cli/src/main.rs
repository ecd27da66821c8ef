//! The `snakeroot` command without Python: everything but `doctor`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(snakeroot_cli::run(std::env::args_os(), None))
}
