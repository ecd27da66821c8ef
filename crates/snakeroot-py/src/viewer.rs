//! Where a picture is shown when nobody said where it goes.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Whether a notebook, or another front end of IPython that paints, shows what comes back.
pub(crate) fn is_notebook(py: Python<'_>) -> PyResult<bool> {
    let modules = snakeroot_walk::of_sys(py, c"modules");
    let Some(Ok(modules)) = modules.map(|modules| modules.cast_into::<PyDict>()) else {
        return Ok(false);
    };
    let Some(ipython) = modules.get_item("IPython")? else {
        return Ok(false);
    };
    let Ok(shell) = ipython.call_method0("get_ipython") else {
        return Ok(false);
    };
    if shell.is_none() {
        return Ok(false);
    }
    let name = shell.get_type().name()?;
    // Shells of terminals show text only; PyCharm's has a name of its own that ends so.
    Ok(!name.to_string_lossy().contains("TerminalInteractiveShell"))
}

/// A name in the folder for temporary files that no file has yet.
pub(crate) fn temporary(ending: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("snakeroot-{}-{:x}-{count}.{ending}", std::process::id(), now.as_micros());
    env::temp_dir().join(name)
}

/// Opens a file with the desktop's own viewer, if there is a display; waits for nothing.
pub(crate) fn open(path: &Path) {
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") {
        "xdg-open"
    } else {
        return;
    };
    let quiet = || Stdio::null();
    let mut command = Command::new(program);
    command.arg(path).stdin(quiet()).stdout(quiet()).stderr(quiet());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    // Without such a program the name that was printed is all there is.
    if let Ok(mut viewer) = command.spawn() {
        let reaper = std::thread::Builder::new().name("snakeroot viewer".into());
        // Where no thread can be had the process that ends is one that is not asked for.
        let _ = reaper.spawn(move || viewer.wait());
    }
}
