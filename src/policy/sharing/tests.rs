use super::*;

#[test]
fn of_replies_that_are_no_listing_repeated_ids_alone_forbid_sharing() {
    for why in NotWhole::ALL.iter().copied() {
        let forbids = Unshareable::by_replies(why);
        assert_eq!(forbids.is_some(), why == NotWhole::Repeated, "{why:?}");
    }
}

#[test]
fn a_server_that_expires_mail_or_delays_logins_forbids_sharing() {
    use Unshareable::{Expire, LoginDelay};
    for (capabilities, causes) in [
        (&["UIDL"][..], &[][..]),
        (&["EXPIRE NEVER", "LOGIN-DELAY 60"], &[]),
        (&["EXPIRE never USER"], &[]),
        (&["EXPIRE 30 USER"], &[Expire]),
        (&["EXPIRE 0"], &[Expire]),
        (&["LOGIN-DELAY 61"], &[LoginDelay]),
        (&["LOGIN-DELAY 900 USER", "EXPIRE 7"], &[Expire, LoginDelay]),
    ] {
        let listed = Capabilities::parse(capabilities);
        let found: Vec<_> = Unshareable::by_capabilities(&listed).collect();
        assert_eq!(found, causes, "{capabilities:?}");
    }
}
