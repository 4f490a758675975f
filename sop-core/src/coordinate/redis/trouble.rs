//! What a failure of the client library means to us.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use super::REDIS_RIGHTS;
use crate::coordinate::Trouble;

/// Longest text that is taken over from a server, in characters.
const TEXT_MAX: usize = 200;

/// By how a script says that a command in it is not allowed: since Redis 7, and before.
const NOT_ALLOWED: &[&str] = &["ACL failure", "can't run this command", "can't access"];

/// What the failure means. Of the text of a server no more is shown than a line.
pub(super) fn of(error: &RedisError) -> Trouble {
    if error.is_timeout() {
        return Trouble::Slow;
    }
    let text = line(error.detail().unwrap_or_default());
    let code = error.code().unwrap_or_default();
    match error.kind() {
        ErrorKind::AuthenticationFailed => Trouble::Denied("wrong name or password".to_owned()),
        _ if ["NOAUTH", "WRONGPASS"].contains(&code) => {
            Trouble::Denied("it wants a name and a password, or others".to_owned())
        }
        ErrorKind::Server(ServerErrorKind::NoPerm) => not_allowed(&text),
        _ if NOT_ALLOWED.iter().any(|words| text.contains(words)) => not_allowed(&text),
        ErrorKind::Server(ServerErrorKind::ReadOnly) => {
            Trouble::Unusable("it is a replica".to_owned())
        }
        ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask) => Trouble::Unusable(
            "it is a node of a cluster, whose address begins with `redis+cluster://`".to_owned(),
        ),
        ErrorKind::Io => Trouble::Unreachable(line(&error.to_string())),
        _ => Trouble::Unusable(line(&error.to_string())),
    }
}

fn not_allowed(text: &str) -> Trouble {
    Trouble::Denied(format!("{text}; the rights that are needed are: {REDIS_RIGHTS}"))
}

/// A text from elsewhere as one line of bounded length.
fn line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT_MAX).collect()
}
