//! Answers that no script of popgate gives: each is an error that names the engine.

use super::*;
use proptest::prelude::*;

fn text(octets: impl AsRef<[u8]>) -> EngineReply {
    EngineReply::Bytes(octets.as_ref().to_vec())
}

fn list(fields: &[EngineReply]) -> EngineReply {
    EngineReply::List(fields.to_vec())
}

const GATE: &str = "0102030405060708";
const GARBAGE: &[u8] = b"\xff\xfe";
const STORED: &[u8] = b"0,9,0102030405060708,99\nsealed\xff";

/// Another gate holds the maildrop, and this one waits.
fn synced() -> Vec<EngineReply> {
    vec![
        text("queued"),
        text("0"),
        text(""),
        EngineReply::Int(0),
        EngineReply::Int(1),
        text(GATE),
        EngineReply::Int(9000),
        text("legacy"),
        EngineReply::Int(-1),
        text("9007199254740992"),
    ]
}

fn member_row() -> Vec<EngineReply> {
    vec![text(GATE), text(b"sealed\xff"), text("settings")]
}

fn block_row() -> Vec<EngineReply> {
    vec![EngineReply::Int(4), text("name"), text(STORED)]
}

fn beaten() -> Vec<EngineReply> {
    vec![
        text("ok"),
        text("abc123:7"),
        EngineReply::Int(1500),
        EngineReply::Int(1),
        EngineReply::Int(1),
        list(&[list(&member_row())]),
        text("4"),
        list(&[list(&block_row())]),
    ]
}

fn last() -> Vec<EngineReply> {
    vec![text("last"), text("9007199254740992")]
}

fn last_error(reply: EngineReply) -> String {
    LastTurnAnswer::read(reply).unwrap_err().to_string()
}

fn sync_error(fields: &[EngineReply]) -> String {
    SyncAnswer::read(list(fields)).unwrap_err().to_string()
}

fn beat_error(fields: &[EngineReply]) -> String {
    BeatAnswer::read(list(fields)).unwrap_err().to_string()
}

fn with(fields: &[EngineReply], at: usize, wrong: &EngineReply) -> Vec<EngineReply> {
    let mut fields = fields.to_vec();
    fields[at] = wrong.clone();
    fields
}

fn names_the_engine(why: &str) {
    assert!(
        why.starts_with("the engine's answer makes no sense: "),
        "{why}"
    );
}

#[test]
fn answers_that_are_right_are_read() {
    let Ok(SyncAnswer::Done(report)) = SyncAnswer::read(list(&synced())) else {
        panic!("an answer to a statement");
    };
    assert_eq!(report.standing, TurnStanding::Queued);
    assert!(!report.others_in_main && report.others_in_unproven);
    assert_eq!(report.holder.unwrap().lease_left, Duration::from_secs(9));
    assert_eq!((report.ended, report.last), (None, TurnNumber(1 << 53)));
    let Ok(BeatAnswer::Alive(report)) = BeatAnswer::read(list(&beaten())) else {
        panic!("an answer to a beat");
    };
    assert_eq!((report.members.len(), report.blocks.len()), (1, 1));
    assert_eq!(&*report.blocks[0].stored.entry, b"sealed\xff");
    let answers = read_put_answers(list(&[text(""), text(STORED)])).unwrap();
    assert!(matches!(&answers[..], [None, Some(_)]), "{answers:?}");
    for (said, answer) in [
        (last(), LastTurnAnswer::Last(TurnNumber(1 << 53))),
        (vec![text("unknown")], LastTurnAnswer::Unknown),
        (vec![text("epoch")], LastTurnAnswer::OtherEpoch),
        (vec![text("lease")], LastTurnAnswer::NoLease),
    ] {
        assert_eq!(LastTurnAnswer::read(list(&said)), Ok(answer));
    }
}

#[test]
fn a_field_of_another_kind_is_an_error() {
    let wrong = [
        EngineReply::Nil,
        EngineReply::List(Vec::new()),
        text(GARBAGE),
    ];
    for (at, _) in synced().iter().enumerate() {
        for wrong in &wrong {
            // No lane is read where none was granted.
            if (at, wrong) == (2, &text(GARBAGE)) {
                continue;
            }
            names_the_engine(&sync_error(&with(&synced(), at, wrong)));
        }
    }
    for (at, right) in beaten().iter().enumerate() {
        for wrong in wrong.iter().chain([&EngineReply::Int(-1)]) {
            let both_lists = [right, wrong].map(|it| matches!(it, EngineReply::List(_)));
            if both_lists != [true; 2] {
                names_the_engine(&beat_error(&with(&beaten(), at, wrong)));
            }
        }
    }
    for wrong in &wrong {
        for (at, _) in member_row().iter().enumerate() {
            // What is sealed is any octets.
            if (at, wrong) != (1, &text(GARBAGE)) {
                let row = list(&with(&member_row(), at, wrong));
                names_the_engine(&beat_error(&with(&beaten(), 5, &list(&[row]))));
            }
        }
        for (at, _) in block_row().iter().enumerate() {
            if (at, wrong) != (2, &text(GARBAGE)) {
                let row = list(&with(&block_row(), at, wrong));
                names_the_engine(&beat_error(&with(&beaten(), 7, &list(&[row]))));
            }
        }
        names_the_engine(&SyncAnswer::read(wrong.clone()).unwrap_err().to_string());
        names_the_engine(&BeatAnswer::read(wrong.clone()).unwrap_err().to_string());
        // Octets that are no entry are none.
        if *wrong != text(GARBAGE) {
            let answers = read_put_answers(list(std::slice::from_ref(wrong)));
            names_the_engine(&answers.unwrap_err().to_string());
        }
    }
    for wrong in wrong.iter().chain([&EngineReply::Int(-1)]) {
        for (at, _) in last().iter().enumerate() {
            names_the_engine(&last_error(list(&with(&last(), at, wrong))));
        }
        names_the_engine(&last_error(wrong.clone()));
    }
    let more = [text("unknown"), text("5")];
    names_the_engine(&last_error(list(&more)));
    names_the_engine(&read_put_answers(EngineReply::Nil).unwrap_err().to_string());
}

