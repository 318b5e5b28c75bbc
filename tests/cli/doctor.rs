//! `popgate doctor` before an embedded server.

use crate::{code, popgate, stderr, stdout};
use popgate::config::Config;
use popgate::demo::server::{DemoOptions, DemoServer, ListingFlaw};
use popgate::dialect::Phrases;
use popgate::doctor::advice::{AdvisedSetting, SettingTable};
use popgate::secret::Secret;
use popgate::time::Duration;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const PASSWORD: &str = "wonder land";

/// A backend, and a folder with a configuration for it and the password of its user.
struct Ward {
    folder: tempfile::TempDir,
    _runtime: Runtime,
}

impl Ward {
    fn new(options: DemoOptions) -> Self {
        let runtime = Runtime::new().unwrap();
        let password = Secret::new(PASSWORD.as_bytes().to_vec());
        let server = DemoServer::new(DemoOptions {
            users: vec![("ann".to_owned(), password)],
            ..options
        });
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(Arc::clone(&server).serve(listener, CancellationToken::new()));
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("popgate.toml"), configuration(address)).unwrap();
        let ward = Self {
            folder,
            _runtime: runtime,
        };
        ward.write_password(&format!("{PASSWORD}\nsecond line\n"), 0o600);
        ward
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn write_password(&self, text: &str, mode: u32) {
        let file = self.folder().join("password");
        fs::write(&file, text).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Adds to its `[[backend]]`.
    fn add_settings(&self, settings: &str) {
        let file = self.folder().join("popgate.toml");
        let config = fs::read_to_string(&file).unwrap() + settings;
        fs::write(file, config).unwrap();
    }

    fn doctor(&self, arguments: &[&str]) -> Output {
        let output = popgate(
            self.folder(),
            &[&["doctor", "--config", "popgate.toml"], arguments].concat(),
        );
        for told in [stdout(&output), stderr(&output)] {
            assert!(!told.contains(PASSWORD), "{told}");
        }
        output
    }
}

const ACCOUNT: [&str; 4] = ["--user", "ann", "--password-file", "password"];

fn configuration(backend: SocketAddr) -> String {
    format!(
        "[[listen]]\naddress = \"127.0.0.1:110\"\ntls = \"off\"\n\
         [[backend]]\nname = \"legacy\"\naddress = \"{backend}\"\n"
    )
}

#[test]
fn a_person_reads_one_finding_a_line() {
    let ward = Ward::new(DemoOptions::default());
    let output = ward.doctor(&ACCOUNT);
    assert_eq!(code(&output), 0);
    assert_eq!(stderr(&output), "");
    let told = stdout(&output);
    assert!(told.starts_with("backend legacy, 127.0.0.1:"), "{told}");
    for line in [
        "\n  ok     tls          in clear, and on this host\n",
        "\n  ok     lock         a second session is refused after ",
        "\n  ok     uidl         the same in two sessions, 5 messages\n",
        "\n  ok     sharing      yes, if the messages were new: ",
        "\nshareable = true  # listings stay as they were\n",
    ] {
        assert!(told.contains(line), "{line:?} is not in\n{told}");
    }
}

#[test]
fn what_is_advised_can_be_pasted_and_helps() {
    let ward = Ward::new(DemoOptions {
        refusal: "-ERR Postfach belegt".to_owned(),
        ..DemoOptions::default()
    });
    let told = stdout(&ward.doctor(&ACCOUNT));
    let (_, advice) = told.split_once("\n[[backend]]\n").expect("no advice");
    let settings: toml::Table = advice.parse().expect("no TOML");
    assert_eq!(settings["name"].as_str(), Some("legacy"));
    let (_, settings) = advice.split_once('\n').unwrap();
    ward.add_settings(settings);
    let told = stdout(&ward.doctor(&ACCOUNT));
    assert!(
        told.ends_with("nothing to change in its settings\n"),
        "{told}"
    );
}

#[test]
fn a_program_reads_an_object() {
    let ward = Ward::new(DemoOptions::default());
    let output = ward.doctor(&["--json"]);
    assert_eq!(code(&output), 0);
    let verdict: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(verdict["ok"], true);
    let backend = &verdict["backends"][0];
    assert_eq!(backend["name"], "legacy");
    assert_eq!(backend["severity"], "ok");
    assert_eq!(backend["findings"][0]["topic"], "reach");
    assert_eq!(backend["sharing"]["shareable"], serde_json::Value::Null);
    assert_eq!(backend["advice"].as_array().map(Vec::len), Some(0));
}

#[test]
fn listings_that_are_set_shareable_and_are_not_end_it_with_64() {
    let ward = Ward::new(DemoOptions {
        flaw: Some(ListingFlaw::IdsAreNumbers),
        ..DemoOptions::default()
    });
    let output = ward.doctor(&[&ACCOUNT[..], &["--json"]].concat());
    assert_eq!(code(&output), 0);
    let verdict: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let sharing = &verdict["backends"][0]["sharing"];
    let expected = serde_json::json!({ "shareable": false, "reasons": ["numbers"] });
    assert_eq!(*sharing, expected);

    ward.add_settings("shareable = true\n");
    let output = ward.doctor(&ACCOUNT);
    assert_eq!(code(&output), 64);
    let told = stdout(&output);
    let fault = "fault  sharing      no, though the configuration says `shareable = true`: the ";
    assert!(told.contains(fault), "{told}");
    assert!(told.contains("\nshareable = false  # "), "{told}");
}

#[test]
fn a_backend_that_is_not_there_ends_it_with_69() {
    let ward = Ward::new(DemoOptions::default());
    let gone = crate::gate::free_address();
    fs::write(ward.folder().join("popgate.toml"), configuration(gone)).unwrap();
    let output = ward.doctor(&[]);
    assert_eq!(code(&output), 69);
    let told = stdout(&output);
    assert!(
        told.contains("\n  fault  reach        127.0.0.1:"),
        "{told}"
    );
    let output = ward.doctor(&["--json"]);
    assert_eq!(code(&output), 69);
    assert!(stdout(&output).contains("\"ok\":false"));
}

#[test]
fn a_wrong_password_ends_it_with_69_and_is_not_shown() {
    let ward = Ward::new(DemoOptions::default());
    ward.write_password("Canary-4711\n", 0o600);
    let output = ward.doctor(&ACCOUNT);
    assert_eq!(code(&output), 69);
    let told = stdout(&output);
    assert!(
        told.contains("\n  fault  login        refused after "),
        "{told}"
    );
    assert!(!told.contains("Canary"), "{told}");
}

#[test]
fn a_password_that_everybody_can_read_is_a_warning() {
    let ward = Ward::new(DemoOptions::default());
    ward.write_password(PASSWORD, 0o644);
    let output = ward.doctor(&ACCOUNT);
    assert_eq!(code(&output), 0);
    let expected = "warning: password can be read by everybody here: chmod 600 password\n";
    assert_eq!(stderr(&output), expected);
}

#[test]
fn a_password_may_have_four_kibibytes() {
    let ward = Ward::new(DemoOptions::default());
    let longest = "canary".repeat(683)[..4_096].to_owned();
    for end in ["", "\n", "\r\nsecond line"] {
        ward.write_password(&format!("{longest}{end}"), 0o600);
        let output = ward.doctor(&ACCOUNT);
        assert_eq!(code(&output), 69, "it is a wrong one: {}", stderr(&output));
        assert!(stdout(&output).contains("Authentication failed"));
        assert!(!stdout(&output).contains("canary") && !stderr(&output).contains("canary"));
    }
    ward.write_password(&format!("{longest}x\n"), 0o600);
    let output = ward.doctor(&ACCOUNT);
    assert_eq!(code(&output), 64);
    assert!(stderr(&output).starts_with("password: its first line is "));
}

#[test]
fn wrong_usage_ends_it_with_64() {
    let ward = Ward::new(DemoOptions::default());
    let no_file = ["--user", "ann", "--password-file", "nothing"];
    let bad_name = ["--user", "a\r\nDELE 1", "--password-file", "password"];
    for (arguments, told) in [
        (&["--user", "ann"][..], "--password-file"),
        (&["--password-file", "password"], "--user"),
        (&no_file, "nothing: cannot be read: No such file"),
        (&bad_name, "without control characters"),
    ] {
        let output = ward.doctor(arguments);
        assert_eq!(code(&output), 64, "{arguments:?}");
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
    for text in ["\nsecond", "", "a\rb\n", "a\0b\n"] {
        ward.write_password(text, 0o600);
        let output = ward.doctor(&ACCOUNT);
        assert_eq!(code(&output), 64, "{text:?}");
        assert!(stderr(&output).starts_with("password: its first line is "));
    }
    fs::write(ward.folder().join("popgate.toml"), "[server]\ngrcae = 5\n").unwrap();
    let output = ward.doctor(&[]);
    assert_eq!(code(&output), 64);
    assert!(stderr(&output).starts_with("popgate.toml:2:1: unknown key `grcae`\n"));
}

#[test]
fn every_setting_is_a_line_of_the_configuration() {
    let settings = [
        AdvisedSetting::Stls,
        AdvisedSetting::Capabilities(vec!["SASL PLAIN".to_owned()]),
        AdvisedSetting::Connections(1),
        AdvisedSetting::NoPreconnect,
        AdvisedSetting::ConnectTimeout(Duration::from_secs(48)),
        AdvisedSetting::LoginTimeout(Duration::from_secs(93)),
        AdvisedSetting::LoginReserve(Duration::from_secs(4)),
        AdvisedSetting::Phrases(Phrases {
            locked: vec!["a \"b\" \\ 'c'".to_owned()],
            ..Phrases::default()
        }),
        AdvisedSetting::Shareable(true),
        AdvisedSetting::Wait(Duration::from_secs(30)),
    ];
    let mut text = "[[listen]]\naddress = \"127.0.0.1:110\"\ntls = \"off\"\n\
                    [[backend]]\nname = \"legacy\"\naddress = \"10.0.0.5:110\"\n"
        .to_owned();
    for setting in settings {
        if setting.table() == SettingTable::Defaults {
            text += "[defaults]\n";
        }
        text += &format!("{setting}  # why\n");
    }
    let config = Config::parse(&text, Path::new("popgate.toml"));
    let backend = &config.map_err(|error| error.to_string()).unwrap().backends[0];
    assert_eq!(backend.phrases.locked, ["a \"b\" \\ 'c'"]);
}
