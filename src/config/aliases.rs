//! `aliases`: presets by name and rules, in order.

use super::error::{Diagnostic, did_you_mean};
use super::mistakes::Diagnostics;
use super::schema::tables::File;
use super::value::{At, Value};
use crate::limits::ALIASES_MAX;
use crate::policy::alias::{Alias, Aliases, NoPattern, NoReplacement, NoRule, PRESETS};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use toml::Spanned;

/// What stands behind `aliases =`.
pub(super) type AliasList = Spanned<Vec<Spanned<AliasEntry>>>;

/// One of them.
#[derive(Clone, Debug)]
pub(super) enum AliasEntry {
    /// A name.
    Preset(String),
    /// A rule of the operator's own.
    Rule(WrittenRule),
}

/// `{ match = "…", to = "…" }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRule {
    #[serde(rename = "match")]
    pattern: At<Text>,
    to: At<Text>,
}

#[derive(Clone, Debug)]
struct Text(String);

impl Value for Text {
    const EXPECTED: &'static str = r"a text, such as '([^@]+)%([^@%]+)'";

    fn stand_in() -> Self {
        Self(String::new())
    }

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for AliasEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AliasVisitor)
    }
}

struct AliasVisitor;

impl<'de> Visitor<'de> for AliasVisitor {
    type Value = AliasEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a preset's name, or a rule, { match = '([^@]+)%([^@%]+)', to = "$1@$2" }"#)
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<AliasEntry, E> {
        Ok(AliasEntry::Preset(name.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AliasEntry, A::Error> {
        WrittenRule::deserialize(MapAccessDeserializer::new(map)).map(AliasEntry::Rule)
    }
}

/// All lists of the file, compiled. Tenants with the same list share it.
pub(super) struct AliasLists<'a> {
    of_defaults: Arc<Aliases>,
    made: HashMap<Vec<[&'a str; 2]>, Arc<Aliases>>,
}

impl<'a> AliasLists<'a> {
    pub(super) fn new(file: &'a File, diagnostics: &mut Diagnostics) -> Self {
        let written = file.defaults.as_ref();
        let written = written.and_then(|table| table.get_ref().aliases.as_ref());
        let mut lists = Self {
            of_defaults: Arc::new(Aliases::standard()),
            made: HashMap::new(),
        };
        lists.of_defaults = lists.of(written, diagnostics);
        lists
    }

    /// What holds for a tenant that says nothing.
    pub(super) fn of_defaults(&self) -> Arc<Aliases> {
        Arc::clone(&self.of_defaults)
    }

    /// What holds for a tenant that says this.
    pub(super) fn of(
        &mut self,
        written: Option<&'a AliasList>,
        diagnostics: &mut Diagnostics,
    ) -> Arc<Aliases> {
        let Some(list) = written else {
            return self.of_defaults();
        };
        let entries = list.get_ref();
        let texts: Vec<_> = entries.iter().map(|entry| texts(entry.get_ref())).collect();
        if let Some(made) = self.made.get(&texts) {
            return Arc::clone(made);
        }
        if let Some(entry) = entries.get(ALIASES_MAX) {
            let message = format!("more than {ALIASES_MAX} entries of `aliases`");
            let hint = "unite some: a pattern takes several forms, as in 'ann|a\\.lee'";
            diagnostics.note(Diagnostic::new(entry.span(), message).hint(hint));
        }
        let good: Vec<Alias> = entries
            .iter()
            .take(ALIASES_MAX)
            .map(compiled)
            .filter_map(|alias| {
                alias
                    .map_err(|diagnostic| diagnostics.note(diagnostic))
                    .ok()
            })
            .collect();
        let made = Arc::new(Aliases::new(good));
        self.made.insert(texts, Arc::clone(&made));
        made
    }
}

fn texts(entry: &AliasEntry) -> [&str; 2] {
    match entry {
        // No rule makes nothing of a login.
        AliasEntry::Preset(name) => [name, ""],
        AliasEntry::Rule(rule) => [&rule.pattern.value.0, &rule.to.value.0],
    }
}

fn compiled(entry: &Spanned<AliasEntry>) -> Result<Alias, Diagnostic> {
    match entry.get_ref() {
        AliasEntry::Preset(name) => Alias::preset(name).ok_or_else(|| {
            let known = || PRESETS.iter().map(|preset| preset.name);
            let hint = did_you_mean(name, known());
            let all = || format!("known: {}", known().collect::<Vec<_>>().join(", "));
            Diagnostic::new(entry.span(), format!("there is no preset `{name}`"))
                .hint(hint.unwrap_or_else(all))
        }),
        AliasEntry::Rule(rule) => {
            let pattern = &rule.pattern;
            let to = &rule.to;
            Alias::rule(&pattern.value.0, &to.value.0).map_err(|error| match error {
                NoRule::Pattern(why) => {
                    let message = format!("`{}`: {why}", pattern.value.0);
                    Diagnostic::new(pattern.span.clone(), message).hint(of_pattern(&why))
                }
                NoRule::Replacement(why) => {
                    let message = format!("`{}`: {why}", to.value.0);
                    Diagnostic::new(to.span.clone(), message).hint(of_replacement(&why))
                }
            })
        }
    }
}

fn of_pattern(why: &NoPattern) -> &'static str {
    match why {
        NoPattern::Malformed(_) => {
            r"write it as Rust's regex crate has it, such as '([^@]+)%([^@%]+)'; a sign itself is \. or \("
        }
        NoPattern::TooLarge => "write smaller repetitions: [^@]+ takes a name of any length",
    }
}

fn of_replacement(why: &NoReplacement) -> String {
    match why {
        NoReplacement::NoGroup { name, groups } => {
            let digits = name.trim_end_matches(|c: char| !c.is_ascii_digit());
            match digits.parse::<usize>() {
                Ok(number) if digits != name && number <= *groups => {
                    let rest = &name[digits.len()..];
                    format!("write ${{{digits}}}{rest}")
                }
                _ if *groups == 0 => "put round brackets around what is to stay".to_owned(),
                _ if *groups == 1 => "write $1, the only group".to_owned(),
                _ => format!("write $1 to ${groups}, in the order of the brackets"),
            }
        }
        NoReplacement::LoneDollar => "write $1 for the first group, or $$ for the sign".to_owned(),
        NoReplacement::Empty => "write the name of the maildrop, such as \"$1@$2\"".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::ids::{ListenerName, UserName};
    use std::path::Path;

    const GATE: &str = "[[listen]]\naddress = \"127.0.0.1:1110\"\ntls = \"off\"\n\
                        [[backend]]\nname = \"b\"\naddress = \"10.0.0.5:110\"\n";

    fn config(text: &str) -> Config {
        let text = format!("{GATE}{text}");
        Config::parse(&text, Path::new("a.toml")).unwrap_or_else(|error| panic!("{error}"))
    }

    fn key(config: &Config, login: &str) -> String {
        let login = UserName::new(login.as_bytes());
        let tenant = config
            .tenants
            .resolve(&login, None, &ListenerName::new("l"));
        tenant.key(&login).to_string()
    }

    #[test]
    fn a_tenants_list_takes_the_place_of_the_defaults() {
        let plain = config("");
        assert_eq!(key(&plain, "Ann#Example.org"), "ann@example.org");
        assert_eq!(key(&plain, "ann+example.org"), "ann+example.org");
        let none = config("[defaults]\naliases = []\n");
        assert_eq!(key(&none, "ann#example.org"), "ann#example.org");
        let own = config(
            "[defaults]\naliases = [\"gmail\"]\n[[tenant]]\nname = \"default\"\n\
             aliases = [\"cpanel\", { match = 'boss', to = 'ann@a.org' }]\n\
             [[tenant]]\nname = \"g\"\ndomains = [\"gmail.com\"]\n",
        );
        assert_eq!(key(&own, "ann+a.org"), "ann@a.org");
        assert_eq!(key(&own, "boss"), "ann@a.org");
        assert_eq!(key(&own, "recent:ann@gmail.com"), "ann@gmail.com");
        assert_eq!(key(&own, "recent:ann@a.org"), "recent:ann@a.org");
    }

    #[test]
    fn a_user_has_his_limits_in_each_form_of_his_name() {
        for name in ["ann", "ANN%A.org", "ann@a.org"] {
            let config = config(&format!(
                "[[tenant]]\nname = \"default\"\ndefault_domain = \"a.org\"\n\
                 [[tenant.user]]\nname = \"{name}\"\nqueue = 5\n"
            ));
            let queue = |login: &str| {
                let login = UserName::new(login.as_bytes());
                let listener = ListenerName::new("l");
                config.tenants.resolve(&login, None, &listener).queue
            };
            for form in ["ann", "Ann@a.org", "ann%a.org", "ann#A.ORG"] {
                assert_eq!(queue(form), 5, "{form} of {name}");
            }
            assert_eq!(queue("ann@b.org"), 16);
        }
    }

    #[test]
    fn equal_lists_are_compiled_once() {
        let config = config(
            "[[tenant]]\nname = \"a\"\naliases = [{ match = 'x', to = 'y' }]\ndomains = [\"a.org\"]\n\
             [[tenant]]\nname = \"b\"\naliases = [{ match = 'x', to = 'y' }]\ndomains = [\"b.org\"]\n",
        );
        let all: Vec<_> = config.tenants.tenants().collect();
        assert!(Arc::ptr_eq(&all[1].aliases, &all[2].aliases));
    }
}
