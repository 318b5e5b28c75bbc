//! Which running gate a command talks to, and by whose leave.

use super::client::{AdminClient, AdminEndpoint, Failure};
use crate::admin::token::Token;
use crate::config::{AdminOptions, Config};
use crate::net::tls::{Connector, TlsError};
use clap::Args;
use hyper::Uri;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Where the package puts the configuration.
const DEFAULT_CONFIG: &str = "/etc/popgate/popgate.toml";

/// To a command that does not say which gate it means. clap would name one of the ways alone.
const NO_TARGET: &str = "\
which popgate? Name its configuration file, or its admin port and token file:
  --config FILE
  --admin http://HOST:PORT --token-file FILE
hint: without either, a command reads /etc/popgate/popgate.toml, which is not there";

/// Where the token would be read on the way.
const IN_CLEAR: &str = "\
http would send the token in clear to another machine
hint: name the admin port with https, or reach it through a tunnel that ends on 127.0.0.1; where \
the network is trusted, give --config a copy of its file, with `cleartext = true` in [admin]";

/// Where the running popgate is
#[derive(Args, Debug)]
#[command(next_help_heading = "Connection to the running popgate")]
pub(super) struct GateArgs {
    /// Its configuration file [default: /etc/popgate/popgate.toml]
    #[arg(long, value_name = "FILE", conflicts_with = "admin")]
    config: Option<PathBuf>,
    /// URL of its admin port, such as http://127.0.0.1:9110
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    admin: Option<AdminUrl>,
    /// File with the token of that port
    #[arg(long, value_name = "FILE", requires = "admin")]
    token_file: Option<PathBuf>,
    /// Authorities for an https URL, PEM [default: those of the system]
    #[arg(long, value_name = "FILE", requires = "admin")]
    ca: Option<PathBuf>,
}

/// What an URL of the admin port says.
#[derive(Clone, Debug, PartialEq)]
struct AdminUrl {
    host: String,
    port: u16,
    is_https: bool,
}

impl GateArgs {
    /// That the arguments name a gate: before what else they lack.
    pub(super) fn is_named(&self) -> Result<(), Failure> {
        let is_named =
            self.admin.is_some() || self.configuration(Path::new(DEFAULT_CONFIG)).is_some();
        is_named
            .then_some(())
            .ok_or_else(|| Failure::usage(NO_TARGET))
    }

    /// The gate that is meant, with the token that it wants.
    pub(super) fn client(&self) -> Result<AdminClient, Failure> {
        self.is_named()?;
        match (&self.admin, self.configuration(Path::new(DEFAULT_CONFIG))) {
            (Some(url), _) => self.at_url(url),
            (None, Some(file)) => from_config(file),
            (None, None) => Err(Failure::usage(NO_TARGET)),
        }
    }

    fn configuration<'a>(&'a self, default: &'a Path) -> Option<&'a Path> {
        let default = default.exists().then_some(default);
        self.config.as_deref().or(default)
    }

    fn at_url(&self, url: &AdminUrl) -> Result<AdminClient, Failure> {
        if self.token_file.is_some() && !url.is_private() {
            return Err(Failure::usage(IN_CLEAR));
        }
        let tls = url
            .is_https
            .then(|| Connector::new(self.ca.as_deref(), url.bare_host(), true))
            .transpose()
            .map_err(|error| no_trust(&error))?;
        let endpoint = AdminEndpoint {
            address: format!("{}:{}", url.host, url.port),
            tls,
        };
        let token = self.token_file.as_deref().map(read_token).transpose()?;
        AdminClient::new(endpoint, token, self.token_file.as_deref())
    }
}

/// The certificate of the admin port is read, and those of the listeners need not be readable.
fn from_config(path: &Path) -> Result<AdminClient, Failure> {
    let config = Config::read(path).map_err(|error| Failure::usage(error.to_string()))?;
    let lacks = |what: &str| Failure::usage(format!("{}: there is no {what}", path.display()));
    let options = config
        .admin
        .ok_or_else(|| lacks("[admin]: popgate has no admin port"))?;
    let token = match (&options.token_file, options.trust_loopback) {
        // Whoever may not read it is let in from this machine all the same.
        (file, true) => file.as_deref().and_then(|file| read_token(file).ok()),
        (Some(file), false) => Some(read_token(file)?),
        (None, false) => return Err(lacks("`token_file` in [admin]: popgate has no API")),
    };
    AdminClient::new(endpoint(&options)?, token, options.token_file.as_deref())
}

