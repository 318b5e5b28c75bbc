//! The catalogues: the same messages in each, each of them used, none missing.

use super::super::evidence::EvidenceKind;
use super::super::words::Language;
use super::*;
use crate::history::CauseName;
use crate::policy::block::BlockReason;
use crate::policy::refusal::LoginRule;
use crate::policy::sharing::LetInReason;
use std::collections::{BTreeMap, BTreeSet};

/// The sources that name messages.
const SOURCES: [&str; 6] = [
    include_str!("../text.rs"),
    include_str!("../text/known.rs"),
    include_str!("../words.rs"),
    include_str!("../wording.rs"),
    include_str!("../domain_words.rs"),
    include_str!("../svg.rs"),
];

/// Of a catalogue each message and its variables.
fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    language
        .catalogue()
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(id, pattern)| (id.to_owned(), variables(pattern)))
        .collect()
}

fn variables(pattern: &str) -> BTreeSet<String> {
    pattern
        .split("{ $")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(" }")?.0.to_owned()))
        .collect()
}

fn behind<'a>(
    prefix: &'a str,
    names: impl Iterator<Item = &'static str> + 'a,
) -> impl Iterator<Item = String> + 'a {
    names.map(move |name| format!("{prefix}-{name}"))
}

/// Messages whose names are made of those of an enum.
fn named_by_enums() -> BTreeSet<String> {
    let causes = || Cause::ALL.iter().map(|it| it.as_str());
    let numbers = |prefix: &'static str, last: u8| (1..=last).map(move |n| format!("{prefix}-{n}"));
    behind("title", causes())
        .chain(behind(
            "advice",
            CauseAdvice::ALL.iter().map(|it| it.as_str()),
        ))
        .chain(behind(
            "likelihood",
            Likelihood::ALL.iter().map(|it| it.as_str()),
        ))
        .chain(behind(
            "evidence",
            EvidenceKind::ALL.iter().map(|it| it.as_str()),
        ))
        .chain(behind("ended", CauseName::ALL.iter().map(|it| it.as_str())))
        .chain(behind(
            "notice",
            NoticeKind::ALL.iter().map(|it| it.as_str()),
        ))
        .chain(behind(
            "listing",
            LetInReason::ALL.iter().map(|it| it.as_str()),
        ))
        .chain(behind("rule", LoginRule::ALL.iter().map(|it| it.as_str())))
        .chain(behind(
            "block-reason",
            BlockReason::ALL.iter().map(|it| it.as_str()),
        ))
        .chain(behind(
            "confidence",
            Confidence::ALL.iter().map(|it| it.as_str()),
        ))
        .chain(numbers("weekday", 7))
        .chain(numbers("month", 12))
        .collect()
}

#[test]
fn each_language_has_the_same_messages_with_the_same_variables() {
    let english = messages(Language::English);
    assert!(english.len() > 200, "{}", english.len());
    for &language in Language::ALL {
        assert_eq!(messages(language), english, "{language:?}");
    }
}

#[test]
fn each_message_is_used_and_none_is_missing() {
    let ids: BTreeSet<_> = messages(Language::English).into_keys().collect();
    let named = named_by_enums();
    let missing: Vec<_> = named.difference(&ids).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let is_used = |id: &String| SOURCES.iter().any(|it| it.contains(&format!("\"{id}\"")));
    let unused: Vec<_> = ids.difference(&named).filter(|id| !is_used(id)).collect();
    assert!(unused.is_empty(), "{unused:?}");
    for source in SOURCES {
        let says = source.split("say(\"").skip(1);
        for id in says.chain(source.split("tell(\"").skip(1)) {
            let id = id.split('"').next().unwrap();
            assert!(ids.contains(id), "{id}");
        }
    }
}

#[test]
fn every_catalogue_is_read_without_errors() {
    for &language in Language::ALL {
        let catalogue = language.catalogue().to_owned();
        let read = fluent_bundle::FluentResource::try_new(catalogue);
        assert!(read.is_ok(), "{language:?}");
    }
}

#[test]
fn no_message_was_left_in_english() {
    let words = |language: Language| -> BTreeMap<&str, &str> {
        let lines = language.catalogue().lines();
        lines.filter_map(|line| line.split_once(" = ")).collect()
    };
    let english = words(Language::English);
    // A word that is the same in both languages.
    let same = |id: &str| {
        matches!(
            id,
            "label-firewall" | "month-4" | "month-8" | "month-9" | "month-11" | "mx"
        )
    };
    for &language in Language::ALL.iter().skip(1) {
        for (id, text) in words(language) {
            assert!(same(id) || english[id] != text, "{language:?}: {id}");
        }
    }
}

#[test]
fn the_language_of_a_locale_is_found() {
    for (locale, language) in [
        ("de_DE.UTF-8", Some(Language::German)),
        ("pt_BR", Some(Language::Portuguese)),
        ("vi", Some(Language::Vietnamese)),
        ("EN-GB", Some(Language::English)),
        ("C.UTF-8", None),
        ("fr_FR@euro", None),
        ("", None),
    ] {
        assert_eq!(Language::of_locale(locale), language, "{locale}");
    }
}
