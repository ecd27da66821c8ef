//! Lets `cfg(Py_3_12)` and its like tell which CPython the crate is built for.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
