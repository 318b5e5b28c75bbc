//! One maildrop under several names: rules that turn the forms of a login into one lock key.
//!
//! Servers take `ann%example.org` for `ann@example.org`, or `EXAMPLE\ann` for `ann`. The rules of
//! a tenant see the login with its ends trimmed and, where the tenant folds case, in lower case,
//! before the default domain is added. A rule must match all of it. They apply in order, each to
//! what the one before it left; those that do not match change nothing. What comes out is the
//! maildrop's name in the lock's key, and nothing else: the backend gets the login as typed.

pub mod preset;
pub mod proposal;
mod replacement;

pub use preset::{PRESETS, Preset};
pub use replacement::NoReplacement;

use crate::limits::{ALIAS_COMPILED_MAX, MAILDROP_NAME_MAX};
use regex::bytes::{Regex, RegexBuilder};
use replacement::Replacement;
use std::fmt;

/// The rules of a tenant, in order. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aliases(Vec<Alias>);

/// An entry of `aliases`: a preset, or a rule that the operator wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    preset: Option<&'static str>,
    rules: Vec<Rule>,
}

/// A regular expression for a whole login, and what it makes of that.
#[derive(Clone, Debug)]
struct Rule {
    pattern: String,
    regex: Regex,
    to: Replacement,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        (&self.pattern, &self.to) == (&other.pattern, &other.to)
    }
}

impl Eq for Rule {}

/// A pattern that cannot be used. It is the operator's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPattern {
    /// It is malformed, for this reason.
    #[error("no regular expression: {0}")]
    Malformed(String),
    /// Compiled it is larger than [`ALIAS_COMPILED_MAX`].
    #[error("too large for a login: compiled it has more than {ALIAS_COMPILED_MAX} octets")]
    TooLarge,
}

/// A rule that cannot be used. It is the operator's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRule {
    /// Its pattern.
    #[error(transparent)]
    Pattern(#[from] NoPattern),
    /// What it makes of a login.
    #[error(transparent)]
    Replacement(#[from] NoReplacement),
}

impl Alias {
    /// The preset of this name.
    #[must_use]
    pub fn preset(name: &str) -> Option<Self> {
        let preset = PRESETS.iter().find(|preset| preset.name == name)?;
        let rules = preset.rules.iter().map(|(from, to)| Rule::new(from, to));
        Some(Self {
            preset: Some(preset.name),
            rules: rules.collect::<Result<_, _>>().ok()?,
        })
    }

    /// A rule: logins that are as `pattern` says all along become `to`.
    ///
    /// # Errors
    /// One of the two is malformed, or `to` names a group that `pattern` does not have.
    pub fn rule(pattern: &str, to: &str) -> Result<Self, NoRule> {
        Ok(Self {
            preset: None,
            rules: vec![Rule::new(pattern, to)?],
        })
    }

    /// Whether a slash is no sign for `@` to it, but what divides a name.
    fn splits_by_slash(&self) -> bool {
        self.preset == Some("exchange")
    }

    fn rewrite(&self, name: &[u8]) -> Option<Vec<u8>> {
        let mut made = None;
        for rule in &self.rules {
            let name = made.as_deref().unwrap_or(name);
            made = rule.rewrite(name).or(made);
        }
        made.filter(|made| made != name)
    }
}

impl fmt::Display for Alias {
    /// As the file says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        match (self.preset, &self.rules[..]) {
            (Some(name), _) => write!(f, "{}", quoted(name)),
            (None, [rule, ..]) => {
                let from = quoted(&rule.pattern);
                let to = quoted(rule.to.as_str());
                write!(f, "{{ match = {from}, to = {to} }}")
            }
            (None, []) => f.write_str("{}"),
        }
    }
}

impl Rule {
    fn new(pattern: &str, to: &str) -> Result<Self, NoRule> {
        // By itself first: `a)(b` would be whole between the brackets that go around it.
        compiled(pattern)?;
        let regex = compiled(&format!(r"\A(?:{pattern})\z"))?;
        Ok(Self {
            pattern: pattern.to_owned(),
            to: Replacement::new(to, &regex)?,
            regex,
        })
    }

    /// What becomes of `name`; `None` where the rule does not match, or would make a name that is
    /// empty or too long: no name of a maildrop.
    fn rewrite(&self, name: &[u8]) -> Option<Vec<u8>> {
        let made = self.to.expand(&self.regex.captures(name)?);
        let is_name = (1..=MAILDROP_NAME_MAX).contains(&made.trim_ascii().len());
        is_name.then_some(made)
    }
}

/// Names are octets, and their case, which does not matter here, is ASCII's: a dot is one octet.
fn compiled(pattern: &str) -> Result<Regex, NoPattern> {
    let regex = RegexBuilder::new(pattern)
        .unicode(false)
        .case_insensitive(true)
        .dot_matches_new_line(true)
        .size_limit(ALIAS_COMPILED_MAX)
        .dfa_size_limit(ALIAS_COMPILED_MAX)
        .build();
    regex.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => NoPattern::TooLarge,
        error => NoPattern::Malformed(last_line(&error.to_string())),
    })
}

