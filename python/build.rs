//! What linkers want to hear of a library whose symbols the interpreter brings.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