#[test]
fn an_answer_that_is_too_short_or_too_long_is_an_error() {
    for length in 0..synced().len() {
        names_the_engine(&sync_error(&synced()[..length]));
    }
    for length in 0..beaten().len() {
        names_the_engine(&beat_error(&beaten()[..length]));
    }
    let longer = |fields: Vec<EngineReply>| [fields, vec![EngineReply::Int(1)]].concat();
    names_the_engine(&sync_error(&longer(synced())));
    names_the_engine(&sync_error(&longer(vec![text("lease")])));
    names_the_engine(&sync_error(&longer(vec![text("epoch")])));
    names_the_engine(&beat_error(&longer(beaten())));
    names_the_engine(&beat_error(&longer(vec![text("stranger")])));
    for (at, row) in [(4, member_row()), (6, block_row())] {
        let shorter = list(&row[1..]);
        let longer = list(&longer(row));
        for row in [shorter, longer] {
            names_the_engine(&beat_error(&with(&beaten(), at, &list(&[row]))));
        }
    }
}

#[test]
fn texts_and_numbers_have_bounds() {
    let long = text(vec![b'a'; CLUSTER_TEXT_MAX + 1]);
    for at in [1, 2] {
        let row = list(&with(&member_row(), at, &long));
        names_the_engine(&beat_error(&with(&beaten(), 5, &list(&[row]))));
    }
    // A block that is too long is none, and stops no beat.
    let long_block = text([STORED, &[b'a'; CLUSTER_TEXT_MAX]].concat());
    for stored in [&long, &long_block] {
        let row = list(&with(&block_row(), 2, stored));
        let answer = BeatAnswer::read(list(&with(&beaten(), 7, &list(&[row]))));
        assert!(matches!(answer, Ok(BeatAnswer::Alive(report)) if report.blocks.is_empty()));
    }
    for huge in ["9223372036854775808", "-1", "1e9", "", "0x7", "1 "] {
        for at in [1, 3, 4, 6, 9] {
            names_the_engine(&sync_error(&with(&synced(), at, &text(huge))));
        }
    }
    // A backend's name that none has is as good as none.
    let answer = SyncAnswer::read(list(&with(&synced(), 7, &long)));
    assert!(matches!(answer, Ok(SyncAnswer::Done(report)) if report.home.is_none()));
    let forever = EngineReply::Int(i64::MAX);
    let Ok(SyncAnswer::Done(report)) = SyncAnswer::read(list(&with(&synced(), 6, &forever))) else {
        panic!("an answer");
    };
    assert_eq!(report.holder.unwrap().lease_left, *CLUSTER_LEASE.end());
}

fn any_reply() -> impl Strategy<Value = EngineReply> {
    let words = [
        "ok", "stranger", "epoch", "lease", "granted", "queued", "m", "abc:1", GATE,
    ];
    let leaf = prop_oneof![
        Just(EngineReply::Nil),
        any::<i64>().prop_map(EngineReply::Int),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(EngineReply::Bytes),
        any::<i64>().prop_map(|number| text(number.to_string())),
        proptest::sample::select(words.to_vec()).prop_map(text),
    ];
    leaf.prop_recursive(3, 64, 12, |inner| {
        proptest::collection::vec(inner, 0..12).prop_map(EngineReply::List)
    })
}

/// A right answer with some fields replaced, which gets further than any reply.
fn almost(right: fn() -> Vec<EngineReply>) -> impl Strategy<Value = EngineReply> {
    let changes = proptest::collection::vec((0..10usize, any_reply()), 0..3);
    changes.prop_map(move |changes| {
        let mut fields = right();
        let length = fields.len();
        for (at, wrong) in changes {
            fields[at % length] = wrong;
        }
        EngineReply::List(fields)
    })
}

proptest! {
    #[test]
    fn nothing_that_an_engine_answers_is_a_panic(
        any in any_reply(),
        synced in almost(synced),
        beaten in almost(beaten),
        push in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        for reply in [any, synced, beaten] {
            let _ = SyncAnswer::read(reply.clone());
            let _ = BeatAnswer::read(reply.clone());
            let _ = read_put_answers(reply);
        }
        let _ = Push::read(&push);
        let _ = Epoch::parse(&push);
    }
}
