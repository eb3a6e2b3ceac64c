//! Finds copies of ONNX Runtime on this machine.
//!
//! Most people have ONNX Runtime through Python: `pip install onnxruntime` puts the library of the C interface into
//! `site-packages/onnxruntime/capi`. That folder is found without starting Python, from the environment's variables and from
//! the links behind `python3` on the `PATH`.
//!
//! Loading a library runs its code, so nothing below the current folder is loaded unless the user names it.

use std::collections::HashSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The environment of the Python that runs this process. A process has one Python, and loads one library.
static HOST_ENVIRONMENT: OnceLock<PathBuf> = OnceLock::new();

/// Says that this process is run by the Python whose environment has this prefix (`sys.prefix`): its packages are searched before those
/// of any other Python. The first call counts.
pub fn set_host_environment(prefix: PathBuf) {
    let _ = HOST_ENVIRONMENT.set(prefix);
}

/// The variable that names the library. If it is set, no other place is searched.
pub const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";

/// The part of the process's environment that decides where a library is searched for.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// `ORT_DYLIB_PATH`.
    pub library: Option<PathBuf>,
    /// The folder of the running program.
    pub program_folder: Option<PathBuf>,
    /// The environment of the Python that runs this process, `VIRTUAL_ENV`, `CONDA_PREFIX`.
    pub environments: Vec<PathBuf>,
    /// `PATH`, then the loader's own list (`LD_LIBRARY_PATH`, `DYLD_LIBRARY_PATH`).
    pub search_path: Vec<PathBuf>,
    /// The loader's own list.
    pub library_path: Vec<PathBuf>,
    /// `PYENV_VERSION`.
    pub pyenv_version: Option<OsString>,
    /// The home folder.
    pub home: Option<PathBuf>,
    /// Library folders of the system.
    pub system: Vec<PathBuf>,
}

