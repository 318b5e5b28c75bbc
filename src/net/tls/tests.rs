use super::authority::Authority;
use super::*;
use crate::net::conn::Conn;
use crate::net::{CertificateFiles, TlsFiles};
use std::fs;
use std::path::Path;
use tokio::io::duplex;

fn acceptor((certificate, key): (String, String)) -> Acceptor {
    Acceptor::from_pem(&certificate, &key).unwrap()
}

fn trusting(authority: &Authority, name: &str) -> Connector {
    Connector::new(Some(&authority.file()), name, true).unwrap()
}

fn ends() -> (Conn, Conn) {
    let (near, far) = duplex(64 * 1024);
    (Conn::plain(Box::new(near)), Conn::plain(Box::new(far)))
}

/// The client's side and the server's side of one handshake.
async fn handshake(
    connector: &Connector,
    acceptor: &Acceptor,
) -> (Result<Conn, TlsError>, Result<Conn, TlsError>) {
    let (near, far) = ends();
    tokio::join!(near.connect_tls(connector), far.accept_tls(acceptor))
}

/// What the operator reads when the handshake fails on the client's side.
async fn refusal(connector: &Connector, acceptor: &Acceptor) -> String {
    let (client, _) = handshake(connector, acceptor).await;
    client.err().unwrap().to_string()
}

fn one(default: CertificateFiles) -> TlsFiles {
    TlsFiles {
        default,
        hosts: Vec::new(),
    }
}

#[tokio::test]
async fn both_sides_know_of_the_handshake() {
    let authority = Authority::new();
    let acceptor = acceptor(authority.pem(&["pop.example.com"]));
    let connector = trusting(&authority, "pop.example.com");
    let (client, server) = handshake(&connector, &acceptor).await;
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    assert_eq!(server.tls_version(), Some("TLSv1.3"));
    assert_eq!(server.server_name(), Some("pop.example.com"));
    let agreed = server.tls_parameters().unwrap();
    assert_eq!(agreed.cipher, "TLS_AES_256_GCM_SHA384");
    assert_eq!(client.tls_parameters(), Some(agreed));
    let hello = server.client_hello().unwrap();
    assert_eq!((hello.protocols, client.client_hello()), (0, None));
    // rustls offers what it would take, and one value more that says how it renegotiates.
    assert_eq!(usize::from(hello.cipher_suites), cipher_suites().len() + 1);
    assert!(client.is_tls() && client.server_name().is_none());
    server.write_all(b"+OK\r\n").await.unwrap();
    client.fill().await.unwrap();
    assert_eq!(&client.input[..], b"+OK\r\n");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let acceptor = acceptor(authority.pem(&["other.example.com"]));
    let told = refusal(&trusting(&authority, "pop.example.com"), &acceptor).await;
    assert!(told.contains("is not for pop.example.com"), "{told}");
    assert!(told.contains("other.example.com"), "{told}");
}

#[tokio::test]
async fn an_expired_certificate_is_refused_with_its_date() {
    let authority = Authority::new();
    let acceptor = acceptor(authority.expired(&["pop.example.com"]));
    let told = refusal(&trusting(&authority, "pop.example.com"), &acceptor).await;
    assert_eq!(told, "the peer's certificate expired on 2020-01-01");
}

#[tokio::test]
async fn an_unknown_authority_is_refused_and_the_server_hears_of_it() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let acceptor = acceptor(stranger.pem(&["pop.example.com"]));
    let connector = trusting(&authority, "pop.example.com");
    let (client, server) = handshake(&connector, &acceptor).await;
    let told = client.err().unwrap().to_string();
    assert!(told.contains("authority that is not known"), "{told}");
    let told = server.err().unwrap().to_string();
    assert!(
        told.contains("does not know who signed our certificate"),
        "{told}"
    );
}

#[tokio::test]
async fn a_self_signed_authority_as_a_server_is_refused_with_a_way_out() {
    let authority = Authority::new();
    let acceptor = acceptor(authority.own());
    let told = refusal(&trusting(&authority, "pop.example.com"), &acceptor).await;
    assert!(told.contains("CA:FALSE"), "{told}");
}

