//! Policy bundles from folders, bounded before anything parses them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use concordat_policy::bundle::archive::{self, ArchiveError, Trusted};
use concordat_policy::bundle::{DATA, MANIFEST, MOST_BYTES, MOST_FILES, MOST_TOTAL};
use concordat_policy::{Bundle, BundleError};

/// How deep a folder of policies may nest: what is deeper is a loop of links, or a mistake.
const DEEPEST: usize = 8;

/// A folder that holds no policy bundle.
#[derive(Debug, thiserror::Error)]
pub enum PoliciesError {
    /// A file or folder cannot be read.
    #[error("`{}` cannot be read: {why}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// There are no policies in the folder.
    #[error("the folder `{}` holds no `.rego` file", folder.display())]
    Empty {
        /// The folder.
        folder: PathBuf,
    },
    /// The files make no bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The archive gives no files.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// The bundle of a folder and of the folders in it: every `.rego` file and `data.json`, and the `.manifest`.
///
/// # Errors
/// A file cannot be read, or the files make no bundle.
pub fn of_folder(folder: &Path) -> Result<Bundle, PoliciesError> {
    Ok(Bundle::from_files(files_of(folder)?)?)
}

/// The files of a folder that belong to a bundle, as they are.
///
/// # Errors
/// A file cannot be read, or there is no Rego among them.
pub fn files_of(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, PoliciesError> {
    let mut files = Vec::new();
    collect(folder, "", 0, &mut files)?;
    if !files.iter().any(|(path, _)| path.ends_with(".rego")) {
        return Err(PoliciesError::Empty { folder: folder.to_owned() });
    }
    Ok(files)
}

/// The bytes of an archive, as they are.
///
/// # Errors
/// The file cannot be read.
pub fn archive_at(path: &Path) -> Result<Vec<u8>, PoliciesError> {
    read(path, archive::MOST_ARCHIVE)
}

/// The files of a folder or of an archive that belong to a bundle, as they are.
///
/// # Errors
/// A file cannot be read, there is no Rego among them, or the archive or its signature is refused.
pub fn files_at(path: &Path, trusted: &Trusted) -> Result<Vec<(String, Vec<u8>)>, PoliciesError> {
    if path.is_dir() {
        return files_of(path);
    }
    Ok(archive::files(&archive_at(path)?, trusted)?)
}

fn collect(
    folder: &Path,
    prefix: &str,
    depth: usize,
    files: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), PoliciesError> {
    let unreadable = |why| PoliciesError::Unreadable { path: folder.to_owned(), why };
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?.path());
    }
    entries.sort();
    for path in entries {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let manifest = prefix.is_empty() && name == MANIFEST;
        if name.starts_with('.') && !manifest {
            continue;
        }
        let rego = name.ends_with(".rego");
        if path.is_dir() && depth < DEEPEST {
            collect(&path, &format!("{prefix}{name}/"), depth + 1, files)?;
        } else if (rego || manifest || name == DATA) && path.is_file() && files.len() <= MOST_FILES {
            files.push((format!("{prefix}{name}"), read(&path, if rego { MOST_BYTES } else { MOST_TOTAL })?));
        }
    }
    Ok(())
}

/// One byte more than a file may have is enough to refuse it.
fn read(path: &Path, most: usize) -> Result<Vec<u8>, PoliciesError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes))
        .map_err(|why| PoliciesError::Unreadable { path: path.to_owned(), why })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_folder_is_the_standard_bundle() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
        assert_eq!(of_folder(&folder).unwrap(), Bundle::standard());
    }

    #[test]
    fn folders_without_a_bundle_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let told = || of_folder(folder.path()).unwrap_err().to_string();
        assert!(told().contains("holds no `.rego` file"));
        std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
        assert!(told().contains("holds no `.rego` file"));
        std::fs::write(folder.path().join("a.rego"), vec![b'#'; MOST_BYTES * 2]).unwrap();
        assert!(told().contains("the most is 65536"));
        assert!(
            of_folder(&folder.path().join("nowhere")).unwrap_err().to_string().contains("cannot be read")
        );
    }
}
