//! Names of Python code that no checkpoint needs and every attack does.
//!
//! Nothing that a pickle names is ever called here. But a file that names a shell is no model, and whoever looks at it should hear so before
//! another program opens it. Other names we do not know stay what they are: data that is skipped and listed.

/// Modules that start programs, load code, or reach the system.
const MODULES: [&str; 27] = [
    "_pickle",
    "_posixsubprocess",
    "asyncio",
    "bdb",
    "cPickle",
    "code",
    "codeop",
    "commands",
    "cProfile",
    "ctypes",
    "importlib",
    "marshal",
    "nt",
    "os",
    "pdb",
    "pickle",
    "pip",
    "posix",
    "profile",
    "pty",
    "runpy",
    "shutil",
    "socket",
    "subprocess",
    "sys",
    "timeit",
    "webbrowser",
];

/// Built-in functions that do.
const BUILTINS: [&str; 13] = [
    "__import__",
    "apply",
    "breakpoint",
    "compile",
    "eval",
    "exec",
    "execfile",
    "file",
    "globals",
    "input",
    "locals",
    "open",
    "vars",
];

/// Whether a name stands for something that runs or loads code.
pub(crate) fn runs_code(module: &str, name: &str) -> bool {
    match module {
        "builtins" | "__builtin__" => BUILTINS.contains(&name),
        _ => MODULES.contains(&module.split('.').next().unwrap_or(module)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_are_dangerous_and_classes_are_not() {
        for (module, name) in
            [("os", "system"), ("os.path", "x"), ("builtins", "eval"), ("subprocess", "Popen")]
        {
            assert!(runs_code(module, name), "{module}.{name}");
        }
        for (module, name) in [
            ("builtins", "dict"),
            ("collections", "OrderedDict"),
            ("osmosis", "system"),
            ("fairseq.data.dictionary", "Dictionary"),
            ("argparse", "Namespace"),
            ("torch._utils", "_rebuild_tensor_v2"),
            ("_codecs", "encode"),
        ] {
            assert!(!runs_code(module, name), "{module}.{name}");
        }
    }
}
