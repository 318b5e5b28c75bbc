//! The block list as beats bring it.

use super::*;

#[test]
fn a_new_epoch_brings_the_whole_block_list() {
    let mut scene = Scene::joined();
    scene.out = scene.pass(Duration::from_secs(1));
    let known = ClusterReport {
        blocks: vec![block(8)],
        ..report("run", 1)
    };
    scene.beaten(known);
    scene.out = scene.pass(Duration::from_secs(1));
    let failed_over = ClusterReport {
        blocks: vec![block(9)],
        ..report("other", 2)
    };
    let told = scene.beaten(failed_over);
    assert!(
        !told.iter().any(|it| matches!(it, MemberAction::Blocks(_))),
        "they were asked for from a place of the epoch before: {told:?}"
    );
    let again: Vec<_> = beats(&told).iter().map(|call| call.blocks).collect();
    assert_eq!(again, [0], "at once, and from the beginning");
}

#[test]
fn blocks_that_found_no_room_come_again_and_those_behind_them_too() {
    let mut scene = Scene::joined();
    scene.out = scene.pass(Duration::from_secs(1));
    let with = |versions: &[u64]| ClusterReport {
        blocks: versions.iter().map(|it| block(*it)).collect(),
        ..report("run", 1)
    };
    let full: Vec<_> = (1..=CLUSTER_BLOCKS_EACH as u64).collect();
    let news = |told: &[MemberAction]| {
        told.iter().find_map(|action| match action {
            MemberAction::Blocks(news) => Some((news.after, news.rows.len(), news.is_all)),
            _ => None,
        })
    };
    scene.out = scene.beaten(with(&full));
    assert_eq!(news(&scene.out), Some((0, CLUSTER_BLOCKS_EACH, false)));
    let places =
        |told: &[MemberAction]| -> Vec<_> { beats(told).iter().map(|call| call.blocks).collect() };
    let last = CLUSTER_BLOCKS_EACH as u64;
    assert_eq!(places(&scene.out), [last], "the rest is asked for at once");
    scene.apply(MemberInput::BlocksUntaken(0));
    scene.out = scene.beaten(with(&[last + 1]));
    assert_eq!(
        news(&scene.out),
        None,
        "what is behind them must not come first"
    );
    assert!(
        places(&scene.out).is_empty(),
        "nor are they asked for without a pause"
    );
    scene.out = scene.pass(Duration::from_secs(1));
    assert_eq!(places(&scene.out), [0]);
    scene.out = scene.beaten(with(&[1]));
    assert_eq!(news(&scene.out), Some((0, 1, true)));
    scene.out = scene.pass(Duration::from_secs(1));
    scene.out = scene.beaten(with(&[]));
    assert_eq!(news(&scene.out), None, "no news of a list that is known");
}

#[test]
fn that_the_engine_has_no_blocks_is_told() {
    let mut scene = Scene::joined();
    scene.out = scene.pass(Duration::from_secs(1));
    let told = scene.beaten(report("run", 1));
    assert!(told.iter().any(|action| matches!(
        action,
        MemberAction::Blocks(news) if news.after == 0 && news.is_all && news.rows.is_empty()
    )));
}

#[test]
fn blocks_of_an_epoch_that_is_over_found_no_room() {
    let mut scene = Scene::joined();
    scene.next_beat();
    let known = ClusterReport {
        blocks: vec![block(8)],
        ..report("run", 1)
    };
    scene.beaten(known);
    scene.next_beat();
    let told = scene.beaten(report("other", 2));
    scene.apply(MemberInput::BlocksUntaken(8));
    assert_eq!(beats(&told).len(), 1);
    scene.out = told;
    scene.unbeaten();
    let again = beats(&scene.pass(Duration::from_millis(100)));
    assert_eq!(again[0].blocks, 0, "the list comes from its beginning");
}
