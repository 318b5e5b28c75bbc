//! Why a file is not to be had: whose it is, who we are, and what its owner can do.

use rustix::process::{getegid, geteuid};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Behind the system's words: who has what is needed of `file`, and how it becomes ours. Empty
/// where rights are not what is wrong. The folder has to be ours where there is no file yet.
#[must_use]
pub fn advice(file: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => whose(file),
        io::ErrorKind::NotFound => {
            let folder = folder(file).display();
            format!(
                "\nhint: there is no folder {folder}; systemd makes it where the unit has \
                 StateDirectory, and by hand it is `install -d -o {} -g {} {folder}`",
                name("/etc/passwd", geteuid().as_raw()),
                name("/etc/group", getegid().as_raw()),
            )
        }
        _ => String::new(),
    }
}

/// As [`advice`] where it is known that rights are wrong.
#[must_use]
pub fn whose(file: &Path) -> String {
    let not_ours = |path: &Path| {
        let about = fs::metadata(path).ok()?;
        (about.uid() != geteuid().as_raw()).then(|| (path.to_owned(), about))
    };
    let found = not_ours(file).or_else(|| not_ours(folder(file)));
    found.map_or_else(String::new, |(path, about)| said(&path, &about))
}

fn said(path: &Path, about: &Metadata) -> String {
    let user = |id| name("/etc/passwd", id);
    let (owner, us) = (user(about.uid()), user(geteuid().as_raw()));
    let group = name("/etc/group", getegid().as_raw());
    let path = path.display();
    format!(
        "\nhint: {path} belongs to {owner}, and popgate runs as {us}: `chown -R {us}:{group} {path}`"
    )
}

fn folder(file: &Path) -> &Path {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// The name of `id` in a file such as passwd(5) and group(5), or else the number.
fn name(table: &str, id: u32) -> String {
    let table = fs::read_to_string(table).unwrap_or_default();
    let number = id.to_string();
    let found = table.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    });
    found.unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_named_as_the_system_does() {
        assert_eq!(name("/etc/passwd", 0), "root");
        assert_eq!(name("/etc/group", 0), "root");
        assert_eq!(name("/etc/passwd", u32::MAX), u32::MAX.to_string());
    }

    #[test]
    fn what_is_not_ours_is_told_with_what_to_do() {
        // A process belongs to whom it runs as; the first one to root.
        let about = fs::metadata("/").unwrap();
        let told = said(Path::new("/var/lib/popgate"), &about);
        let owner = name("/etc/passwd", about.uid());
        assert!(told.contains(&format!(
            "/var/lib/popgate belongs to {owner}, and popgate runs as"
        )));
        assert!(told.contains(":") && told.contains(" /var/lib/popgate`"));
    }

    #[test]
    fn what_is_ours_and_other_errors_need_no_advice() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("popgate.db");
        assert_eq!(advice(&file, &io::ErrorKind::PermissionDenied.into()), "");
        assert_eq!(advice(&file, &io::ErrorKind::StorageFull.into()), "");
        let told = advice(&folder.path().join("no/j"), &io::ErrorKind::NotFound.into());
        assert!(
            told.contains("install -d -o ") && told.contains("/no`"),
            "{told}"
        );
    }
}
