//! The programs: their modes, their command lines, and what they say when they are refused.

use super::call::{Call, Door, Home, Task, shown};
use crate::Outcome;
use crate::gate::Mode;
use crate::server::PASSWORD;
use popgate::program::Family;

/// What has to be installed.
pub(crate) const NEEDED: [&str; 9] = [
    "/usr/bin/fetchmail",
    "/usr/bin/getmail",
    "/usr/bin/mpop",
    "/usr/bin/mutt",
    "/usr/bin/curl",
    "/usr/bin/python3",
    "/usr/bin/perl",
    "/usr/share/perl5/IO/Socket/SSL.pm",
    "/usr/bin/ruby",
];

/// A mail program, or a script that uses a language's own POP3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Fetchmail,
    Getmail,
    Mpop,
    Mutt,
    Curl,
    /// Python.
    Poplib,
    /// Perl.
    NetPop3,
    /// Ruby.
    NetPop,
}

/// How a program ends that did not get in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Complaint {
    pub(crate) exit_code: i32,
    pub(crate) words: &'static str,
}

impl Program {
    pub(crate) const ALL: [Self; 8] = [
        Self::Fetchmail,
        Self::Getmail,
        Self::Mpop,
        Self::Mutt,
        Self::Curl,
        Self::Poplib,
        Self::NetPop3,
        Self::NetPop,
    ];

    /// As in the names of its users.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fetchmail => "fetchmail",
            Self::Getmail => "getmail",
            Self::Mpop => "mpop",
            Self::Mutt => "mutt",
            Self::Curl => "curl",
            Self::Poplib => "poplib",
            Self::NetPop3 => "net-pop3",
            Self::NetPop => "net-pop",
        }
    }

    /// What popgate should take it for.
    pub(crate) fn family(self) -> Family {
        match self {
            Self::Fetchmail => Family::Fetchmail,
            Self::Getmail => Family::Getmail,
            Self::Mpop => Family::Mpop,
            Self::Mutt => Family::Mutt,
            Self::Curl => Family::Curl,
            Self::Poplib | Self::NetPop3 | Self::NetPop => Family::Script,
        }
    }

    /// What it can do: getmail and Ruby do not know STLS.
    pub(crate) fn modes(self) -> &'static [Mode] {
        match self {
            Self::Getmail | Self::NetPop => &[Mode::Plain, Mode::Implicit],
            _ => &Mode::ALL,
        }
    }

    /// Whether it deletes what it has stored: curl does one thing in a session.
    pub(crate) fn deletes(self) -> bool {
        self != Self::Curl
    }

    /// What it makes of the refusal where the wait is spent. Only fetchmail knows it for a lock.
    pub(crate) fn when_refused(self, mode: Mode) -> Complaint {
        let (exit_code, words) = match (self, mode) {
            (Self::Fetchmail, _) => (9, "lock busy!  Is another session active?"),
            (Self::Getmail, _) => (
                127,
                "operation error (POP error (b'-ERR [IN-USE] Mailbox is",
            ),
            (Self::Mpop, Mode::Plain) => (77, "[IN-USE] Mailbox is locked by another of your"),
            // Of AUTH it does not show the server's words.
            (Self::Mpop, _) => (77, "authentication failed (method PLAIN)"),
            (Self::Mutt, _) => (
                0,
                "failed. PASS: [IN-USE] Mailbox is locked by another of your",
            ),
            (Self::Curl, _) => (67, "Login denied"),
            (Self::Poplib, _) => (1, "poplib.error_proto: b'-ERR [IN-USE] Mailbox is locked"),
            (Self::NetPop3, _) => (1, "[IN-USE] Mailbox is locked by another of your"),
            (Self::NetPop, _) => (1, "(Net::POPAuthenticationError)"),
        };
        Complaint { exit_code, words }
    }

    /// The command that does the task; its files are made in `home`.
    pub(crate) fn command(
        self,
        call: &Call,
        task: Task,
        door: &Door,
        home: &Home,
    ) -> Outcome<Vec<String>> {
        match self {
            Self::Fetchmail => fetchmail(call, task, door, home),
            Self::Getmail => getmail(call, task, door, home),
            Self::Mpop => mpop(call, task, door, home),
            Self::Mutt => mutt(call, task, door, home),
            Self::Curl => Ok(curl(call, task, door)),
            Self::Poplib => Ok(script(
                "python3 -c",
                include_str!("poplib.py"),
                call,
                task,
                door,
            )),
            Self::NetPop3 => Ok(script(
                "perl -e",
                include_str!("net_pop3.pl"),
                call,
                task,
                door,
            )),
            Self::NetPop => Ok(script(
                "ruby -e",
                include_str!("net_pop.rb"),
                call,
                task,
                door,
            )),
        }
    }

    /// Whether the mail comes on standard output.
    pub(crate) fn prints_mail(self) -> bool {
        match self {
            Self::Fetchmail | Self::Getmail | Self::Mpop | Self::Mutt => false,
            Self::Curl | Self::Poplib | Self::NetPop3 | Self::NetPop => true,
        }
    }

    /// What it complains of, out of all that it said.
    pub(crate) fn complaints(self, said: String) -> String {
        // mutt draws a screen in any case.
        if self == Self::Mutt && !said.contains("failed") {
            return String::new();
        }
        said
    }
}

