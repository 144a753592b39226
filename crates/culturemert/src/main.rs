//! The `culturemert` binary. All it does lies in the library beside it.

fn main() -> std::process::ExitCode {
    culturemert::run_command_line()
}