/// The crate draws the pattern first, and says what is wrong in the last line.
fn last_line(message: &str) -> String {
    let last = message.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

impl Aliases {
    /// These, in this order.
    #[must_use]
    pub fn new(entries: Vec<Alias>) -> Self {
        Self(entries)
    }

    /// What holds where the file says nothing: see [`preset::STANDARD`].
    #[must_use]
    pub fn standard() -> Self {
        Self(Alias::preset(preset::STANDARD).into_iter().collect())
    }

    /// The entries, in order.
    #[must_use]
    pub fn entries(&self) -> &[Alias] {
        &self.0
    }

    /// The name of the maildrop of a login `name`.
    #[must_use]
    pub fn apply(&self, name: &[u8]) -> Vec<u8> {
        self.trace(name).0
    }

    /// The same, and which entries changed it, counted from 0.
    #[must_use]
    pub fn trace(&self, name: &[u8]) -> (Vec<u8>, Vec<usize>) {
        let mut name = name.to_vec();
        let mut changed = Vec::new();
        for (index, entry) in self.0.iter().enumerate() {
            if let Some(made) = entry.rewrite(&name) {
                name = made;
                changed.push(index);
            }
        }
        (name, changed)
    }

    /// These, and `more` before them.
    #[must_use]
    pub fn behind(&self, more: Alias) -> Self {
        Self([&[more], &self.0[..]].concat())
    }

    /// Whether a name has its domain afterwards if it had one before: the standard entry alone.
    #[must_use]
    pub fn keep_domains(&self) -> bool {
        let standard = |entry: &Alias| entry.preset == Some(preset::STANDARD);
        self.0.iter().all(standard)
    }

    /// These, and `more` behind them.
    #[must_use]
    pub fn with(&self, more: Alias) -> Self {
        let mut entries = self.0.clone();
        entries.push(more);
        Self(entries)
    }
}

impl fmt::Display for Aliases {
    /// As the file says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: Vec<String> = self.0.iter().map(Alias::to_string).collect();
        write!(f, "[{}]", entries.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(rules: &[(&str, &str)]) -> Aliases {
        let rules = rules.iter().map(|(from, to)| Alias::rule(from, to));
        Aliases::new(rules.collect::<Result<_, _>>().unwrap())
    }

    fn applied(aliases: &Aliases, name: &str) -> String {
        String::from_utf8(aliases.apply(name.as_bytes())).unwrap()
    }

    #[test]
    fn a_rule_matches_the_whole_login_or_nothing() {
        let aliases = rules(&[("a|ann", "x")]);
        assert_eq!(applied(&aliases, "ann"), "x");
        for other in ["anna", "ann b", "joann"] {
            assert_eq!(applied(&aliases, other), other);
        }
    }

    #[test]
    fn rules_go_in_order_each_on_what_the_last_one_left() {
        let aliases = rules(&[("(.+)%(.+)", "$1@$2"), ("recent:(.+)", "$1"), ("z", "y")]);
        let (name, by) = aliases.trace(b"recent:ann%example.org");
        assert_eq!((&name[..], &by[..]), (&b"ann@example.org"[..], &[0, 1][..]));
        let turned = rules(&[("b", "c"), ("a", "b")]);
        assert_eq!(applied(&turned, "a"), "b");
    }

    #[test]
    fn a_rule_that_changes_nothing_made_no_key() {
        assert_eq!(rules(&[("(.+)", "$1")]).trace(b"ann").1, [0; 0]);
    }

    #[test]
    fn case_does_not_matter() {
        let aliases = rules(&[(r"EXAMPLE\\(.+)", "$1"), ("old", "Ann"), ("ann", "boss")]);
        for form in ["example\\ann", "Old", "ANN"] {
            assert_eq!(applied(&aliases, form), "boss", "{form}");
        }
    }

    #[test]
    fn names_are_octets() {
        let aliases = rules(&[("(.)%(.+)", "$1@$2"), ("ü@x", "ue@x")]);
        assert_eq!(aliases.apply(b"\xff%\xfe\xfd"), b"\xff@\xfe\xfd");
        assert_eq!(aliases.apply("ü@x".as_bytes()), b"ue@x");
        assert_eq!(aliases.apply("ü%x".as_bytes()), "ü%x".as_bytes());
    }

    #[test]
    fn no_rule_makes_an_empty_name_or_an_endless_one() {
        assert_eq!(applied(&rules(&[("x(.*)", "$1")]), "x"), "x");
        assert_eq!(applied(&rules(&[("x(.*)", "$1 ")]), "x "), "x ");
        let double = ["(.+)"; 16].map(|all| (all, "$1$1$1$1"));
        assert!(rules(&double).apply(b"ann").len() <= MAILDROP_NAME_MAX);
    }

    #[test]
    fn patterns_that_cannot_be_used_say_why() {
        let why = |pattern: &str| Alias::rule(pattern, "x").unwrap_err().to_string();
        assert_eq!(why("(ann"), "no regular expression: unclosed group");
        assert!(why("a)(b").starts_with("no regular expression: unopened"));
        assert!(why(r"(a)\1").contains("backreferences are not supported"));
        assert!(why("(?=a)b").contains("look-around"));
        assert!(why("(a{999}){999}").starts_with("too large for a login"));
    }

    #[test]
    fn entries_read_as_the_file_says_them() {
        let aliases = Aliases::standard().with(Alias::rule(r"corp\\(.+)", "$1").unwrap());
        let text = format!("aliases = {aliases}");
        let read: toml::Table = text.parse().unwrap();
        let list = read["aliases"].as_array().unwrap();
        assert_eq!(list[0].as_str(), Some("at-signs"));
        assert_eq!(list[1]["match"].as_str(), Some(r"corp\\(.+)"));
        assert_eq!(list[1]["to"].as_str(), Some("$1"));
    }

    #[test]
    fn a_hostile_name_takes_no_time() {
        let aliases = rules(&[("(a*)*b", "x"), ("(a+)+(.*)c", "$1")]);
        let name = vec![b'a'; MAILDROP_NAME_MAX];
        assert_eq!(aliases.apply(&name), name);
    }
}
