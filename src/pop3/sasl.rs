//! SASL PLAIN and LOGIN (RFC 5034, RFC 4616, draft-murchison-sasl-login).

use crate::ids::UserName;
use crate::limits::LOGIN_LENGTH_MAX;
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// `Username:` in base64.
const USERNAME: &str = "VXNlcm5hbWU6";
/// `Password:` in base64.
const PASSWORD: &str = "UGFzc3dvcmQ6";

/// What a client logs in with, by whatever command.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The SASL mechanism that said it; none: USER and PASS did.
    pub by: Option<Mechanism>,
    /// PLAIN's authorization identity: whose maildrop is meant.
    pub authorization: Option<UserName>,
    /// Whether that maildrop is another's than the user's, which only PLAIN can say. The exchange
    /// goes by the octets; who knows the lock's notion of a name corrects it.
    pub is_anothers: bool,
    /// Who logs in.
    pub user: UserName,
    /// With which password.
    pub password: Secret,
}

impl Credentials {
    /// What USER and PASS say.
    #[must_use]
    pub fn of_user(user: UserName, password: Secret) -> Self {
        Self::said(None, user, password)
    }

    fn said(by: Option<Mechanism>, user: UserName, password: Secret) -> Self {
        Self {
            by,
            authorization: None,
            is_anothers: false,
            user,
            password,
        }
    }

    /// Whether name and password can stand in lines of their own. In base64 a line end may be
    /// part of them (RFC 4616 section 2 forbids NUL alone); behind USER or PASS it would end the
    /// command, and what follows would be another one.
    #[must_use]
    pub fn fit_lines(&self) -> bool {
        let fits = |octets: &[u8]| !octets.iter().any(|b| matches!(b, 0 | b'\r' | b'\n'));
        fits(self.user.as_bytes()) && fits(self.password.expose())
    }

    /// Whose maildrop it is.
    #[must_use]
    pub fn maildrop(&self) -> &UserName {
        match &self.authorization {
            Some(name) if !name.as_bytes().is_empty() => name,
            _ => &self.user,
        }
    }
}

/// A mechanism that popgate accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// PLAIN.
    Plain,
    /// LOGIN, accepted but never listed.
    Login,
}

impl Mechanism {
    /// The mechanism of this name; ASCII case does not matter.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "PLAIN" => Some(Self::Plain),
            "LOGIN" => Some(Self::Login),
            _ => None,
        }
    }
}

/// The server's side of one AUTH command.
#[derive(Debug)]
pub struct SaslServer {
    awaited: Awaited,
}

/// What to do next in an exchange.
#[derive(Debug)]
pub enum SaslStep {
    /// Send `+ ` and this (base64; may be empty), then read a line.
    Challenge(&'static str),
    /// The client has said all.
    Done(Credentials),
    /// The client sent `*`.
    Cancelled,
    /// Not base64, or not what the mechanism asks for.
    Malformed,
}

#[derive(Debug)]
enum Awaited {
    Plain,
    LoginUser,
    LoginPassword(UserName),
    Nothing,
}

impl SaslServer {
    /// Starts an exchange. `initial` is the initial response in base64, if there was one.
    #[must_use]
    pub fn start(mechanism: Mechanism, initial: Option<&Secret>) -> (Self, SaslStep) {
        let (awaited, challenge) = match mechanism {
            Mechanism::Plain => (Awaited::Plain, ""),
            Mechanism::Login => (Awaited::LoginUser, USERNAME),
        };
        let mut server = Self { awaited };
        let step = match initial {
            Some(response) => server.take(response.expose()),
            None => SaslStep::Challenge(challenge),
        };
        (server, step)
    }

    /// Takes a line of the client, without its end. Only a `Challenge` asks for another.
    pub fn respond(&mut self, line: &[u8]) -> SaslStep {
        if line == b"*" {
            self.awaited = Awaited::Nothing;
            return SaslStep::Cancelled;
        }
        self.take(line)
    }

    fn take(&mut self, base64: &[u8]) -> SaslStep {
        let awaited = std::mem::replace(&mut self.awaited, Awaited::Nothing);
        let step = decode(base64).and_then(|response| match awaited {
            Awaited::Plain => plain(&response).map(SaslStep::Done),
            Awaited::LoginUser => self.login_user(&response),
            Awaited::LoginPassword(user) => login_password(user, &response),
            Awaited::Nothing => None,
        });
        step.unwrap_or(SaslStep::Malformed)
    }

