//! Capabilities: what a backend says it can do, and what clients are told (RFC 2449).

use std::fmt;

/// What a CAPA reply of a backend lists, as far as popgate uses it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// TOP.
    pub top: bool,
    /// UIDL.
    pub uidl: bool,
    /// The argument of EXPIRE, such as `NEVER` or `30 USER`.
    pub expire: Option<String>,
    /// The seconds of LOGIN-DELAY. Clients are told of popgate's own in its place.
    pub login_delay: Option<u64>,
    /// PIPELINING: several commands may be sent before the first reply.
    pub pipelining: bool,
    /// AUTH-RESP-CODE (RFC 3206).
    pub auth_resp_code: bool,
    /// USER: logins by USER and PASS.
    pub user: bool,
    /// STLS (RFC 2595).
    pub stls: bool,
    /// SASL mechanisms, in capitals.
    pub sasl: Vec<String>,
}

/// What popgate itself offers a client before login; neither after login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// STLS.
    pub stls: bool,
    /// Logins by password: USER and SASL PLAIN.
    pub password: bool,
    /// Where a login that comes too soon is refused.
    pub login_delay: Option<LoginDelay>,
}

/// What is said of the least time between two logins (RFC 2449 section 6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginDelay {
    /// Before login: the longest of all users, who differ.
    Longest {
        /// Whole seconds.
        seconds: u64,
    },
    /// After login: that of this user.
    Exact {
        /// Whole seconds.
        seconds: u64,
    },
}

impl fmt::Display for LoginDelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Longest { seconds } => write!(f, "LOGIN-DELAY {seconds} USER"),
            Self::Exact { seconds } => write!(f, "LOGIN-DELAY {seconds}"),
        }
    }
}

impl Capabilities {
    /// Reads the lines of a CAPA reply, without the status line and the final dot. Unknown
    /// lines are skipped, such as the literal `CAPA` of Dovecot.
    #[must_use]
    pub fn parse<L: AsRef<[u8]>>(lines: impl IntoIterator<Item = L>) -> Self {
        let mut capabilities = Self::default();
        for line in lines {
            capabilities.add(&String::from_utf8_lossy(line.as_ref()));
        }
        capabilities
    }

    /// Reads the `capabilities` of a `[[backend]]`: each entry is a line of a CAPA reply.
    #[must_use]
    pub fn from_names(names: &[String]) -> Self {
        Self::parse(names)
    }

    /// Of a backend that refuses CAPA: practically every such server knows TOP and UIDL, and
    /// clients refuse to work without.
    #[must_use]
    pub fn assumed() -> Self {
        Self {
            top: true,
            uidl: true,
            user: true,
            ..Self::default()
        }
    }

    /// What both have.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let in_other = |mechanism: &&String| other.sasl.contains(mechanism);
        Self {
            top: self.top && other.top,
            uidl: self.uidl && other.uidl,
            expire: self.expire.clone().filter(|_| self.expire == other.expire),
            login_delay: self.login_delay.max(other.login_delay),
            pipelining: self.pipelining && other.pipelining,
            auth_resp_code: self.auth_resp_code && other.auth_resp_code,
            user: self.user && other.user,
            stls: self.stls && other.stls,
            // A login may go to either backend, so it may use only what both take.
            sasl: self.sasl.iter().filter(in_other).cloned().collect(),
        }
    }

    /// Whether a session, of which this is the list, is offered something else than the list
    /// `before` its login offers.
    #[must_use]
    pub fn is_other_inside(&self, before: &Self) -> bool {
        let offers = |list: &Self| {
            let Self {
                top,
                uidl,
                pipelining,
                auth_resp_code,
                ..
            } = *list;
            (top, uidl, pipelining, auth_resp_code, list.expire.clone())
        };
        offers(self) != offers(before)
    }

    fn add(&mut self, line: &str) {
        let mut words = line.split_ascii_whitespace();
        let name = words.next().unwrap_or_default().to_ascii_uppercase();
        match name.as_str() {
            "TOP" => self.top = true,
            "UIDL" => self.uidl = true,
            // Of two the last counts; one that cannot be read takes none away.
            "EXPIRE" => self.expire = expire(words).or(self.expire.take()),
            "LOGIN-DELAY" => self.login_delay = login_delay(words).or(self.login_delay),
            "PIPELINING" => self.pipelining = true,
            "AUTH-RESP-CODE" => self.auth_resp_code = true,
            "USER" => self.user = true,
            "STLS" => self.stls = true,
            "SASL" => self.sasl.extend(words.map(str::to_ascii_uppercase)),
            _ => {}
        }
    }
}