impl Surroundings {
    /// The environment of this process.
    pub fn of_this_process() -> Self {
        let path = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let list = |name: &str| env::var_os(name).map_or_else(Vec::new, |value| env::split_paths(&value).collect());
        let library_path = if cfg!(target_os = "macos") {
            list("DYLD_LIBRARY_PATH")
        } else if cfg!(windows) {
            list("PATH")
        } else {
            list("LD_LIBRARY_PATH")
        };
        let system: &[&str] = if cfg!(target_os = "macos") {
            &["/opt/homebrew/lib", "/usr/local/lib"]
        } else if cfg!(windows) {
            &[]
        } else {
            &[
                "/usr/local/lib",
                "/usr/lib/x86_64-linux-gnu",
                "/usr/lib/aarch64-linux-gnu",
                "/usr/lib64",
                "/usr/lib",
                "/opt/onnxruntime/lib",
            ]
        };
        Self {
            library: path(LIBRARY_VARIABLE),
            program_folder: env::current_exe()
                .ok()
                .and_then(|program| Some(program.parent()?.to_owned())),
            environments: HOST_ENVIRONMENT
                .get()
                .cloned()
                .into_iter()
                .chain(["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(path))
                .collect(),
            search_path: list("PATH"),
            library_path,
            pyenv_version: env::var_os("PYENV_VERSION").filter(|value| !value.is_empty()),
            home: env::home_dir(),
            system: system.iter().map(PathBuf::from).collect(),
        }
    }
}

/// Files that may hold ONNX Runtime, the likeliest first and each once. If `ORT_DYLIB_PATH` is set, that file alone, whether or
/// not it exists. Otherwise beside the program, in the active Python environment, in that of `python3`, in the user's packages,
/// in the loader's folders.
pub fn candidates(surroundings: &Surroundings) -> Vec<PathBuf> {
    if let Some(library) = &surroundings.library {
        return vec![library.clone()];
    }
    let mut found = Vec::new();
    if let Some(folder) = &surroundings.program_folder {
        found.extend(libraries_in(folder));
    }
    for prefix in &surroundings.environments {
        found.extend(libraries_under_prefix(prefix));
    }
    for prefix in python_prefixes(surroundings) {
        found.extend(libraries_under_prefix(&prefix));
    }
    if let Some(home) = &surroundings.home {
        found.extend(libraries_under_prefix(&home.join(".local")));
        for version in subfolders(&home.join("Library/Python"), "3.") {
            found.extend(libraries_in(&version.join("lib/python/site-packages").join(CAPI)));
        }
        for version in subfolders(&home.join("AppData/Roaming/Python"), "Python3") {
            found.extend(libraries_in(&version.join("site-packages").join(CAPI)));
        }
    }
    for folder in surroundings.library_path.iter().chain(&surroundings.system) {
        found.extend(libraries_in(folder));
    }
    let mut seen = HashSet::new();
    found.retain(|file| seen.insert(fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
    found
}

/// The folder of the library below `site-packages`.
const CAPI: &str = "onnxruntime/capi";

/// Libraries of ONNX Runtime in one folder, the newest version first.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .filter_map(|name| Some((version_of_library(name.to_str()?)?, name)))
        .collect();
    files.sort_by(|a, b| b.cmp(a));
    files.into_iter().map(|(_, name)| folder.join(name)).collect()
}

/// The version in a library's file name (empty if it holds none), or `None` for another file:
/// `libonnxruntime.so.1.22.0`, `libonnxruntime.1.22.0.dylib`, `onnxruntime.dll`.
fn version_of_library(name: &str) -> Option<Vec<u32>> {
    let version = if cfg!(windows) {
        name.eq_ignore_ascii_case("onnxruntime.dll").then_some("")?
    } else if cfg!(target_os = "macos") {
        name.strip_prefix("libonnxruntime")?.strip_suffix(".dylib")?
    } else {
        name.strip_prefix("libonnxruntime.so")?
    };
    if version.is_empty() {
        return Some(Vec::new());
    }
    version
        .strip_prefix('.')?
        .split('.')
        .map(|part| part.parse().ok())
        .collect()
}

/// Libraries in the packages of the Python whose prefix this is, and in the prefix itself (conda's C++ package).
fn libraries_under_prefix(prefix: &Path) -> Vec<PathBuf> {
    let mut found = libraries_in(&prefix.join("Lib/site-packages").join(CAPI));
    for lib in ["lib", "lib64", "local/lib"] {
        for python in subfolders(&prefix.join(lib), "python3") {
            for packages in ["site-packages", "dist-packages"] {
                found.extend(libraries_in(&python.join(packages).join(CAPI)));
            }
        }
    }
    found.extend(libraries_in(&prefix.join("lib")));
    found
}

/// Subfolders whose names begin with `start`, the highest version first.
fn subfolders(folder: &Path, start: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(start))
        .map(|name| (numbers(&name), name))
        .collect();
    names.sort_by(|a, b| b.cmp(a));
    names.into_iter().map(|(_, name)| folder.join(name)).collect()
}

/// The numbers in a name, so that `python3.12` is above `python3.9`.
fn numbers(name: &str) -> Vec<u32> {
    name.split(|c: char| !c.is_ascii_digit())
        .filter_map(|part| part.parse().ok())
        .collect()
}

/// Prefixes of the Python on the `PATH`. A virtual environment's `python3` is a link to the one it was made from, so every link
/// is followed and counts; pyenv's is a script in `shims`, beside the `versions` it chooses from.
fn python_prefixes(surroundings: &Surroundings) -> Vec<PathBuf> {
    let mut prefixes = Vec::new();
    let names: &[&str] = if cfg!(windows) {
        &["python3.exe", "python.exe"]
    } else {
        &["python3", "python"]
    };
    for name in names {
        let Some(mut program) = surroundings
            .search_path
            .iter()
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|program| program.is_file())
        else {
            continue;
        };
        // Longer than any real chain of links; ends a cycle.
        for _ in 0..16 {
            let Some(folder) = program.parent() else { break };
            if let Some(root) = folder.parent() {
                if folder.file_name() == Some(OsStr::new("shims")) {
                    prefixes.extend(pyenv_prefixes(root, surroundings.pyenv_version.as_deref()));
                } else if cfg!(windows) {
                    prefixes.push(folder.to_owned());
                }
                prefixes.push(root.to_owned());
            }
            match fs::read_link(&program) {
                Ok(target) => program = folder.join(target),
                Err(_) => break,
            }
        }
    }
    prefixes
}

/// pyenv's versions: the chosen ones (`PYENV_VERSION`, or the file `version`), then the others.
fn pyenv_prefixes(root: &Path, chosen: Option<&OsStr>) -> Vec<PathBuf> {
    let chosen = match chosen.and_then(OsStr::to_str) {
        Some(chosen) => chosen.to_owned(),
        None => fs::read_to_string(root.join("version")).unwrap_or_default(),
    };
    let versions = root.join("versions");
    let mut prefixes: Vec<_> = chosen
        .split([':', '\n', ' '])
        .filter(|name| !name.is_empty() && !name.contains(['/', '\\']))
        .map(|name| versions.join(name))
        .collect();
    prefixes.extend(subfolders(&versions, ""));
    prefixes
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn library(prefix: &Path, python: &str, version: &str) -> PathBuf {
        let folder = prefix.join("lib").join(python).join("site-packages").join(CAPI);
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("libonnxruntime.so.{version}"));
        fs::write(&file, "").unwrap();
        fs::write(folder.join("libonnxruntime_providers_shared.so"), "").unwrap();
        file
    }

