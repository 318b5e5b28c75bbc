//! What a user of the engine must be allowed.

/// The commands that popgate and its scripts use.
pub const COMMANDS: [&str; 24] = [
    "hello",
    "ping",
    "role",
    "info",
    "evalsha",
    "eval",
    "subscribe",
    "publish",
    "time",
    "get",
    "set",
    "del",
    "pttl",
    "incr",
    "hget",
    "hset",
    "hdel",
    "hmget",
    "hgetall",
    "zadd",
    "zcard",
    "zrem",
    "zrangebyscore",
    "config|get",
];

/// The command that makes a user for popgate, who is allowed that and no more; the password is
/// still to be put in. A new user of Redis 6.2 may listen to every channel, and takes no pattern
/// before that is taken from it.
#[must_use]
pub fn acl_line(username: &str, prefix: &str) -> String {
    let commands: Vec<String> = COMMANDS.iter().map(|it| format!("+{it}")).collect();
    format!(
        "ACL SETUSER {username} reset resetchannels on >PASSWORD ~{prefix}* &{prefix}* {}",
        commands.join(" ")
    )
}
