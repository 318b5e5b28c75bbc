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
    "zrem",
    "zrangebyscore",
    "zscore",
    "config|get",
];

/// The command that makes a user for popgate, who is allowed that and no more; the password is
/// still to be put in.
#[must_use]
pub fn acl_line(username: &str, prefix: &str) -> String {
    let commands: Vec<String> = COMMANDS.iter().map(|it| format!("+{it}")).collect();
    format!(
        "ACL SETUSER {username} reset on >PASSWORD ~{prefix}* &{prefix}* {}",
        commands.join(" ")
    )
}