    #[test]
    fn the_variable_alone_counts_where_it_is_set() {
        let folder = tempfile::tempdir().unwrap();
        library(folder.path(), "python3.12", "1.22.0");
        let surroundings = Surroundings {
            library: Some("/nowhere/libonnxruntime.so".into()),
            environments: vec![folder.path().to_owned()],
            ..Surroundings::default()
        };
        assert_eq!(candidates(&surroundings), [PathBuf::from("/nowhere/libonnxruntime.so")]);
    }

    #[test]
    fn the_highest_versions_come_first_and_companions_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let old = library(folder.path(), "python3.9", "1.30.0");
        let middle = library(folder.path(), "python3.12", "1.9.0");
        let new = library(folder.path(), "python3.12", "1.22.0");
        let surroundings = Surroundings {
            environments: vec![folder.path().to_owned()],
            ..Surroundings::default()
        };
        assert_eq!(candidates(&surroundings), [new, middle, old]);
    }

    #[test]
    fn python3_on_the_path_leads_through_links_to_every_prefix() {
        let folder = tempfile::tempdir().unwrap();
        let (venv, base) = (folder.path().join("venv"), folder.path().join("base"));
        let in_base = library(&base, "python3.12", "1.20.0");
        let in_venv = library(&venv, "python3.12", "1.21.0");
        for bin in [venv.join("bin"), base.join("bin")] {
            fs::create_dir_all(bin).unwrap();
        }
        fs::write(base.join("bin/python3"), "").unwrap();
        symlink(base.join("bin/python3"), venv.join("bin/python3")).unwrap();
        let surroundings = Surroundings {
            search_path: vec!["relative".into(), folder.path().join("empty"), venv.join("bin")],
            ..Surroundings::default()
        };
        assert_eq!(candidates(&surroundings), [in_venv, in_base]);
    }

    #[test]
    fn a_circle_of_links_ends() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        symlink(bin.join("python"), bin.join("python3")).unwrap();
        symlink(bin.join("python3"), bin.join("python")).unwrap();
        let surroundings = Surroundings {
            search_path: vec![bin],
            ..Surroundings::default()
        };
        assert!(candidates(&surroundings).is_empty());
    }

    #[test]
    fn pyenv_shims_lead_to_the_chosen_version_first() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("pyenv");
        let newer = library(&root.join("versions/3.13.1"), "python3.13", "1.22.0");
        let chosen = library(&root.join("versions/3.11.4"), "python3.11", "1.20.0");
        fs::create_dir_all(root.join("shims")).unwrap();
        fs::write(root.join("shims/python3"), "#!/usr/bin/env bash\n").unwrap();
        fs::write(root.join("version"), "3.11.4\n").unwrap();
        let surroundings = Surroundings {
            search_path: vec![root.join("shims")],
            ..Surroundings::default()
        };
        assert_eq!(candidates(&surroundings), [chosen.clone(), newer.clone()]);
        let overridden = Surroundings {
            pyenv_version: Some("3.13.1".into()),
            ..surroundings
        };
        assert_eq!(candidates(&overridden), [newer, chosen]);
    }

    #[test]
    fn the_python_that_runs_the_process_is_looked_at_before_the_active_environment() {
        let folder = tempfile::tempdir().unwrap();
        let host = folder.path().join("host");
        let library = library(&host, "python3.12", "1.22.0");
        set_host_environment(host.clone());
        let surroundings = Surroundings::of_this_process();
        assert_eq!(surroundings.environments.first(), Some(&host));
        let without_variable = Surroundings {
            library: None,
            program_folder: None,
            ..surroundings
        };
        assert_eq!(candidates(&without_variable).first(), Some(&library));
    }

    #[test]
    fn a_system_folder_is_looked_at_last_and_links_count_once() {
        let folder = tempfile::tempdir().unwrap();
        let in_venv = library(&folder.path().join("venv"), "python3.12", "1.19.0");
        let system = folder.path().join("usr/lib");
        fs::create_dir_all(&system).unwrap();
        fs::write(system.join("libonnxruntime.so.1.21.0"), "").unwrap();
        symlink("libonnxruntime.so.1.21.0", system.join("libonnxruntime.so")).unwrap();
        let surroundings = Surroundings {
            environments: vec![folder.path().join("venv")],
            system: vec![system.clone()],
            ..Surroundings::default()
        };
        assert_eq!(
            candidates(&surroundings),
            [in_venv, system.join("libonnxruntime.so.1.21.0")]
        );
    }
}
