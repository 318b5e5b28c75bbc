//! The command `popgate`.

/// A short session allocates some hundred and thirty times, which took the system's allocator a
/// seventh of the instructions of the session.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    popgate::cli::main()
}
