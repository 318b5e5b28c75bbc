//! The forms of a login that server families document, each family a preset by name.
//!
//! Only what a manual or the source of a server shows stands here. Where a server lets the operator
//! choose the signs, a preset has those of its manual; others are a rule of his own.

/// Rules with a name.
#[derive(Debug)]
pub struct Preset {
    /// How the file names it.
    pub name: &'static str,
    /// Patterns for whole logins, and what they become, in order.
    pub(super) rules: &'static [(&'static str, &'static str)],
    /// Whose forms they are, in a few words.
    pub of: &'static str,
}

/// What holds where the file says nothing.
///
/// It merges names that differ in nothing but the sign before the domain: two such maildrops on
/// one server cost each other a wait, while two keys for one would break the lock. What stands
/// behind the sign must look like a domain (a dot in it), since `r&d` could be a name, whose
/// default domain is added. `+` and `*` are left out: servers give them another meaning, too (a
/// folder or a tag; a master user).
pub const STANDARD: &str = "at-signs";

/// `ann%example.org`: behind the last `%` of a name without `@`.
const PERCENT: &[(&str, &str)] = &[(r"([^@]+)%([^@%]+)", "$1@$2")];

/// All presets. The sources:
///
/// - `at-signs`: those of the servers below that have a domain behind the sign, and Dovecot's
///   `auth_username_translation`, whose example is `#@/@`.
/// - `mailenable`: MailEnable's POP options, *Alternate @ characters*, whose example is `#$%`.
/// - `imail`: IMail Server's guide, *Allowing Ampersand in Windows NT User Names*:
///   `HostDelimiters` is `@#$%&*` by default; also `user&virtual@primary`.
/// - `vpopmail`: `ATCHARS` is `"@%/"` in its `vpopmail.h`.
/// - `xmail`: `POP3_USER_SPLITTERS` is `"@:%"` in its `POP3Utils.h`.
/// - `communigate`: CommuniGate Pro's guide, *Access*: `info%client2.com`.
/// - `cyrus`: Cyrus IMAP's *Virtual Domains*: `test%ilovecyrus.com`.
/// - `solid-pop3d`: its file VIRTUALS: `user%domain` for programs without `@`.
/// - `pop3lite`: its file VHOST: the same.
/// - `cpanel`: cPanel's API: the name that authenticates has `+` for `@`.
/// - `exchange`: Microsoft, *Understanding login strings with POP3/IMAP* and Exchange 5.5's *POP3
///   Account Name*: `domain/user/alias`, `domain\user`; the maildrop is the last one's.
/// - `gmail`: Google, *How does POP work in Gmail?*: `recent:ann@gmail.com` is recent mode.
/// - `any-domain`: Dovecot with `auth_username_format = %n`, which drops the domain; solid-pop3d
///   with `AllowNonIP` and no virtual hosts.
/// - `master-user`: Dovecot's *Master users*, `login_user*master_user`, as UW's servers have it.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: STANDARD,
        rules: &[(r"([^@]+)[%#&$/:]([^@%#&$/:.]+(?:\.[^@%#&$/:.]+)+)", "$1@$2")],
        of: "`%`, `#`, `&`, `$`, `/` or `:` for `@`, before what looks like a domain",
    },
    Preset {
        name: "mailenable",
        rules: &[(r"([^@]+)[#$%]([^@#$%]+)", "$1@$2")],
        of: "MailEnable: `#`, `$` or `%` for `@`",
    },
    Preset {
        name: "imail",
        rules: &[
            (r"([^@]+)[#$%&*]([^@#$%&*]+)@[^@]+", "$1@$2"),
            (r"([^@]+)[#$%&*]([^@#$%&*]+)", "$1@$2"),
        ],
        of: "IMail: `#`, `$`, `%`, `&` or `*` for `@`, also with the primary domain behind",
    },
    Preset {
        name: "vpopmail",
        rules: &[(r"([^@]+)[%/]([^@%/]+)", "$1@$2")],
        of: "vpopmail: `%` or `/` for `@`",
    },
    Preset {
        name: "xmail",
        rules: &[(r"([^@]+)[:%]([^@:%]+)", "$1@$2")],
        of: "XMail: `:` or `%` for `@`",
    },
    Preset {
        name: "communigate",
        rules: PERCENT,
        of: "CommuniGate Pro: `%` for `@`",
    },
    Preset {
        name: "cyrus",
        rules: PERCENT,
        of: "Cyrus with `virtdomains`: `%` for `@`",
    },
    Preset {
        name: "solid-pop3d",
        rules: PERCENT,
        of: "solid-pop3d with virtual hosts: `%` for `@`",
    },
    Preset {
        name: "pop3lite",
        rules: PERCENT,
        of: "pop3lite: `%` for `@`",
    },
    Preset {
        name: "cpanel",
        rules: &[(r"([^@]+)\+([^@+.]+(?:\.[^@+.]+)+)", "$1@$2")],
        of: "cPanel: `+` for `@`, before what looks like a domain",
    },
    Preset {
        name: "exchange",
        rules: &[(r"[^@/\\]+[/\\](?:[^@/\\]+[/\\])?([^@/\\]+)", "$1")],
        of: r"Exchange: `domain\user`, `domain/user`, `domain/user/alias` are the last one's",
    },
    Preset {
        name: "gmail",
        rules: &[(r"(?i)recent:(.+)", "$1")],
        of: "Gmail: `recent:` before the name",
    },
    Preset {
        name: "any-domain",
        rules: &[(r"([^@%]+)[@%].*", "$1")],
        of: "the domain does not matter, be it behind `@` or `%`",
    },
    Preset {
        name: "master-user",
        rules: &[(r"(.+)\*[^*]+", "$1")],
        of: "Dovecot, UW: `user*master` is the user's",
    },
];

