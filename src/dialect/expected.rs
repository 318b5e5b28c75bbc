//! Which meanings a reply is expected to have.

use super::Class;
use crate::pop3::reply::ReplyTo;

/// What replies of known servers to `to` mean: metrics of these exist from the start. A server may
/// say what no other does, and that is classified and counted all the same.
#[must_use]
pub fn expected_classes(to: ReplyTo) -> &'static [Class] {
    use Class::*;
    match to {
        // A greeting that is no error begins a login, whose answer is counted.
        ReplyTo::Connect => &[Locked, LoginDelay, TooMany, Temp, Perm],
        ReplyTo::Xclient => &[Ok, Temp, Perm],
        ReplyTo::Pass => &[
            Ok,
            Locked,
            Auth,
            LoginDelay,
            TooMany,
            Temp,
            Perm,
            IdleTimeout,
        ],
        // Some open the maildrop only now, or count logins by it.
        ReplyTo::Stat => &[Ok, Locked, LoginDelay, TooMany, Temp, Perm, IdleTimeout],
        ReplyTo::Rset | ReplyTo::Noop => &[Ok, Locked, Temp, Perm, IdleTimeout],
        ReplyTo::List => &[Ok, LoginDelay, NoSuchMessage, Temp, Perm, IdleTimeout],
        ReplyTo::Uidl | ReplyTo::Retr | ReplyTo::Top | ReplyTo::Dele => {
            &[Ok, NoSuchMessage, Temp, Perm, IdleTimeout]
        }
        ReplyTo::Quit => &[Ok, DeletesNotRemoved],
        ReplyTo::Other => &[Ok, Temp, Perm, IdleTimeout],
    }
}