#[tokio::test]
async fn without_verification_any_certificate_will_do() {
    let acceptor = acceptor(Authority::new().expired(&["other.example.com"]));
    let connector = Connector::new(None, "pop.example.com", false).unwrap();
    let (client, server) = handshake(&connector, &acceptor).await;
    assert!(client.is_ok() && server.is_ok());
}

#[tokio::test]
async fn an_address_can_be_the_name_of_a_backend() {
    let authority = Authority::new();
    let acceptor = acceptor(authority.pem(&["10.0.0.5"]));
    let (client, _) = handshake(&trusting(&authority, "10.0.0.5"), &acceptor).await;
    assert!(client.is_ok());
}

#[tokio::test]
async fn bytes_ahead_of_the_handshake_are_refused_on_both_legs() {
    let authority = Authority::new();
    let acceptor = acceptor(authority.pem(&["pop.example.com"]));
    let connector = trusting(&authority, "pop.example.com");
    let (mut near, mut far) = ends();
    near.write_all(b"STLS\r\nUSER injected\r\n").await.unwrap();
    far.fill().await.unwrap();
    let _ = far.input.split_to(b"STLS\r\n".len());
    let error = far.accept_tls(&acceptor).await.err().unwrap();
    assert!(matches!(error, TlsError::EarlyBytes));

    let (mut near, mut far) = ends();
    far.write_all(b"+OK\r\n+OK injected\r\n").await.unwrap();
    near.fill().await.unwrap();
    let _ = near.input.split_to(b"+OK\r\n".len());
    let error = near.connect_tls(&connector).await.err().unwrap();
    assert!(matches!(error, TlsError::EarlyBytes));
}

