//! What the engine pushes.

use super::*;

#[test]
fn a_maildrop_of_which_nothing_is_known_is_said_to_be_free() {
    let mut scene = Scene::joined();
    for push in [Push::Turn(ANN), Push::Contended(ANN)] {
        let call = sync_of(&scene.apply(MemberInput::Pushed(push)));
        assert_eq!((call.holds, call.main), (Holds::Nothing, None));
        scene.answer(&call, TurnStanding::Idle);
        assert_eq!(scene.member.known(), 0);
    }
}