/// This machine may know the port by an address that is in no certificate: what counts is the
/// certificate that the file names.
fn endpoint(options: &AdminOptions) -> Result<AdminEndpoint, Failure> {
    let certificate = options
        .tls
        .as_ref()
        .map(|files| files.certificate.as_path());
    Ok(AdminEndpoint {
        address: reachable(options.address).to_string(),
        tls: certificate
            .map(Connector::pinned)
            .transpose()
            .map_err(|error| no_trust(&error))?,
    })
}

fn no_trust(error: &TlsError) -> Failure {
    Failure::usage(error.to_string())
}

fn read_token(file: &Path) -> Result<Token, Failure> {
    let found = Token::read(file).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(found.token)
}

/// Where one is reached that listens on every address.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// `http://HOST:PORT` or `https://HOST:PORT`.
fn parse_url(text: &str) -> Result<AdminUrl, String> {
    const FORM: &str = "write http://HOST:PORT or https://HOST:PORT, as in http://127.0.0.1:9110";
    let url: Uri = text.parse().map_err(|_| FORM)?;
    let is_bare = ["", "/"].contains(&url.path()) && url.query().is_none();
    let (is_https, default_port) = match url.scheme_str() {
        Some("http") => (false, 80),
        Some("https") => (true, 443),
        _ => return Err(FORM.to_owned()),
    };
    let at = url
        .authority()
        .filter(|at| is_bare && !at.as_str().contains('@'))
        .ok_or(FORM)?;
    Ok(AdminUrl {
        host: at.host().to_owned(),
        port: at.port_u16().unwrap_or(default_port),
        is_https,
    })
}

impl AdminUrl {
    /// Whether nobody else hears what is sent there.
    fn is_private(&self) -> bool {
        let address = self.bare_host().parse::<IpAddr>();
        let is_local = address.map_or(self.host.eq_ignore_ascii_case("localhost"), |address| {
            address.is_loopback()
        });
        self.is_https || is_local
    }

    /// An IPv6 address without the brackets that it has in a URL.
    fn bare_host(&self) -> &str {
        let inside = self.host.strip_prefix('[');
        inside
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(&self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_host_and_a_port_and_nothing_else() {
        for (text, host, port, is_https) in [
            ("http://127.0.0.1:9110", "127.0.0.1", 9110, false),
            ("http://gate.internal:9110/", "gate.internal", 9110, false),
            ("https://[::1]:9110", "[::1]", 9110, true),
            ("HTTP://localhost", "localhost", 80, false),
            ("https://gate.example.com", "gate.example.com", 443, true),
        ] {
            let url = parse_url(text).unwrap();
            assert_eq!((&*url.host, url.port, url.is_https), (host, port, is_https));
        }
        assert_eq!(parse_url("https://[::1]:1").unwrap().bare_host(), "::1");
        for wrong in [
            "",
            "127.0.0.1:9110",
            "ftp://127.0.0.1:9110",
            "http://127.0.0.1:9110/api",
            "http://127.0.0.1:9110/?x",
            "http://ann@127.0.0.1:9110",
            "http://",
        ] {
            assert!(parse_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_token_goes_in_clear_to_this_machine_only() {
        for (url, is_private) in [
            ("http://127.0.0.1:9110", true),
            ("http://[::1]:9110", true),
            ("http://localhost:9110", true),
            ("https://gate.internal", true),
            ("http://gate.internal:9110", false),
            ("http://10.0.0.5:9110", false),
        ] {
            let args = GateArgs {
                config: None,
                admin: Some(parse_url(url).unwrap()),
                token_file: Some("none.token".into()),
                ca: None,
            };
            let why = args.client().err().unwrap().why;
            assert_eq!(why != IN_CLEAR, is_private, "{url}: {why}");
        }
    }

    #[test]
    fn a_gate_on_every_address_is_reached_on_loopback() {
        let reach = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(reach("0.0.0.0:9110"), "127.0.0.1:9110");
        assert_eq!(reach("[::]:9110"), "[::1]:9110");
        assert_eq!(reach("10.0.0.5:9110"), "10.0.0.5:9110");
    }

    #[test]
    fn the_packaged_configuration_serves_where_it_is_there_and_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let default = folder.path().join("popgate.toml");
        let mut args = GateArgs {
            config: None,
            admin: None,
            token_file: None,
            ca: None,
        };
        assert_eq!(args.configuration(&default), None);
        std::fs::write(&default, "").unwrap();
        assert_eq!(args.configuration(&default), Some(&*default));
        args.config = Some("other.toml".into());
        assert_eq!(args.configuration(&default), Some(Path::new("other.toml")));
    }
}