#[tokio::test]
async fn a_peer_that_speaks_in_clear_is_told_apart() {
    let authority = Authority::new();
    let acceptor = acceptor(authority.pem(&["pop.example.com"]));
    let (mut near, far) = ends();
    near.write_all(b"USER ann\r\n").await.unwrap();
    let error = far.accept_tls(&acceptor).await.err().unwrap();
    assert!(matches!(error, TlsError::NotTls), "{error}");

    let (near, mut far) = ends();
    far.write_all(b"+OK ready\r\n").await.unwrap();
    let connector = trusting(&authority, "pop.example.com");
    let error = near.connect_tls(&connector).await.err().unwrap();
    assert!(matches!(error, TlsError::NotTls), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_begin_ends() {
    let acceptor = acceptor(Authority::new().pem(&["pop.example.com"]));
    let (_near, far) = ends();
    let error = far.accept_tls(&acceptor).await.err().unwrap();
    assert!(matches!(error, TlsError::TimedOut));
}

#[tokio::test]
async fn each_server_name_has_its_certificate() {
    let authority = Authority::new();
    let acceptor = Acceptor::load(&TlsFiles {
        default: authority.files(&["default.example", "a.b.example.org"]),
        hosts: vec![
            (
                vec!["Pop.example.com".into()],
                authority.files(&["pop.example.com"]),
            ),
            (
                vec!["*.example.org".into()],
                authority.files(&["a.example.org"]),
            ),
        ],
    })
    .unwrap();
    // Each certificate is good for its own name alone, so success tells which one it was.
    let names = [
        "default.example",
        "pop.example.com",
        "a.example.org",
        "a.b.example.org",
    ];
    for name in names {
        let (client, _) = handshake(&trusting(&authority, name), &acceptor).await;
        assert!(client.is_ok(), "{name}: {:?}", client.err());
    }
}

#[tokio::test]
async fn a_renewed_acceptor_shows_what_the_files_hold_now_or_there_is_none() {
    let (old, new) = (Authority::new(), Authority::new());
    let files = one(old.files(&["pop.example.com"]));
    let before = Acceptor::load(&files).unwrap();
    assert!(before.renewed(&files).unwrap().shows_what(&before));

    let mut files = one(new.files(&["pop.example.com"]));
    let after = before.renewed(&files).unwrap();
    assert!(!after.shows_what(&before));
    let (client, _) = handshake(&trusting(&new, "pop.example.com"), &after).await;
    assert!(client.is_ok());

    let other = old.files(&["x.example.com"]);
    files.hosts.push((vec!["x.example.com".into()], other));
    assert!(!after.renewed(&files).unwrap().shows_what(&after));
    files.hosts.push((vec!["y".into()], absent()));
    assert!(after.renewed(&files).is_err());
}

#[test]
fn each_file_has_the_end_of_its_own_certificate_and_a_renewed_one_another() {
    let authority = Authority::new();
    let default = authority.files(&["default"]);
    let host = authority.files(&["a.example.com"]);
    let (certificate, key) = authority.expired(&["default"]);
    let chain = certificate + &authority.own().0;
    fs::write(&default.certificate, chain).unwrap();
    fs::write(&default.key, key).unwrap();
    let mut files = one(default.clone());
    files
        .hosts
        .push((vec!["a.example.com".to_owned()], host.clone()));
    let acceptor = Acceptor::load(&files).unwrap();
    let end = |acceptor: &Acceptor, file: &Path| {
        let ends = acceptor.certificate_ends();
        ends.get(file).map(ToString::to_string)
    };
    let ended = Some("2020-01-01T00:00:00Z".to_owned());
    assert_eq!(end(&acceptor, &default.certificate), ended);
    assert!(end(&acceptor, &host.certificate) > ended);
    assert_eq!(acceptor.certificate_ends().len(), 2);
    authority.files(&["default"]);
    let renewed = acceptor.renewed(&one(default.clone())).unwrap();
    assert!(end(&renewed, &default.certificate) > ended);
    assert_eq!(end(&renewed, &host.certificate), None);
}

fn absent() -> CertificateFiles {
    CertificateFiles {
        certificate: "/nowhere/chain.pem".into(),
        key: "/nowhere/key.pem".into(),
    }
}

#[test]
fn errors_of_files_name_the_file_and_the_fault() {
    let authority = Authority::new();
    let told = |files: CertificateFiles| Acceptor::load(&one(files)).unwrap_err().to_string();
    assert!(told(absent()).starts_with("/nowhere/chain.pem: "));

    let mut mixed = authority.files(&["a.example"]);
    mixed.key = authority.files(&["b.example"]).key;
    let text = told(mixed);
    assert!(
        text.contains("b.example.key: the key is not that of"),
        "{text}"
    );

    let mut swapped = authority.files(&["a.example"]);
    std::mem::swap(&mut swapped.key, &mut swapped.certificate);
    assert!(told(swapped).contains("holds no certificate"));

    let empty = authority.files(&["a.example"]);
    fs::write(&empty.key, "").unwrap();
    assert!(told(empty).contains("holds no private key"));
}

#[test]
fn a_backend_name_must_be_one() {
    let error = Connector::new(None, "no name", true).unwrap_err();
    assert!(error.to_string().contains("\"no name\""), "{error}");
    let error = Connector::new(Some(Path::new("/nowhere/ca.pem")), "a.example", true);
    assert!(
        error
            .unwrap_err()
            .to_string()
            .starts_with("/nowhere/ca.pem: ")
    );
}

/// A ClientHello of TLS 1.2 or older with these suites, ECDHE on P-256 and RSA or ECDSA signatures.
fn client_hello(version: [u8; 2], suites: &[[u8; 2]]) -> Vec<u8> {
    let groups = [0, 10, 0, 4, 0, 2, 0, 23];
    let points = [0, 11, 0, 2, 1, 0];
    let signatures: &[u8] = match version {
        [3, 3] => &[0, 13, 0, 6, 0, 4, 4, 1, 4, 3],
        _ => &[],
    };
    let extensions = [&groups[..], &points, signatures].concat();
    let suites = suites.concat();
    let length = |octets: usize| u16::try_from(octets).unwrap().to_be_bytes();
    let body = [
        &version[..],
        &[7; 32],
        &[0],
        &length(suites.len()),
        &suites,
        &[1, 0],
        &length(extensions.len()),
        &extensions,
    ]
    .concat();
    let handshake = [&[1, 0][..], &length(body.len()), &body].concat();
    [&[22, 3, 1][..], &length(handshake.len()), &handshake].concat()
}

const ECDHE_RSA_AES256_CBC_SHA384: [u8; 2] = [0xc0, 0x28];
const RSA_AES256_GCM_SHA384: [u8; 2] = [0, 0x9d];
const ECDHE_RSA_AES128_GCM_SHA256: [u8; 2] = [0xc0, 0x2f];
const ECDHE_ECDSA_AES128_GCM_SHA256: [u8; 2] = [0xc0, 0x2b];

/// Why a program that says this is not served; its certificate is ECDSA.
async fn turned_away(hello: Vec<u8>) -> TlsError {
    let acceptor = acceptor(Authority::new().pem(&["pop.example.com"]));
    let (mut near, far) = ends();
    near.write_all(&hello).await.unwrap();
    far.accept_tls(&acceptor).await.err().unwrap()
}

#[tokio::test]
async fn a_program_without_a_common_suite_is_told_apart_with_what_to_do() {
    for suite in [
        ECDHE_RSA_AES256_CBC_SHA384,
        RSA_AES256_GCM_SHA384,
        // Right for another kind of certificate.
        ECDHE_RSA_AES128_GCM_SHA256,
    ] {
        let error = turned_away(client_hello([3, 3], &[suite])).await;
        let told = error.to_string();
        assert!(told.contains("no cipher suite in common"), "{told}");
        assert!(told.contains(SPOKEN) && told.contains("stunnel"), "{told}");
        assert!(told.contains("the program has"), "{told}");
    }
}

#[tokio::test]
async fn a_program_of_old_versions_is_told_apart() {
    for version in [[3, 0], [3, 1], [3, 2]] {
        let suites = [ECDHE_RSA_AES256_CBC_SHA384, ECDHE_ECDSA_AES128_GCM_SHA256];
        let told = turned_away(client_hello(version, &suites))
            .await
            .to_string();
        assert!(told.contains("no TLS version in common"), "{told}");
        assert!(told.contains(SPOKEN), "{told}");
    }
}

/// Why a server that answers the ClientHello so cannot be used.
async fn unusable(answer: &[u8]) -> TlsError {
    let connector = Connector::new(None, "pop.example.com", false).unwrap();
    let (near, mut far) = ends();
    let script = async {
        far.fill().await.unwrap();
        far.write_all(answer).await.unwrap();
        drop(far);
    };
    let (secured, ()) = tokio::join!(near.connect_tls(&connector), script);
    secured.err().unwrap()
}

#[tokio::test]
async fn a_server_without_a_common_suite_is_told_apart_with_what_to_do() {
    // handshake_failure, in records of SSL 3 to TLS 1.2, and insufficient_security.
    for alert in [[3, 0, 40], [3, 1, 40], [3, 3, 40], [3, 3, 71]] {
        let [major, minor, what] = alert;
        let told = unusable(&[21, major, minor, 0, 2, 2, what])
            .await
            .to_string();
        assert!(told.contains("no cipher suite in common"), "{told}");
        assert!(
            told.contains(SPOKEN) && told.contains("the server has"),
            "{told}"
        );
        assert!(told.contains("tls = \"off\""), "{told}");
    }
}

#[tokio::test]
async fn a_server_of_old_versions_is_told_apart() {
    let told = unusable(&[21, 3, 1, 0, 2, 2, 70]).await.to_string();
    assert!(told.contains("no TLS version in common"), "{told}");
    // A ServerHello of TLS 1.0, as servers answer that choose the highest that they have.
    let mut hello = vec![22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 0x2f, 0]);
    hello[4] = u8::try_from(hello.len() - 5).unwrap();
    hello[8] = u8::try_from(hello.len() - 9).unwrap();
    let told = unusable(&hello).await.to_string();
    assert!(told.contains("no TLS version in common"), "{told}");
    assert!(told.contains("enable TLS 1.2 there"), "{told}");
}

#[tokio::test]
async fn a_server_that_hangs_up_in_the_handshake_may_have_no_common_suite() {
    let told = unusable(b"").await.to_string();
    assert!(told.contains("ended the connection"), "{told}");
    assert!(told.contains("no cipher suite is in common"), "{told}");
    assert!(told.contains(SPOKEN), "{told}");
}
