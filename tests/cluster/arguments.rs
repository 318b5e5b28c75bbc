//! Calls that no gate of this version makes: the scripts say what is wrong with them.

use crate::redis::{GATE, Redis, beat, is_installed};
use crate::resp::Connection;
use crate::scripted::SCRIPTS;
use popgate::cluster::protocol::{
    Epoch, Holds, MaildropId, MainSlot, SyncCall, TurnNumber, UnprovenSlot,
};
use popgate::time::Duration;
use std::sync::Arc;

/// A script, its number of keys, arguments that it takes, and which of them are numbers.
struct Call {
    script: &'static str,
    keys: usize,
    arguments: Vec<Vec<u8>>,
    numbers: &'static [usize],
}

fn sync() -> Call {
    let second = Duration::from_secs(1);
    let call = SyncCall {
        maildrop: MaildropId([7; 16]),
        epoch: Epoch {
            run_id: Arc::from("run"),
            number: 1,
        },
        sequence: 1,
        holds: Holds::Turn(TurnNumber(1)),
        lease: 15 * second,
        seen: TurnNumber(0),
        main: Some(MainSlot {
            age: second,
            until: second,
        }),
        unproven: Some(UnprovenSlot {
            age: second,
            half: second,
            until: second,
        }),
        hears: true,
        home: None,
        ended: Some(second),
        keep: second,
    };
    Call {
        script: SCRIPTS[0].1,
        keys: 3,
        arguments: call.arguments(GATE, "popgate:push:"),
        numbers: &[2, 3, 4, 5, 6, 10, 11, 12],
    }
}

fn calls() -> [Call; 5] {
    let most = vec![b"100".to_vec()];
    let change = ["name", "0,9,0102030405060708", "1000", "entry"];
    let change = change.map(|it| it.as_bytes().to_vec()).to_vec();
    [
        sync(),
        Call {
            script: SCRIPTS[1].1,
            keys: 9,
            arguments: beat(1).arguments(GATE),
            numbers: &[1, 2, 6, 7, 8],
        },
        Call {
            script: SCRIPTS[2].1,
            keys: 2,
            arguments: vec![b"gate".to_vec()],
            numbers: &[],
        },
        Call {
            script: SCRIPTS[3].1,
            keys: 3,
            arguments: [most, change.clone(), change].concat(),
            numbers: &[0, 2, 3, 6, 7],
        },
        Call {
            script: SCRIPTS[4].1,
            keys: 3,
            arguments: vec![b"epoch".to_vec()],
            numbers: &[],
        },
    ]
}

/// What the engine says to a script; `Err`: it refuses the call.
fn eval(engine: &mut Connection, call: &Call, keys: usize) -> Result<(), String> {
    let mut command = vec![
        b"EVAL".to_vec(),
        call.script.into(),
        keys.to_string().into(),
    ];
    command.extend((0..keys).map(|key| format!("popgate:{key}").into_bytes()));
    command.extend(call.arguments.iter().cloned());
    engine.send(&[command]);
    engine.receive().map(drop)
}

#[test]
fn a_call_of_another_version_is_refused_in_words() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    let mut engine = Connection::open(redis.address);
    for at in 0..SCRIPTS.len() {
        let mut refused = |call: &Call, keys: usize, what: &str| {
            let Err(why) = eval(&mut engine, call, keys) else {
                panic!("{what} is taken by {}", call.script);
            };
            assert!(why.contains("POPGATE"), "{what}: {why}");
        };
        let call = || calls().into_iter().nth(at).unwrap();
        refused(&call(), call().keys + 1, "a key more");
        refused(&call(), call().keys - 1, "a key less");
        let mut less = call();
        less.arguments.pop();
        refused(&less, less.keys, "an argument less");
        let mut more = call();
        more.arguments.push(b"1".to_vec());
        refused(&more, more.keys, "an argument more");
        for &number in call().numbers {
            for wrong in ["x", "1x", "nil"] {
                let mut call = call();
                call.arguments[number] = wrong.into();
                refused(
                    &call,
                    call.keys,
                    &format!("{wrong} as argument {}", number + 1),
                );
            }
        }
        redis.say("FLUSHALL");
        assert_eq!(eval(&mut engine, &call(), call().keys), Ok(()));
    }
}
