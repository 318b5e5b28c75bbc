//! `[admin]`: where operators connect, and who of them may do what.

use super::AdminOptions;
use super::error::Diagnostic;
use super::mistakes::Diagnostics;
use super::schema::tables::AdminTable;
use crate::net::CertificateFiles;
use std::path::Path;

/// Checks and resolves the table; its paths are relative to `folder`.
pub(super) fn resolve(
    table: &AdminTable,
    folder: &Path,
    diagnostics: &mut Diagnostics,
) -> AdminOptions {
    check_pair(table, diagnostics);
    check_cleartext(table, diagnostics);
    AdminOptions {
        address: table.address.value,
        token_file: table
            .token_file
            .as_ref()
            .map(|file| folder.join(&file.value)),
        tls: certificate_files(table, folder),
        host_names: table
            .host_names
            .iter()
            .map(|name| name.value.0.to_ascii_lowercase())
            .collect(),
        trust_loopback: table.trust_loopback(),
    }
}

fn certificate_files(table: &AdminTable, folder: &Path) -> Option<CertificateFiles> {
    Some(CertificateFiles {
        certificate: folder.join(&table.certificate.as_ref()?.value),
        key: folder.join(&table.key.as_ref()?.value),
    })
}

fn check_pair(table: &AdminTable, diagnostics: &mut Diagnostics) {
    let (written, missing) = match (&table.certificate, &table.key) {
        (Some(certificate), None) => (certificate, "key"),
        (None, Some(key)) => (key, "certificate"),
        _ => return,
    };
    let message = format!("`[admin]` has no `{missing}`: TLS needs both");
    diagnostics.note(Diagnostic::new(written.span.clone(), message));
}

/// The token would go over the network for everybody to read. On a trusted network an operator may
/// allow that, but not without knowing.
fn check_cleartext(table: &AdminTable, diagnostics: &mut Diagnostics) {
    let address = &table.address;
    let has_tls = table.certificate.is_some() || table.key.is_some();
    if let Some(cleartext) = table.cleartext.as_ref().filter(|at| at.value)
        && has_tls
    {
        let message = "`cleartext` is true, and there is a certificate: the admin port speaks TLS \
                       or it does not";
        let hint = "remove `cleartext`, or `certificate` and `key`";
        diagnostics.note(Diagnostic::new(cleartext.span.clone(), message).hint(hint));
    }
    let is_loopback = address.value.ip().to_canonical().is_loopback();
    if is_loopback || has_tls || table.cleartext() || address.is_refused() {
        return;
    }
    let message = format!(
        "the admin port at {} can be reached from other machines, and its token would cross the \
         network unencrypted",
        address.value
    );
    let hint = "write `certificate` and `key`, or an address of loopback; `cleartext = true` \
                allows it as it is";
    diagnostics.note(Diagnostic::new(address.span.clone(), message).hint(hint));
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use std::path::Path;

    fn read(admin: &str) -> Result<Config, String> {
        let text = format!(
            "[[listen]]\naddress = \"127.0.0.1:110\"\ntls = \"off\"\n\
             [[backend]]\nname = \"b\"\naddress = \"10.0.0.5:110\"\n[admin]\n{admin}"
        );
        Config::parse(&text, Path::new("/etc/popgate/popgate.toml")).map_err(|it| it.to_string())
    }

    const PAIR: &str = "certificate = \"admin.pem\"\nkey = \"admin.key\"\n";

    #[test]
    fn loopback_needs_no_tls_and_another_address_does() {
        for address in ["127.0.0.1:9110", "[::1]:9110", "127.8.8.8:1"] {
            assert!(read(&format!("address = \"{address}\"\n")).is_ok());
        }
        for address in ["0.0.0.0:9110", "[::]:9110", "10.0.0.1:9110"] {
            let address = format!("address = \"{address}\"\n");
            let told = read(&address).unwrap_err();
            assert!(told.contains("its token would cross the network unencrypted"));
            assert!(told.contains("cleartext = true"), "{told}");
            assert!(read(&format!("{address}cleartext = true\n")).is_ok());
            assert!(read(&format!("{address}{PAIR}")).is_ok());
        }
    }

    #[test]
    fn a_certificate_has_a_key_and_is_relative_to_the_file() {
        let address = "address = \"10.0.0.1:9110\"\n";
        let admin = read(&format!("{address}{PAIR}")).unwrap().admin.unwrap();
        let files = admin.tls.unwrap();
        assert_eq!(files.certificate, Path::new("/etc/popgate/admin.pem"));
        assert_eq!(files.key, Path::new("/etc/popgate/admin.key"));
        for (half, missing) in [("certificate", "`key`"), ("key", "`certificate`")] {
            let told = read(&format!("{address}{half} = \"f\"\n")).unwrap_err();
            assert!(told.contains(missing), "{told}");
        }
        let both = read(&format!("{address}{PAIR}cleartext = true\n")).unwrap_err();
        assert!(both.contains("speaks TLS or it does not"), "{both}");
    }

    #[test]
    fn names_of_the_port_are_read_in_lower_case_and_are_names() {
        let admin = "address = \"127.0.0.1:9110\"\nhost_names = [\"Gate.Example.NET\"]\n";
        let admin = read(admin).unwrap().admin.unwrap();
        assert_eq!(admin.host_names, ["gate.example.net"]);
        assert!(!admin.trust_loopback);
        let wrong = "address = \"127.0.0.1:9110\"\nhost_names = [\"gate:9110\"]\n";
        assert!(read(wrong).is_err());
    }
}