    fn login_user(&mut self, response: &[u8]) -> Option<SaslStep> {
        self.awaited = Awaited::LoginPassword(name(response)?);
        Some(SaslStep::Challenge(PASSWORD))
    }
}

fn login_password(user: UserName, response: &[u8]) -> Option<SaslStep> {
    let password = Secret::new(value(response)?.to_vec());
    let credentials = Credentials::said(Some(Mechanism::Login), user, password);
    Some(SaslStep::Done(credentials))
}

/// RFC 4616 section 2: `[authzid] NUL authcid NUL passwd`.
fn plain(message: &[u8]) -> Option<Credentials> {
    let mut parts = message.splitn(3, |&b| b == 0);
    let authorization = match parts.next()? {
        b"" => None,
        octets => Some(name(octets)?),
    };
    let user = name(parts.next()?)?;
    let password = Secret::new(value(parts.next()?)?.to_vec());
    Some(Credentials {
        is_anothers: authorization.as_ref().is_some_and(|name| *name != user),
        authorization,
        ..Credentials::said(Some(Mechanism::Plain), user, password)
    })
}

/// A name that USER has room for too.
fn name(octets: &[u8]) -> Option<UserName> {
    let fits = |octets: &&[u8]| octets.len() <= LOGIN_LENGTH_MAX;
    value(octets).filter(fits).map(UserName::new)
}

/// RFC 4616 section 2 wants one octet at least, and no NUL.
fn value(octets: &[u8]) -> Option<&[u8]> {
    let fits = !octets.is_empty() && !octets.contains(&0);
    fits.then_some(octets)
}

/// Decodes into memory that is wiped, also where it fails half-way.
fn decode(base64: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut octets = Zeroizing::new(vec![0; base64::decoded_len_estimate(base64.len())]);
    let length = STANDARD.decode_slice(base64, &mut octets).ok()?;
    octets.truncate(length);
    Some(octets)
}

/// The client's side of PLAIN: the initial response for a backend, in base64.
#[must_use]
pub fn plain_response(credentials: &Credentials) -> Secret {
    let authorization = credentials.authorization.as_ref();
    let message = Zeroizing::new(
        [
            authorization.map_or(&b""[..], UserName::as_bytes),
            credentials.user.as_bytes(),
            credentials.password.expose(),
        ]
        .join(&0),
    );
    let mut base64 = vec![0; message.len().div_ceil(3) * 4];
    let length = STANDARD
        .encode_slice(&message, &mut base64)
        .unwrap_or_default();
    base64.truncate(length);
    Secret::new(base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn initial(mechanism: Mechanism, octets: &[u8]) -> SaslStep {
        let base64 = Secret::new(STANDARD.encode(octets).into_bytes());
        SaslServer::start(mechanism, Some(&base64)).1
    }

    fn done(step: SaslStep) -> (Option<Vec<u8>>, Vec<u8>, Vec<u8>) {
        let SaslStep::Done(credentials) = step else {
            panic!("{step:?}");
        };
        (
            credentials
                .authorization
                .map(|name| name.as_bytes().to_vec()),
            credentials.user.as_bytes().to_vec(),
            credentials.password.expose().to_vec(),
        )
    }

    #[test]
    fn plain_works_with_and_without_an_initial_response() {
        let expected = (None, b"ann".to_vec(), b" p w ".to_vec());
        assert_eq!(done(initial(Mechanism::Plain, b"\0ann\0 p w ")), expected);
        let (mut server, step) = SaslServer::start(Mechanism::Plain, None);
        assert!(matches!(step, SaslStep::Challenge("")));
        assert_eq!(done(server.respond(b"AGFubgAgcCB3IA==")), expected);
    }

    #[test]
    fn a_non_empty_authorization_identity_is_the_maildrop() {
        let SaslStep::Done(credentials) = initial(Mechanism::Plain, b"bob\0admin\0pw") else {
            panic!("not done");
        };
        assert_eq!(credentials.maildrop().as_bytes(), b"bob");
        let SaslStep::Done(credentials) = initial(Mechanism::Plain, b"\0ann\0pw") else {
            panic!("not done");
        };
        assert_eq!(credentials.maildrop().as_bytes(), b"ann");
    }

    #[test]
    fn login_asks_for_name_and_password() {
        let (mut server, step) = SaslServer::start(Mechanism::Login, None);
        assert!(matches!(step, SaslStep::Challenge(USERNAME)));
        assert!(matches!(
            server.respond(b"YW5u"),
            SaslStep::Challenge(PASSWORD)
        ));
        let expected = (None, b"ann".to_vec(), b"pw".to_vec());
        assert_eq!(done(server.respond(b"cHc=")), expected);
        assert!(matches!(
            initial(Mechanism::Login, b"ann"),
            SaslStep::Challenge(PASSWORD)
        ));
    }

    #[test]
    fn a_star_cancels_and_ends_the_exchange() {
        let (mut server, _) = SaslServer::start(Mechanism::Login, None);
        assert!(matches!(server.respond(b"*"), SaslStep::Cancelled));
        assert!(matches!(server.respond(b"YW5u"), SaslStep::Malformed));
    }

    #[test]
    fn what_is_no_plain_message_is_malformed() {
        let bad: [&[u8]; 6] = [b"", b"ann", b"\0ann", b"\0\0pw", b"\0ann\0", b"\0ann\0p\0w"];
        for message in bad {
            let step = initial(Mechanism::Plain, message);
            assert!(matches!(step, SaslStep::Malformed), "{message:?}");
        }
        let (mut server, _) = SaslServer::start(Mechanism::Plain, None);
        assert!(matches!(
            server.respond(b"not base64!"),
            SaslStep::Malformed
        ));
    }

    #[test]
    fn a_line_end_in_it_keeps_a_login_out_of_lines() {
        let fits = |message: &[u8]| match initial(Mechanism::Plain, message) {
            SaslStep::Done(credentials) => credentials.fit_lines(),
            step => panic!("{step:?}"),
        };
        // What is said of the maildrop goes nowhere but into PLAIN.
        assert!(fits(b"\0ann\0p w\t\xff") && fits(b"b\n\0ann\0pw"));
        assert!(!fits(b"\0ann\0p\nw"));
        assert!(!fits(b"\0ann\0pw\r"));
        assert!(!fits(b"\0a\rn\0pw"));
    }

    #[test]
    fn a_login_knows_what_it_came_by_and_whether_it_names_another() {
        let said = |mechanism, message: &[u8]| match initial(mechanism, message) {
            SaslStep::Done(credentials) => (credentials.by, credentials.is_anothers),
            step => panic!("{step:?}"),
        };
        let plain = |message| said(Mechanism::Plain, message);
        assert_eq!(plain(b"\0ann\0pw"), (Some(Mechanism::Plain), false));
        assert_eq!(plain(b"ann\0ann\0pw"), (Some(Mechanism::Plain), false));
        assert_eq!(plain(b"bob\0ann\0pw"), (Some(Mechanism::Plain), true));
        let (mut server, _) = SaslServer::start(Mechanism::Login, None);
        server.respond(b"YW5u");
        let SaslStep::Done(credentials) = server.respond(b"cHc=") else {
            panic!("not done");
        };
        assert_eq!(credentials.by, Some(Mechanism::Login));
        let (ann, password) = (UserName::new(b"ann"), Secret::new(b"pw".to_vec()));
        assert_eq!(Credentials::of_user(ann, password).by, None);
    }

    #[test]
    fn a_name_that_user_has_no_room_for_is_malformed_and_a_long_password_is_not() {
        let longest = [b'a'; LOGIN_LENGTH_MAX].as_slice();
        let password = [b'p'; 2 * LOGIN_LENGTH_MAX].as_slice();
        let plain = |authorization: &[u8], user: &[u8]| {
            initial(Mechanism::Plain, &[authorization, user, password].join(&0))
        };
        assert_eq!(done(plain(longest, longest)).1, longest);
        let too_long = [longest, b"a"].concat();
        assert!(matches!(plain(b"", &too_long), SaslStep::Malformed));
        assert!(matches!(plain(&too_long, b"ann"), SaslStep::Malformed));
        assert!(matches!(
            initial(Mechanism::Login, &too_long),
            SaslStep::Malformed
        ));
    }

    #[test]
    fn the_response_for_a_backend_reads_back_as_it_was() {
        for message in [&b"\0ann\0pw"[..], b"bob\0admin\0 \xff ", b" Ann\0ann\0\r\n"] {
            let SaslStep::Done(credentials) = initial(Mechanism::Plain, message) else {
                panic!("not done");
            };
            let sent = plain_response(&credentials);
            assert_eq!(STANDARD.decode(sent.expose()).unwrap(), message);
        }
    }

    #[test]
    fn mechanisms_are_known_by_name() {
        assert_eq!(Mechanism::parse("plain"), Some(Mechanism::Plain));
        assert_eq!(Mechanism::parse("LOGIN"), Some(Mechanism::Login));
        assert_eq!(Mechanism::parse("XOAUTH2"), None);
    }
}