#[cfg(test)]
mod tests {
    use super::super::{Alias, Aliases};
    use super::*;

    fn applied(preset: &str, name: &str) -> String {
        let aliases = Aliases::new(vec![Alias::preset(preset).unwrap()]);
        String::from_utf8(aliases.apply(name.as_bytes())).unwrap()
    }

    /// That these are one maildrop, and these are left as they are.
    fn unites(preset: &str, name: &str, forms: &[&str], others: &[&str]) {
        for form in forms {
            assert_eq!(applied(preset, form), name, "{preset}: {form}");
        }
        assert_eq!(applied(preset, name), name, "{preset}");
        for other in others {
            assert_eq!(applied(preset, other), *other, "{preset}");
        }
    }

    #[test]
    fn every_preset_compiles() {
        for preset in PRESETS {
            assert!(Alias::preset(preset.name).is_some(), "{}", preset.name);
        }
        assert_eq!(Aliases::standard().entries().len(), 1);
    }

    #[test]
    fn signs_before_a_domain_are_at_signs() {
        let forms = ["ann%a.org", "ann#a.org", "ann&a.org", "ann$a.org"];
        let others = ["r&d", "a#b", "ann+a.org", "ann*a.org", "ann%a.org@b.org"];
        unites(STANDARD, "ann@a.org", &forms, &others);
        unites(STANDARD, "ann@a.org", &["ann/a.org", "ann:a.org"], &[]);
        unites(
            STANDARD,
            "a%b@c.d.org",
            &["a%b%c.d.org"],
            &["a%", "%.a", "a%.b", "a%b."],
        );
        // As UW's and Exchange's forms: no other login becomes the same.
        unites(
            STANDARD,
            "ann",
            &[],
            &["mail.a.org:ann", "corp/ann", r"corp\ann"],
        );
    }

    #[test]
    fn each_family_has_its_own_signs() {
        unites(
            "mailenable",
            "ann@office",
            &["ann#office", "ann$office", "ann%office"],
            &["ann&o"],
        );
        let imail = [
            "ann#a",
            "ann$a",
            "ann%a",
            "ann&a",
            "ann*a",
            "ann&a@primary.org",
        ];
        unites("imail", "ann@a", &imail, &["ann/a", "ann:a"]);
        unites("vpopmail", "ann@a", &["ann%a", "ann/a"], &["ann:a"]);
        unites("xmail", "ann@a", &["ann%a", "ann:a"], &["ann/a"]);
        for percent in ["communigate", "cyrus", "solid-pop3d", "pop3lite"] {
            unites(percent, "ann@a", &["ann%a"], &["ann+box", "ann:a"]);
        }
        unites(
            "cpanel",
            "ann@a.org",
            &["ann+a.org"],
            &["ann+tag", "ann+tag@a.org"],
        );
        unites("cpanel", "ann+tag@a.org", &["ann+tag+a.org"], &[]);
    }

    #[test]
    fn what_stands_around_the_name_is_taken_off() {
        let exchange = [
            r"corp\ann",
            "corp/ann",
            "corp/service/ann",
            r"corp\service\ann",
        ];
        unites("exchange", "ann", &exchange, &["ann@a.org"]);
        unites(
            "gmail",
            "ann@gmail.com",
            &["recent:ann@gmail.com", "Recent:ann@gmail.com"],
            &[],
        );
        unites("gmail", "recent:", &[], &["ann"]);
        unites(
            "any-domain",
            "ann",
            &["ann@a.org", "ann%a.org", "ann@"],
            &["@a.org"],
        );
        unites("master-user", "ann", &["ann*admin"], &["ann*"]);
        unites("master-user", "ann@a.org", &["ann@a.org*admin@b.org"], &[]);
    }
}
