//! Why a file is not to be had: whose it is, who we are, and what its owner can do.

use rustix::process::{getegid, geteuid};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What a state folder of the service is called; whoever runs popgate may own all of it.
const STATE_FOLDER: &str = "/var/lib/popgate";

/// Behind the system's words, to the service: who has what is needed of `file`, and what to do.
/// Empty where rights are not what is wrong.
#[must_use]
pub fn advice(file: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => whose(file),
        io::ErrorKind::ReadOnlyFilesystem => {
            format!("\nhint: nothing can be written there; choose a file below {STATE_FOLDER}")
        }
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

/// As [`advice`] where it is known that rights are wrong. No folder but the service's own is told
/// to be given away: others have what is in it.
#[must_use]
pub fn whose(file: &Path) -> String {
    let us = name("/etc/passwd", geteuid().as_raw());
    let group = name("/etc/group", getegid().as_raw());
    let chown = |path: &Path| format!("`chown {us}:{group} {}`", path.display());
    if let Some(owner) = other_owner(file) {
        let mend = chown(file);
        return format!(
            "\nhint: {} belongs to {owner}, and popgate runs as {us}: {mend}",
            file.display()
        );
    }
    let folder = folder(file);
    let Some(owner) = other_owner(folder) else {
        return String::new();
    };
    let mend = if folder == Path::new(STATE_FOLDER) {
        chown(folder)
    } else {
        format!("choose a file in a folder of {us}'s own, such as {STATE_FOLDER}")
    };
    format!(
        "\nhint: the folder {} belongs to {owner}, and popgate runs as {us}: {mend}",
        folder.display()
    )
}

/// To somebody who wants to read a file of the service's, and to the service, whose files root may
/// have made.
#[must_use]
pub fn whose_to_read(file: &Path) -> String {
    let us = geteuid().as_raw();
    let Some(seen) = [file, folder(file)]
        .into_iter()
        .filter_map(|path| fs::metadata(path).ok())
        .find(|it| it.uid() != us)
    else {
        return String::new();
    };
    reading_hint(
        file,
        &FileRights {
            owner: name("/etc/passwd", seen.uid()),
            group: name("/etc/group", seen.gid()),
            is_of_group: seen.is_file() && seen.mode() & 0o040 != 0,
        },
        [
            &name("/etc/passwd", us),
            &name("/etc/group", getegid().as_raw()),
        ],
    )
}

/// Who may read a file.
struct FileRights {
    owner: String,
    group: String,
    /// Whether its group may.
    is_of_group: bool,
}

/// `us`: the user that may not, and its group.
fn reading_hint(file: &Path, rights: &FileRights, [us, our_group]: [&str; 2]) -> String {
    let file = file.display();
    let FileRights { owner, group, .. } = rights;
    match (&**owner, rights.is_of_group) {
        ("root", false) => format!(
            "\nhint: {file} is for root alone: run this as root, or, if {us} is whom popgate runs \
             as, `chgrp {our_group} {file} && chmod 0640 {file}`"
        ),
        (_, true) => format!(
            "\nhint: {file} is for {owner} and the group {group}: run this as one of them or as root"
        ),
        (_, false) => {
            format!("\nhint: {file} is for {owner} alone: run this as {owner} or as root")
        }
    }
}

/// Who has what is at `path`, where that is not us.
fn other_owner(path: &Path) -> Option<String> {
    let owner = fs::metadata(path).ok()?.uid();
    (owner != geteuid().as_raw()).then(|| name("/etc/passwd", owner))
}

fn folder(file: &Path) -> &Path {
    file.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
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
    fn who_may_not_read_is_told_who_may_and_the_service_how_it_would() {
        let told = |owner: &str, group: &str, is_of_group| {
            let rights = FileRights {
                owner: owner.to_owned(),
                group: group.to_owned(),
                is_of_group,
            };
            reading_hint(Path::new("/e/secret"), &rights, ["popgate", "mail"])
        };
        assert_eq!(
            told("root", "root", false),
            "\nhint: /e/secret is for root alone: run this as root, or, if popgate is whom popgate \
             runs as, `chgrp mail /e/secret && chmod 0640 /e/secret`"
        );
        assert_eq!(
            told("root", "popgate", true),
            "\nhint: /e/secret is for root and the group popgate: run this as one of them or as root"
        );
        assert_eq!(
            told("popgate", "popgate", false),
            "\nhint: /e/secret is for popgate alone: run this as popgate or as root"
        );
    }

    #[test]
    fn what_is_ours_and_other_errors_need_no_advice() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("popgate.db");
        assert_eq!(advice(&file, &io::ErrorKind::PermissionDenied.into()), "");
        assert_eq!(whose_to_read(&file), "");
        assert_eq!(advice(&file, &io::ErrorKind::StorageFull.into()), "");
        let told = advice(&file, &io::ErrorKind::ReadOnlyFilesystem.into());
        assert!(told.contains("nothing can be written") && !told.contains("chown"));
        let told = advice(&folder.path().join("no/j"), &io::ErrorKind::NotFound.into());
        assert!(
            told.contains("install -d -o ") && told.contains("/no`"),
            "{told}"
        );
    }
}
