//! What the linker of macOS has to be told of a module whose symbols of Python are found when it is loaded.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
