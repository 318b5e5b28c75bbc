//! What other gates of a cluster changed.

use super::*;

fn blocked_elsewhere(now: Timestamp) -> BlockChange {
    let other = BlockList::default();
    let tenant = TenantName::new("default");
    (0..3)
        .flat_map(|n| {
            other.record(
                Some(&maildrop("ann")),
                home(),
                &tenant,
                guess(n),
                &rules(),
                now,
            )
        })
        .map(|change| BlockChange {
            by: ChangedBy::Gate,
            ..change
        })
        .last()
        .unwrap()
}

#[test]
fn a_change_of_another_gate_is_taken_once_under_a_number_of_this_gate() {
    let list = BlockList::restore(Vec::new(), BlockId(40));
    let change = blocked_elsewhere(noon());
    let told = list.changed_elsewhere(&change, noon());
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].entry.id, told[0].by),
        (BlockId(41), ChangedBy::Gate)
    );
    assert_eq!(told[0].what, ChangeKind::Blocked);
    assert_eq!(list.changed_elsewhere(&change, noon()), []);
}

#[test]
fn a_block_that_ran_out_meanwhile_is_no_block_and_no_news_in_a_new_epoch() {
    let list = BlockList::default();
    let change = blocked_elsewhere(noon());
    let after = noon() + HOUR;
    let told = list.changed_elsewhere(&change, after);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].what, ChangeKind::Expired);
    assert_eq!(told[0].entry.state, BlockState::Released);
    assert_eq!(list.expire(after), []);
    assert_eq!(list.changed_elsewhere(&change, after), []);
}
