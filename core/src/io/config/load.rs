//! Reads the files that configuration is in.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Config, MOST_BYTES, Sources, Text, is_toml, properties, read};

/// Reads a file and everything it names, with the environment and the flags, and looks at what is
/// there: addresses, directories, keys. Nothing is made or changed.
///
/// # Errors
/// The file itself cannot be read; everything else is among the problems.
pub fn load(
    file: Option<&Path>,
    environment: Vec<(String, String)>,
    flags: Vec<(String, String)>,
) -> io::Result<Config> {
    let file = match file {
        Some(path) => {
            let bytes = contents(path).map_err(|error| with_name(path, &error))?;
            Some(Text { name: path.display().to_string(), bytes })
        }
        None => None,
    };
    let dynamic = file.as_ref().filter(|file| !is_toml(&file.name)).and_then(dynamic);
    let mut config = read(&Sources { file, dynamic, environment, flags });
    config.check_outside();
    Ok(config)
}

/// What `dynamicConfigFile` names, if it can be read.
fn dynamic(file: &Text) -> Option<Text> {
    let (properties, _) = properties::read(&file.bytes);
    let named = properties.into_iter().rev().find(|it| it.key == "dynamicConfigFile")?;
    let path = PathBuf::from(&named.value);
    Some(Text { bytes: contents(&path).ok()?, name: named.value })
}

/// All of a file, if it is no longer than such files are.
pub(super) fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MOST_BYTES {
        let text =
            format!("the file is longer than {MOST_BYTES} bytes, and cannot be a configuration");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

fn with_name(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
