//! Configuration: one TOML file whose every value an environment variable may replace, refused by
//! name when it is wrong.

mod tree;

use self::tree::{Fault, Node, Origin};
use serde::{Deserialize as _, Deserializer, de::DeserializeOwned};
use std::{
    env, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Bytes of a configuration file.
pub const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// Between the prefix and the keys in the name of an environment variable.
const SEPARATOR: &str = "__";

/// A configuration that cannot be used; nothing has been started.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Name a file that exists and may be read.
    #[error("cannot read the configuration {path}: {source}; name a TOML file that exists and may be read", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Make the file smaller.
    #[error("the configuration {path} has {size_bytes} bytes; at most {CONFIG_BYTES_MAX} are read", path = path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// Its size, bytes.
        size_bytes: u64,
    },
    /// Mend the TOML at that line.
    #[error("{path}:{line}: {message}; mend the TOML there", path = path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// Mend the key in the file, or set the variable instead.
    #[error("{path}: {key}: {message}; {mend}", path = path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The key, with dots between its parts.
        key: String,
        /// What is wrong with it.
        message: String,
        /// What to do.
        mend: String,
    },
    /// Mend or unset the environment variable.
    #[error("environment variable {name}: {message}; mend it or unset it")]
    Variable {
        /// Its name.
        name: String,
        /// What is wrong with it.
        message: String,
    },
}

/// Reads the configuration at `path`, with what the process's environment replaces:
/// `LIENTHONG_BROKER__DOCUMENTS__SIZE_BYTES_MAX=1000`, for the prefix `LIENTHONG_BROKER`, replaces
/// `size_bytes_max` in `[documents]`. A value is read as TOML where the field wants more than a
/// text (`7`, `true`, `["a", "b"]`), and as it stands where it wants a text.
///
/// # Errors
/// [`ConfigError`] names the file or the variable, the key, and how to mend it. A variable with the
/// prefix that is no key is refused; a key of the file that nobody knows is refused when `T` has
/// `#[serde(deny_unknown_fields)]`.
pub fn load<T: DeserializeOwned>(path: &Path, env_prefix: &str) -> Result<T, ConfigError> {
    // Only names are judged here, so a variable of somebody else may hold any bytes.
    let variables = env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        name.starts_with(env_prefix)
            .then(|| (name, value.to_string_lossy().into_owned()))
    });
    load_with(path, env_prefix, variables)
}

/// [`load`] with these environment variables, names and values, in place of the process's.
///
/// # Errors
/// As [`load`].
pub fn load_with<T: DeserializeOwned>(
    path: &Path,
    env_prefix: &str,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<T, ConfigError> {
    let read_error = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    let size_bytes = fs::metadata(path).map_err(read_error)?.len();
    if size_bytes > CONFIG_BYTES_MAX {
        return Err(ConfigError::Size {
            path: path.to_owned(),
            size_bytes,
        });
    }
    let text = fs::read_to_string(path).map_err(read_error)?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        ConfigError::Syntax {
            path: path.to_owned(),
            line,
            message: error.message().to_owned(),
        }
    })?;

    let mut root = Node::from(toml::Value::Table(table));
    let mut variables: Vec<_> = variables.into_iter().collect();
    variables.sort();
    for (name, value) in variables {
        if let Some(keys) = name
            .strip_prefix(env_prefix)
            .and_then(|k| k.strip_prefix(SEPARATOR))
        {
            let keys = keys.to_lowercase();
            let put = root.put(keys.split(SEPARATOR), &name, value);
            put.map_err(|message| ConfigError::Variable {
                name: name.clone(),
                message,
            })?;
        }
    }
    T::deserialize(root).map_err(|fault| explain(fault, path, env_prefix))
}

/// The path `p` of a configuration, seen from where its file lies: `base` is the file, and a
/// relative `p` starts in its folder.
pub fn resolve(base: &Path, p: &Path) -> PathBuf {
    base.parent().unwrap_or(Path::new("")).join(p)
}

/// Reads a time in whole milliseconds, for `#[serde(deserialize_with = "millis")]`.
///
/// # Errors
/// The value is no whole number.
pub fn millis<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u64::deserialize(from).map(Duration::from_millis)
}

