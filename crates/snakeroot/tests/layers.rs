//! Holds the arrows between modules and between crates: a convention that no
//! machine keeps is a wish.

use std::fs;
use std::path::{Path, PathBuf};

/// From the lowest layer to the highest. A layer knows itself and those below.
const LAYERS: [&str; 7] = ["parallel", "watch", "id", "snapshot", "graph", "analysis", "view"];

/// The crates of this project that each crate may depend on.
const CRATES: [(&str, &[&str]); 6] = [
    ("snakeroot", &[]),
    ("snakeroot-dump", &["snakeroot"]),
    ("snakeroot-draw", &["snakeroot"]),
    ("snakeroot-walk", &["snakeroot", "snakeroot-dump"]),
    ("snakeroot-cli", &["snakeroot", "snakeroot-dump", "snakeroot-draw"]),
    (
        "snakeroot-py",
        &["snakeroot", "snakeroot-dump", "snakeroot-draw", "snakeroot-walk", "snakeroot-cli"],
    ),
];

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The code of a file without its comments.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// The layer that a file belongs to; `None` for `lib.rs`, which joins them.
fn layer_of(file: &Path) -> Option<usize> {
    let path = file.strip_prefix(source()).unwrap();
    let first = path.iter().next()?.to_str()?.trim_end_matches(".rs");
    LAYERS.iter().position(|&layer| layer == first)
}

/// The words that follow each `crate::` or, in a group, each part of `crate::{…}`.
fn names_of_crate_paths(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if code[..at].ends_with('$') {
            continue;
        }
        match rest.strip_prefix('{') {
            None => names.push(first_word(rest)),
            Some(group) => {
                let mut depth = 1;
                let mut at_name = true;
                for (place, sign) in group.char_indices() {
                    match sign {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 1 => at_name = true,
                        sign if at_name && !sign.is_whitespace() => {
                            names.push(first_word(&group[place..]));
                            at_name = false;
                        }
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
        }
    }
    names
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|sign| sign.is_alphanumeric() || *sign == '_').collect()
}

#[test]
fn modules_know_only_the_layers_below() {
    let mut checked = 0;
    for file in rust_files(&source()) {
        let Some(layer) = layer_of(&file) else {
            continue;
        };
        for name in names_of_crate_paths(&code(&file)) {
            let Some(other) = LAYERS.iter().position(|&layer| layer == name) else {
                panic!("{}: `crate::{name}` hides which layer it is from", file.display());
            };
            assert!(other <= layer, "{}: {} must not know {name}", file.display(), LAYERS[layer]);
            checked += 1;
        }
    }
    assert!(checked > 20, "found only {checked} paths: is the source elsewhere?");
}

#[test]
fn every_module_has_a_layer() {
    let lib = code(&source().join("lib.rs"));
    let modules = lib.lines().filter_map(|line| line.trim().strip_prefix("pub mod "));
    let mut modules: Vec<&str> = modules.map(|name| name.trim_end_matches(';')).collect();
    let mut layers = LAYERS;
    modules.sort_unstable();
    layers.sort_unstable();
    assert_eq!(modules, layers);
}

#[test]
fn this_crate_prints_nothing_and_opens_no_file() {
    for file in rust_files(&source()) {
        let code = code(&file);
        for word in [
            "print!",
            "println!",
            "std::fs",
            "process::Command",
            "process::exit",
            "std::net",
            "unsafe {",
        ] {
            assert!(!code.contains(word), "{}: found `{word}`", file.display());
        }
    }
}

#[test]
fn crates_depend_one_way() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for entry in fs::read_dir(crates).unwrap() {
        let folder = entry.unwrap().path();
        let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) else {
            continue;
        };
        let name = folder.file_name().unwrap().to_str().unwrap();
        let known = CRATES.iter().find(|(known, _)| *known == name);
        let Some((_, allowed)) = known else {
            panic!("{name}: expected a crate that CRATES says what it may know of");
        };
        for dependency in dependencies(&manifest) {
            let is_ours = dependency.starts_with("snakeroot");
            assert!(
                !is_ours || allowed.contains(&dependency.as_str()),
                "{name} must not know {dependency}"
            );
            let needs_python = dependency.starts_with("pyo3");
            assert!(
                !needs_python || ["snakeroot-walk", "snakeroot-py"].contains(&name),
                "{name} must not know Python, found {dependency}"
            );
        }
    }
}

#[test]
fn files_are_written_without_knowing_an_analysis_or_a_view() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let files = rust_files(&crates.join("snakeroot-dump/src"));
    assert!(files.len() > 10, "found only {} files: is the source elsewhere?", files.len());
    for file in files {
        // What stands below is for tests only, which may compare with anything.
        let code = code(&file);
        let code = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for word in ["snakeroot::analysis", "snakeroot::view", "analysis::", "view::"] {
            assert!(!code.contains(word), "{}: found `{word}`", file.display());
        }
    }
}

/// The names below each `[dependencies]`; those for tests only may be any.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            inside = section == "dependencies"
                || section.starts_with("target.") && section.ends_with(".dependencies");
            names.extend(section.strip_prefix("dependencies.").map(str::to_string));
        } else if inside && !line.starts_with('#') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or("");
            if !name.is_empty() {
                names.push(name.to_string());
            }
        }
    }
    names
}
