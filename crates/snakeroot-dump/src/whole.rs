//! Files that are whole or not there.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{DumpError, DumpErrorKind};

/// Writes a file so that nobody ever sees half of it.
///
/// `fill` writes into a file of another name in the same folder, which takes
/// the name `path` once all its bytes are on the disk. When anything fails,
/// that file is removed and what stood at `path` before still stands there.
///
/// # Errors
///
/// What `fill` gave, or why the file could not be made, named by `path`.
pub fn write_whole<T>(
    path: &Path,
    fill: impl FnOnce(&mut File) -> Result<T, DumpError>,
) -> Result<T, DumpError> {
    let at = |error: DumpError| error.at(path);
    let (target, mut file, temporary) = begin(path).map_err(at)?;
    let done = fill(&mut file)?;
    file.sync_all().map_err(|error| at(error.into()))?;
    drop(file);
    temporary.take_name(&target).map_err(|error| at(error.into()))?;
    // That the new name survives a power cut is asked for, not insisted on:
    // not every file system lets a folder be synced.
    #[cfg(unix)]
    if let Ok(folder) = File::open(folder_of(&target)) {
        let _ = folder.sync_all();
    }
    Ok(done)
}

/// Whether [`write_whole`] could write a file of `least` bytes there, before anything is
/// worked out for it.
///
/// # Errors
///
/// As [`write_whole`], and when the disk has less room than that.
pub fn check_place(path: &Path, least: u64) -> Result<(), DumpError> {
    let (target, ..) = begin(path).map_err(|error| error.at(path))?;
    // Where nobody can say what is free, writing will tell.
    #[cfg(unix)]
    if let Ok(found) = rustix::fs::statvfs(folder_of(&target)) {
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        // Some file systems count no blocks.
        if found.f_blocks > 0 && free < least {
            return Err(DumpError::from(DumpErrorKind::NoRoom { least, free }).at(path));
        }
    }
    Ok(())
}

fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The place that a path leads to, and a file beside it that may take its name.
fn begin(path: &Path) -> Result<(PathBuf, File, Temporary), DumpError> {
    // A link stays a link: what it leads to is replaced.
    let target = match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => fs::canonicalize(path)?,
        _ => path.to_owned(),
    };
    match fs::metadata(&target) {
        Ok(found) if found.is_dir() => return Err(DumpErrorKind::Directory.into()),
        Ok(found) if !found.is_file() => return Err(DumpErrorKind::Special.into()),
        _ => {}
    }
    let Some(name) = target.file_name() else {
        return Err(DumpErrorKind::Directory.into());
    };
    let folder = folder_of(&target);
    if !folder.is_dir() {
        return Err(DumpErrorKind::NoFolder(folder.to_owned()).into());
    }
    let (file, temporary) = create_beside(folder, name).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            DumpError::from(DumpErrorKind::Forbidden(folder.to_owned()))
        }
        _ => error.into(),
    })?;
    Ok((target, file, temporary))
}

/// A file that is removed when this is dropped, unless it took its name.
struct Temporary {
    path: PathBuf,
    kept: bool,
}

impl Temporary {
    fn take_name(mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn create_beside(folder: &Path, name: &std::ffi::OsStr) -> io::Result<(File, Temporary)> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let mut unfinished = OsString::from(".");
        // Names may be 255 bytes long on most file systems, and this one is longer.
        if name.len() < 200 {
            unfinished.push(name);
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        unfinished.push(format!(".{}-{number}.unfinished", std::process::id()));
        let path = folder.join(unfinished);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, Temporary { path, kept: false })),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}