fn explain(fault: Fault, path: &Path, env_prefix: &str) -> ConfigError {
    let key = fault.key();
    if let Origin::Variable(name) = fault.origin {
        return ConfigError::Variable {
            name,
            message: fault.message,
        };
    }
    let mut variable = format!("{env_prefix}{SEPARATOR}");
    variable.push_str(&key.to_uppercase().replace('.', SEPARATOR).replace('-', "_"));
    let mend = match fault.origin {
        Origin::Missing => format!("add it there or set {variable}"),
        Origin::Unknown => "correct its name or remove it".into(),
        _ if key.contains('[') => "correct it there".into(),
        _ => format!("correct it there or set {variable}"),
    };
    ConfigError::Value {
        path: path.to_owned(),
        key,
        message: fault.message,
        mend,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;
    use tempfile::TempDir;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Broker {
        listen: String,
        #[serde(default)]
        documents: Documents,
        #[serde(default)]
        systems: Vec<System>,
        #[serde(default)]
        names: BTreeMap<String, String>,
        label: Option<String>,
        mode: Option<Mode>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Documents {
        size_bytes_max: u64,
        folder: PathBuf,
        share: f64,
        keep: bool,
        hosts: Vec<String>,
        #[serde(deserialize_with = "millis")]
        expiry: Duration,
    }

    impl Default for Documents {
        fn default() -> Self {
            Self {
                size_bytes_max: 1,
                folder: "documents".into(),
                share: 0.5,
                keep: false,
                hosts: vec![],
                expiry: Duration::from_secs(1),
            }
        }
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct System {
        code: String,
        window_items_max: u32,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        Memory,
        Sqlite,
    }

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<Broker, ConfigError> {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("broker.toml");
        fs::write(&path, text).unwrap();
        let variables = variables
            .iter()
            .map(|(k, v)| (format!("LIENTHONG_BROKER{k}"), (*v).into()));
        load_with(&path, "LIENTHONG_BROKER", variables)
    }

    fn refusal(text: &str, variables: &[(&str, &str)]) -> String {
        read(text, variables).unwrap_err().to_string()
    }

    #[test]
    fn a_file_alone_is_enough() {
        let broker = read(
            "listen = '[::]:7000'\nmode = 'sqlite'\n[documents]\nsize_bytes_max = 7\n\
             [[systems]]\ncode = 'police'\nwindow_items_max = 9\n",
            &[],
        )
        .unwrap();
        assert_eq!(broker.listen, "[::]:7000");
        assert_eq!(broker.documents.size_bytes_max, 7);
        assert_eq!(
            broker.systems[0],
            System {
                code: "police".into(),
                window_items_max: 9
            }
        );
        assert_eq!(broker.mode, Some(Mode::Sqlite));
    }

    #[test]
    fn a_variable_replaces_what_the_file_says_and_adds_what_it_leaves_out() {
        let variables = [
            ("__DOCUMENTS__SIZE_BYTES_MAX", "1000"),
            ("__DOCUMENTS__FOLDER", "/var/lib/documents"),
            ("__DOCUMENTS__SHARE", "1"),
            ("__DOCUMENTS__KEEP", "true"),
            ("__DOCUMENTS__HOSTS", "['a', \"b\"]"),
            ("__DOCUMENTS__EXPIRY", "90"),
            ("__MODE", "memory"),
            ("_OTHER__LISTEN", "of somebody else"),
        ];
        let broker = read("listen = 'x'\ndocuments.size_bytes_max = 7", &variables).unwrap();
        assert_eq!(
            broker.documents,
            Documents {
                size_bytes_max: 1000,
                folder: "/var/lib/documents".into(),
                share: 1.0,
                keep: true,
                hosts: vec!["a".into(), "b".into()],
                expiry: Duration::from_millis(90),
            }
        );
        assert_eq!(broker.mode, Some(Mode::Memory));
    }

    #[test]
    fn a_text_that_looks_like_a_number_stays_a_text() {
        let variables = [
            ("__LISTEN", "7000"),
            ("__LABEL", "true"),
            ("__NAMES__PROVINCE", "01"),
            ("__NAMES__WARD", "\"quoted\""),
            ("__NAMES__EMPTY", ""),
        ];
        let broker = read("", &variables).unwrap();
        assert_eq!(
            (broker.listen.as_str(), broker.label.as_deref()),
            ("7000", Some("true"))
        );
        assert_eq!(broker.names["province"], "01");
        assert_eq!(broker.names["ward"], "quoted");
        assert_eq!(broker.names["empty"], "");
    }

    #[test]
    fn a_variable_finds_a_key_with_hyphens_and_an_entry_of_a_list() {
        let text = "listen = 'x'\nnames.civil-registry = 'a'\n\
                    [[systems]]\ncode = 'police'\nwindow_items_max = 9\n";
        let variables = [
            ("__NAMES__CIVIL_REGISTRY", "b"),
            ("__SYSTEMS__0__WINDOW_ITEMS_MAX", "2"),
        ];
        let broker = read(text, &variables).unwrap();
        assert_eq!(broker.names["civil-registry"], "b");
        assert_eq!(broker.names.len(), 1);
        assert_eq!(broker.systems[0].window_items_max, 2);
    }

    #[test]
    fn a_wrong_value_is_refused_with_file_key_and_mend() {
        let text = refusal("listen = 'x'\ndocuments.size_bytes_max = 'many'", &[]);
        assert!(
            text.contains("broker.toml: documents.size_bytes_max: invalid type"),
            "{text}"
        );
        assert!(
            text.ends_with("or set LIENTHONG_BROKER__DOCUMENTS__SIZE_BYTES_MAX"),
            "{text}"
        );

        let entry = "listen = 'x'\n[[systems]]\ncode = 'police'\nwindow_items_max = -1\n";
        let text = refusal(entry, &[]);
        assert!(
            text.contains("systems[0].window_items_max: invalid value"),
            "{text}"
        );

        let text = refusal("listen = 'x'\nmode = 'paper'", &[]);
        assert!(
            text.contains("mode: unknown variant `paper`") && text.contains("sqlite"),
            "{text}"
        );
    }

    #[test]
    fn a_missing_or_unknown_key_is_refused_by_name() {
        let text = refusal("label = 'x'", &[]);
        assert!(
            text.contains("broker.toml: listen: is missing; add it"),
            "{text}"
        );
        assert!(text.ends_with("LIENTHONG_BROKER__LISTEN"), "{text}");

        let text = refusal("listen = 'x'\n[documents]\nsize_max = 1", &[]);
        assert!(text.contains("documents.size_max: is not known"), "{text}");
        assert!(
            text.contains("size_bytes_max") && text.contains("remove it"),
            "{text}"
        );
    }

    #[test]
    fn a_wrong_variable_is_refused_by_its_name() {
        for (name, value, why) in [
            ("__DOCUMENTS__SIZE_BYTES_MAX", "many", "invalid type"),
            ("__DOCUMENTS__KEEP", "ja", "invalid type"),
            ("__DOCUMENTS__HOSTS", "a,b", "invalid type"),
            ("__DOCUMENTS__SIZE_MAX", "1", "is not known"),
            ("__MODE", "paper", "unknown variant"),
            ("__LISTEN__PORT", "1", "is not a table"),
            ("__SYSTEMS__3__CODE", "x", "no entry 3"),
            ("__", "1", "is not known"),
        ] {
            let text = refusal("listen = 'x'\nsystems = []", &[(name, value)]);
            assert!(
                text.contains(&format!("variable LIENTHONG_BROKER{name}: ")),
                "{text}"
            );
            assert!(text.contains(why), "{why} in {text}");
        }
    }

    #[test]
    fn a_variable_that_names_no_key_is_refused_even_where_the_file_may_hold_more() {
        #[derive(Debug, Deserialize)]
        struct Loose {
            #[serde(rename = "listen")]
            _listen: String,
        }
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("loose.toml");
        fs::write(&path, "listen = 'x'\nmore = 1").unwrap();
        let nobody: [(String, String); 0] = [];
        load_with::<Loose>(&path, "P", nobody).unwrap();
        let refused = load_with::<Loose>(&path, "P", [("P__MOER".into(), "1".into())]);
        assert!(
            refused
                .unwrap_err()
                .to_string()
                .contains("P__MOER: is not known")
        );
    }

    #[test]
    fn a_broken_or_absent_file_is_refused_with_its_name() {
        let text = refusal("listen = 'x'\nlabel = \n", &[]);
        assert!(text.contains("broker.toml:2: "), "{text}");
        let absent = load::<Broker>(Path::new("nowhere/broker.toml"), "P").unwrap_err();
        assert!(absent.to_string().contains("nowhere/broker.toml"));
    }

    #[test]
    fn a_relative_path_starts_beside_the_file() {
        let base = Path::new("/etc/lienthong/broker.toml");
        assert_eq!(
            resolve(base, Path::new("ca.pem")),
            Path::new("/etc/lienthong/ca.pem")
        );
        assert_eq!(
            resolve(base, Path::new("/srv/ca.pem")),
            Path::new("/srv/ca.pem")
        );
        assert_eq!(
            resolve(Path::new("broker.toml"), Path::new("ca.pem")),
            Path::new("ca.pem")
        );
    }
}