fn fetchmail(call: &Call, task: Task, door: &Door, home: &Home) -> Outcome<Vec<String>> {
    let (ip, port) = (door.address.ip(), door.address.port());
    let certificate = shown(&door.certificate);
    let trust = format!("sslcertck sslcertfile \"{certificate}\" sslcommonname \"popgate.test\"");
    let tls = match call.mode {
        Mode::Plain => "sslproto \"\"".to_owned(),
        Mode::Stls => format!("sslproto \"TLS1.2+\" {trust}"),
        Mode::Implicit => format!("ssl {trust}"),
    };
    let keep = match task {
        Task::Take => "fetchall nokeep",
        Task::Keep | Task::Open | Task::FindNone => "fetchall keep",
        Task::Poll => "keep",
    };
    let uidl = if task == Task::Poll { "uidl" } else { "" };
    let (user, inbox) = (&call.user, shown(&home.path("inbox")));
    let options = call.options;
    let delivery = call.delivery.map(|it| format!("; sleep {it}"));
    let delivery = delivery.unwrap_or_default();
    let rc = home.write(
        "fetchmailrc",
        &format!(
            "poll {ip} protocol POP3 service {port} {uidl}\n\
             user \"{user}\" password \"{PASSWORD}\" is nobody here\n\
             {keep} {tls} {options}\n\
             mda \"/bin/cat >>{inbox}{delivery}\"\n"
        ),
    )?;
    Ok(words("fetchmail --silent --nosyslog --fetchmailrc", &[&rc]))
}

fn getmail(call: &Call, task: Task, door: &Door, home: &Home) -> Outcome<Vec<String>> {
    let (ip, port) = (door.address.ip(), door.address.port());
    let retriever = match call.mode {
        Mode::Implicit => format!(
            "type = SimplePOP3SSLRetriever\nca_certs = {}",
            shown(&door.certificate)
        ),
        Mode::Plain | Mode::Stls => "type = SimplePOP3Retriever".to_owned(),
    };
    let delete = by_task(task, "true", "false");
    let (user, inbox) = (&call.user, shown(&home.path("inbox")));
    let delivery = call.delivery.unwrap_or("0.2");
    let rc = home.write(
        "getmailrc",
        &format!(
            "[retriever]\n{retriever}\nserver = {ip}\nport = {port}\n\
             username = {user}\npassword = {PASSWORD}\n\
             [destination]\ntype = MDA_external\npath = /bin/sh\nunixfrom = true\n\
             arguments = (\"-c\", \"cat >>{inbox}; sleep {delivery}\")\n\
             [options]\nverbose = 0\nread_all = false\ndelete = {delete}\n"
        ),
    )?;
    // getmail 6.18 misses the end of a delivery that ends before it waits for it.
    let dir = shown(&home.path(""));
    Ok(words("getmail --getmaildir", &[&dir, "--rcfile", &rc]))
}

fn mpop(call: &Call, task: Task, door: &Door, home: &Home) -> Outcome<Vec<String>> {
    let (ip, port) = (door.address.ip(), door.address.port());
    let trust = format!("tls_trust_file {}", shown(&door.certificate));
    let tls = match call.mode {
        // In clear text it takes no method by itself that needs the password.
        Mode::Plain => "tls off\nauth user".to_owned(),
        Mode::Stls => format!("tls on\ntls_starttls on\n{trust}"),
        Mode::Implicit => format!("tls on\ntls_starttls off\n{trust}"),
    };
    let keep = by_task(task, "off", "on");
    let (user, inbox) = (&call.user, shown(&home.path("inbox")));
    let uidls = shown(&home.path("uidls"));
    let rc = home.write(
        "mpoprc",
        &format!(
            "account default\nhost {ip}\nport {port}\nuser {user}\npassword {PASSWORD}\n{tls}\n\
             keep {keep}\nuidls_file {uidls}\ndelivery mbox {inbox}\n"
        ),
    )?;
    Ok(words("mpop --quiet --file", &[&rc]))
}

