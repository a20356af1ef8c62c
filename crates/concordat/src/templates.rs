//! The templates: those compiled in from `contracts/`, or those of a folder.

use std::path::{Path, PathBuf};

use concordat_model::contract::ContractDocument;
use concordat_model::document::{self, Notation};
use concordat_model::problem::Problems;
use concordat_model::template::Templates;

use crate::cli::document::{Document, DocumentError};

/// The sample contracts, by the file that they were read from.
const STANDARD: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// Templates that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum TemplatesError {
    /// The folder cannot be read.
    #[error("the contracts in `{}` cannot be listed: {why}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        why: std::io::Error,
    },
    /// A contract cannot be read, or is wrong.
    #[error(transparent)]
    Contract(#[from] DocumentError),
    /// A contract that is compiled in is wrong.
    #[error("the contract compiled in from `{file}` is wrong: {problems}")]
    Standard {
        /// The file.
        file: &'static str,
        /// What is wrong.
        problems: Problems,
    },
}

/// The templates that Concordat comes with.
///
/// # Errors
/// None: a test proves that the contracts compiled in are in order.
pub fn standard() -> Result<Templates, TemplatesError> {
    let mut templates = Templates::default();
    for (file, text) in STANDARD {
        let contract: ContractDocument = document::read(text.as_bytes(), Notation::Yaml)
            .map_err(|problems| TemplatesError::Standard { file, problems })?;
        templates.add(contract);
    }
    Ok(templates)
}

/// The templates of a folder: each `NAME/contract.yaml` in it.
///
/// # Errors
/// The folder cannot be listed, or a contract is wrong.
pub fn of_folder(folder: &Path) -> Result<Templates, TemplatesError> {
    let failed = |why| TemplatesError::Folder { folder: folder.to_owned(), why };
    let mut templates = Templates::default();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let file = entry.map_err(failed)?.path().join("contract.yaml");
        if file.is_file() {
            let document = Document::read(&file.to_string_lossy())?;
            let contract: ContractDocument = document::read(&document.bytes, document.notation)
                .map_err(|problems| document.wrong(problems))?;
            templates.add(contract);
        }
    }
    Ok(templates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_compiled_in_are_in_order() {
        let templates = standard().unwrap();
        assert_eq!(templates.all().count(), STANDARD.len(), "two contracts share a name and version");
    }

    #[test]
    fn a_folder_of_contracts_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("contract.yaml"), text).unwrap();
        };
        std::fs::create_dir(folder.path().join("cases")).unwrap();
        put(
            "a",
            "apiVersion: concordat/v1\nkind: Contract\nmetadata: {name: a}\nspec:\n  objective: x\n  steps: [{id: s, skill: k}]\n",
        );
        assert_eq!(of_folder(folder.path()).unwrap().all().count(), 1);
        put("b", "kind: Contract\ncolour: red\n");
        assert!(of_folder(folder.path()).unwrap_err().to_string().contains("colour"));
        assert!(
            of_folder(&folder.path().join("nowhere")).unwrap_err().to_string().contains("cannot be listed")
        );
    }
}
