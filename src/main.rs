//! The command `popgate`.

fn main() -> std::process::ExitCode {
    popgate::cli::main()
}