/// It copies all messages to the inbox and leaves, or moves them there.
fn mutt(call: &Call, task: Task, door: &Door, home: &Home) -> Outcome<Vec<String>> {
    const TERMINAL: &str = include_str!("terminal.py");
    let scheme = match call.mode {
        Mode::Plain | Mode::Stls => "pop",
        Mode::Implicit => "pops",
    };
    let stls = yes_or_no(call.mode == Mode::Stls);
    let (user, certificate) = (&call.user, shown(&door.certificate));
    // A folder that is there: else it asks whether to make one.
    let folder = shown(&home.path(""));
    let cache = match task {
        Task::Poll => format!("set header_cache={folder}/headers\n"),
        Task::Keep | Task::Open | Task::Take | Task::FindNone => String::new(),
    };
    let rc = home.write(
        "muttrc",
        &format!(
            "set pop_user=\"{user}\" pop_pass=\"{PASSWORD}\"\n\
             set ssl_starttls={stls} ssl_force_tls={stls} certificate_file={certificate}\n\
             set folder={folder} confirmappend=no delete=yes quit=yes\n\
             {cache}"
        ),
    )?;
    let inbox = shown(&home.path("inbox"));
    let all = "<tag-pattern>~A<enter><tag-prefix>";
    let keys = match task {
        Task::Keep => format!("push {all}<copy-message>{inbox}<enter><exit>"),
        Task::Take => format!("push {all}<save-message>{inbox}<enter><quit>"),
        Task::Poll | Task::FindNone => "push <exit>".to_owned(),
        Task::Open => "push <refresh>".to_owned(),
    };
    let maildrop = format!("{scheme}://{}", door.address);
    let mutt = [
        "setpriv",
        "--pdeathsig",
        "KILL",
        "env",
        "TERM=dumb",
        "mutt",
        "-n",
        "-F",
        &rc,
        "-f",
        &maildrop,
        "-e",
        &keys,
    ];
    Ok(words("python3 -c", &[&[TERMINAL], &mutt[..]].concat()))
}

fn curl(call: &Call, task: Task, door: &Door) -> Vec<String> {
    let scheme = match call.mode {
        Mode::Plain | Mode::Stls => "pop3",
        Mode::Implicit => "pop3s",
    };
    let login = format!("{}:{PASSWORD}", call.user);
    let message = if task == Task::Poll { "" } else { "1" };
    let url = format!("{scheme}://{}/{message}", door.address);
    let certificate = shown(&door.certificate);
    let mut command = words(
        "curl --silent --show-error --disable --user",
        &[&login, &url],
    );
    if call.mode != Mode::Plain {
        command.extend(words("--ssl-reqd --cacert", &[&certificate]));
    }
    command
}

fn script(interpreter: &str, script: &str, call: &Call, task: Task, door: &Door) -> Vec<String> {
    let (ip, port) = (
        door.address.ip().to_string(),
        door.address.port().to_string(),
    );
    let mode = call.mode.name();
    let task = match task {
        Task::Take => "take",
        Task::Poll => "poll",
        Task::Keep | Task::Open | Task::FindNone => "keep",
    };
    let certificate = shown(&door.certificate);
    let arguments = [
        script,
        task,
        mode,
        &ip,
        &port,
        &certificate,
        &call.user,
        PASSWORD,
    ];
    words(interpreter, &arguments)
}

fn by_task(task: Task, take: &'static str, keep: &'static str) -> &'static str {
    match task {
        Task::Take => take,
        Task::Keep | Task::Poll | Task::Open | Task::FindNone => keep,
    }
}

fn yes_or_no(condition: bool) -> &'static str {
    if condition { "yes" } else { "no" }
}

fn words(first: &str, others: &[&str]) -> Vec<String> {
    let words = first.split(' ').chain(others.iter().copied());
    words.map(str::to_owned).collect()
}
