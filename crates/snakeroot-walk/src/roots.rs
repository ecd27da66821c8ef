//! The GC roots that the interpreter's own tables tell: modules.
//!
//! Threads are found with their frames, static types and immortal objects
//! while objects are read.

use pyo3::ffi;
use snakeroot::snapshot::{Root, RootKind};

use crate::layout;

/// The modules in `sys.modules` and that dict itself, each with its address.
///
/// # Safety
///
/// Attached; the addresses mean these objects until Python code runs.
pub(crate) unsafe fn of_interpreter() -> Vec<(usize, Root)> {
    let mut roots = Vec::new();
    // SAFETY: borrowed from the interpreter, which keeps them; going over a
    // dict compares nothing.
    unsafe {
        let modules = crate::ask::modules();
        if modules.is_null() {
            return roots;
        }
        let mut at = 0;
        let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
        while ffi::PyDict_Next(modules, &mut at, &mut key, &mut value) != 0 {
            if ffi::PyModule_Check(value) == 0 || ffi::PyUnicode_Check(key) == 0 {
                continue;
            }
            let mut name = Vec::new();
            layout::text::append(key, 400, &mut name);
            let name = String::from_utf8_lossy(&name).into_owned();
            let root = if name == "builtins" {
                Root::new(RootKind::Builtins, "")
            } else {
                Root::new(RootKind::Module, name)
            };
            roots.push((value as usize, root));
        }
        roots.push((modules as usize, Root::new(RootKind::Interpreter, "sys.modules")));
    }
    roots
}
