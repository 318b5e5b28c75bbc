//! Which entry of `aliases` would make one maildrop of several names.

use super::{Alias, Aliases, PRESETS};

/// The shortest addition to `aliases` that gives these `names` one key: a preset, else a rule for
/// the sign in which they differ, else one for each name. `default_domain` is the tenant's.
/// `None` where they have one key already.
#[must_use]
pub fn proposal(
    aliases: &Aliases,
    names: &[&[u8]],
    default_domain: Option<&str>,
) -> Option<Aliases> {
    let unites = |aliases: &Aliases| unites(aliases, names, default_domain);
    if unites(aliases) {
        return None;
    }
    let presets = PRESETS
        .iter()
        .filter_map(|preset| Alias::preset(preset.name));
    let by_sign = by_sign(names).into_iter();
    // What one takes for a domain's sign another takes for a separator: that comes first.
    let first = presets
        .clone()
        .filter(|entry| entry.splits_by_slash())
        .map(|entry| aliases.behind(entry));
    let behind = presets.chain(by_sign).map(|entry| aliases.with(entry));
    if let Some(found) = first.chain(behind).find(|candidate| unites(candidate)) {
        return Some(found);
    }
    by_name(aliases, names).filter(unites)
}

fn unites(aliases: &Aliases, names: &[&[u8]], default_domain: Option<&str>) -> bool {
    let key = |name: &&[u8]| {
        let mut key = aliases.apply(name);
        if let Some(domain) = default_domain.filter(|_| !key.contains(&b'@')) {
            key.extend([b"@", domain.as_bytes()].concat());
        }
        key
    };
    let mut keys = names.iter().map(key);
    let first = keys.next();
    keys.all(|key| Some(&key) == first.as_ref())
}

/// For names of which one has `@` where others have another sign.
fn by_sign(names: &[&[u8]]) -> Option<Alias> {
    let whole = names.iter().find(|name| name.contains(&b'@'))?;
    let at = memchr::memrchr(b'@', whole)?;
    let mut signs = Vec::new();
    for name in names.iter().filter(|name| *name != whole) {
        let sign = *name.get(at).filter(|sign| sign.is_ascii_punctuation())?;
        let same = name[..at] == whole[..at] && name[at + 1..] == whole[at + 1..];
        same.then(|| signs.push(regex::escape(&char::from(sign).to_string())))?;
    }
    let signs = signs.concat();
    Alias::rule(&format!("([^@]+)[{signs}]([^@{signs}]+)"), "$1@$2").ok()
}

/// Each name becomes the first one.
fn by_name(aliases: &Aliases, names: &[&[u8]]) -> Option<Aliases> {
    let made: Vec<String> = names
        .iter()
        .map(|name| String::from_utf8(aliases.apply(name)).ok())
        .collect::<Option<_>>()?;
    let (first, others) = made.split_first()?;
    let mut all = aliases.clone();
    for other in others.iter().filter(|other| *other != first) {
        let to = first.replace('$', "$$");
        all = all.with(Alias::rule(&regex::escape(other), &to).ok()?);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposed(names: &[&str], domain: Option<&str>) -> Option<String> {
        let names: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
        let proposed = proposal(&Aliases::standard(), &names, domain)?;
        assert!(unites(&proposed, &names, domain));
        Some(proposed.to_string())
    }

    #[test]
    fn names_with_one_key_need_nothing() {
        assert_eq!(proposed(&["ann%a.org", "ann@a.org"], None), None);
        assert_eq!(proposed(&["ann", "ann@a.org"], Some("a.org")), None);
    }

    #[test]
    fn a_preset_comes_first() {
        let told = |names: &[&str], domain| proposed(names, domain).unwrap();
        assert_eq!(
            told(&["ann+a.org", "ann@a.org"], None),
            r#"["at-signs", "cpanel"]"#
        );
        assert_eq!(
            told(&["ann*office", "ann@office"], None),
            r#"["at-signs", "imail"]"#
        );
        assert_eq!(
            told(&[r"corp\ann", "ann@a.org"], Some("a.org")),
            r#"["exchange", "at-signs"]"#
        );
        assert_eq!(
            told(&["corp/ann.lee", "ann.lee"], None),
            r#"["exchange", "at-signs"]"#
        );
        assert_eq!(
            told(&["ann", "ann@a.org"], None),
            r#"["at-signs", "any-domain"]"#
        );
    }

    #[test]
    fn then_a_rule_for_the_sign_or_for_the_names() {
        let told = |names: &[&str]| proposed(names, None).unwrap();
        assert!(told(&["ann!a.org", "ann@a.org"]).contains("([^@]+)[!]([^@!]+)"));
        assert!(told(&["ann-a", "ann^a", "ann@a"]).contains(r"[\-\^]"));
        let literal = told(&["ann.lee", "alee$@a.org"]);
        assert!(literal.contains(r"alee\$@a\.org") && literal.contains("\"ann.lee\""));
        assert!(told(&["alee", "a$b"]).contains(r"a\$b"));
        assert!(told(&["a$b", "alee"]).contains("a$$b"));
    }
}