/// The argument goes on to clients, so only what RFC 2449 section 6.7 allows is taken.
fn expire<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<String> {
    let days = words.next()?;
    let known = days.eq_ignore_ascii_case("NEVER") || days.bytes().all(|b| b.is_ascii_digit());
    let by_user = words
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case("USER"));
    known.then(|| format!("{days}{}", if by_user { " USER" } else { "" }))
}

/// RFC 2449 section 6.5.
fn login_delay<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<u64> {
    words.next()?.parse().ok()
}

/// The whole reply to a client's CAPA, `+OK` and final dot included.
#[must_use]
pub fn client_reply(backend: &Capabilities, offer: Offer) -> Vec<u8> {
    let expire = backend.expire.as_ref().map(|days| format!("EXPIRE {days}"));
    let delay = offer.login_delay.map(|delay| delay.to_string());
    let lines = [
        backend.top.then_some("TOP"),
        backend.uidl.then_some("UIDL"),
        Some("RESP-CODES"),
        backend.auth_resp_code.then_some("AUTH-RESP-CODE"),
        backend.pipelining.then_some("PIPELINING"),
        expire.as_deref(),
        delay.as_deref(),
        offer.stls.then_some("STLS"),
        offer.password.then_some("USER"),
        offer.password.then_some("SASL PLAIN"),
    ];
    let mut reply = String::from("+OK Capability list follows\r\n");
    for line in lines.into_iter().flatten() {
        reply.push_str(line);
        reply.push_str("\r\n");
    }
    reply.push_str(".\r\n");
    reply.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOVECOT: [&str; 8] = [
        "CAPA",
        "TOP",
        "UIDL ",
        "RESP-CODES",
        "PIPELINING",
        "AUTH-RESP-CODE",
        "USER",
        "SASL PLAIN login",
    ];

    #[test]
    fn reads_what_real_servers_list() {
        let dovecot = Capabilities::parse(DOVECOT);
        assert!(dovecot.top && dovecot.uidl && dovecot.pipelining && dovecot.user);
        assert_eq!(dovecot.sasl, ["PLAIN", "LOGIN"]);
        let courier =
            Capabilities::parse(["LOGIN-DELAY 10", "UTF8 USER", "STLS", "EXPIRE 30 USER"]);
        assert!(courier.stls && !courier.user && !courier.top);
        assert_eq!(courier.expire.as_deref(), Some("30 USER"));
        assert_eq!((courier.login_delay, dovecot.login_delay), (Some(10), None));
    }

    #[test]
    fn several_backends_offer_what_all_have() {
        let one = Capabilities::parse([
            "TOP",
            "UIDL",
            "EXPIRE 30",
            "SASL PLAIN LOGIN",
            "LOGIN-DELAY 5",
        ]);
        let two = Capabilities::parse(["UIDL", "PIPELINING", "EXPIRE NEVER", "SASL LOGIN"]);
        assert_eq!(
            one.intersect(&two),
            Capabilities::parse(["UIDL", "SASL LOGIN", "LOGIN-DELAY 5"])
        );
        assert_eq!(one.intersect(&one), one);
    }

    #[test]
    fn a_client_is_told_what_works_and_nothing_else() {
        let backend = Capabilities::parse(DOVECOT);
        let offer = Offer {
            stls: true,
            password: false,
            login_delay: None,
        };
        assert_eq!(
            String::from_utf8(client_reply(&backend, offer)).unwrap(),
            "+OK Capability list follows\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n\
             PIPELINING\r\nSTLS\r\n.\r\n"
        );
        let offer = Offer {
            stls: false,
            password: true,
            login_delay: Some(LoginDelay::Longest { seconds: 600 }),
        };
        let names = ["TOP".to_owned(), "EXPIRE NEVER".to_owned()];
        assert_eq!(
            String::from_utf8(client_reply(&Capabilities::from_names(&names), offer)).unwrap(),
            "+OK Capability list follows\r\nTOP\r\nRESP-CODES\r\nEXPIRE NEVER\r\nLOGIN-DELAY 600 USER\r\nUSER\r\nSASL PLAIN\r\n.\r\n"
        );
    }

    #[test]
    fn an_expiry_that_is_no_number_is_left_out() {
        assert_eq!(
            Capabilities::parse(["EXPIRE", "EXPIRE \x1b[2J"]).expire,
            None
        );
    }
}
