//! Every refusal and failure, word for word as accounts give them.
//!
//! Zendesk speaks of errors in several shapes; a client must know all of them,
//! so the shapes here must not be made uniform.

use super::reply::{HTML, Reply, TEXT};

/// No or bad credentials on a resource.
pub(super) fn not_authenticated() -> Reply {
    Reply::json(401, r#"{"error":"Couldn't authenticate you"}"#)
        .with("www-authenticate", r#"Basic realm="Web Password""#)
}

/// A bearer token that is expired, revoked or unknown.
pub(super) fn invalid_token() -> Reply {
    Reply::json(
        401,
        "{\"error\":\"invalid_token\",\"error_description\":\"The access token provided is \
         expired, revoked, malformed or invalid for other reasons.\"}",
    )
    .with("www-authenticate", r#"Bearer realm="Zendesk", error="invalid_token""#)
}

/// The plan or role does not have it.
pub(super) fn forbidden_page() -> Reply {
    Reply::json(
        403,
        "{\"error\":{\"title\":\"Forbidden\",\"message\":\"You do not have access to this page. \
         Please contact the account owner of this help desk for further help.\"}}",
    )
}

/// The role may not see it.
pub(super) fn restricted() -> Reply {
    Reply::json(
        403,
        "{\"error\":{\"title\":\"Forbidden\",\"message\":\"Access to this resource is restricted. \
         Please contact the account administrator for assistance.\"}}",
    )
}

/// There is no account of that name.
pub(super) fn no_help_desk(host: &str) -> Reply {
    let title = format!("No help desk at {host}");
    let message = "There is no help desk configured at this address. This means that the address \
                   is available and that you can claim it at http://www.zendesk.com/signup";
    let body = serde_json::json!({"error": {"title": title, "message": message}});
    Reply::json(404, body.to_string())
}

/// The token lacks a scope.
pub(super) fn missing_scope(scopes: &[&str]) -> Reply {
    Reply::json(
        403,
        format!(
            "{{\"error\":\"Forbidden\",\"description\":\"You are missing the following required \
             scopes: {}\"}}",
            scopes.join(", ")
        ),
    )
}

/// There is no such record.
pub(super) fn record_not_found() -> Reply {
    Reply::json(404, r#"{"error":"RecordNotFound","description":"Not found"}"#)
}

/// There is no such endpoint.
pub(super) fn invalid_endpoint() -> Reply {
    Reply::json(404, r#"{"error":"InvalidEndpoint","description":"Not found"}"#)
}

/// Offset paging beyond 10,000 records.
pub(super) fn too_deep() -> Reply {
    Reply::json(
        400,
        "{\"errors\":[{\"code\":\"InvalidPaginationDepth\",\"title\":\"Pagination requests using \
         Offset Pagination are limited\",\"detail\":\"Requests beyond the first 10000 records \
         must use cursor pagination\"}]}",
    )
}

/// A paging parameter that makes no sense.
pub(super) fn bad_paging(detail: &str) -> Reply {
    Reply::json(
        400,
        format!(
            "{{\"errors\":[{{\"code\":\"InvalidPaginationParameter\",\"title\":\"Invalid \
             pagination parameter\",\"detail\":\"{detail}\"}}]}}"
        ),
    )
}

/// A parameter with a value that cannot be.
pub(super) fn invalid_value(description: &str) -> Reply {
    Reply::json(400, format!("{{\"error\":\"InvalidValue\",\"description\":\"{description}\"}}"))
}

/// An export from a time that is not over yet.
pub(super) fn too_recent() -> Reply {
    Reply::json(
        422,
        "{\"error\":\"InvalidValue\",\"description\":\"Too recent start_time. Use a start_time \
         older than 5 minutes\"}",
    )
}

/// More than 100 ids.
pub(super) fn too_many_values() -> Reply {
    Reply::json(
        400,
        "{\"error\":\"TooManyValues\",\"description\":\"Parameter  cannot specify more than 100 \
         values\",\"max_count\":100}",
    )
}

/// The token endpoint's refusals.
pub(super) fn oauth(status: u16, error: &str, description: &str) -> Reply {
    Reply::json(
        status,
        format!("{{\"error\":\"{error}\",\"error_description\":\"{description}\"}}"),
    )
}

/// The account's budget is used up.
pub(super) fn account_limit() -> Reply {
    Reply::new(429, Some("text/plain"), "Number of allowed API requests per minute exceeded")
}

/// The exports' budget is used up.
pub(super) fn export_limit() -> Reply {
    Reply::json(
        429,
        "{\"error\":\"APIRateLimitExceeded\",\"description\":\"Number of allowed incremental \
         export API requests per minute exceeded\"}",
    )
}

/// The audit log's CSV was asked for twice in a minute.
pub(super) fn audit_export_limit() -> Reply {
    Reply::new(
        429,
        Some(TEXT),
        "Rate limit for Audit log CSV Export exceeded. Please wait 1 minute and try again.",
    )
}

/// The access log's service, which has one shape for all; `detail` says what a 400 is about.
pub(super) fn access_log(status: u16, detail: &str) -> Reply {
    let (title, detail) = match status {
        400 => ("Malformed query params", detail),
        401 => ("Authentication failed", "Please use valid credentials"),
        403 => ("Authorization failed", "You must have administrator privileges"),
        429 => ("Too many requests", "Use RateLimit-Reset header to backoff on retries"),
        _ => ("Internal Service Error", "Failed to process request"),
    };
    let body = serde_json::json!({"errors": [{"detail": detail, "title": title}]});
    Reply::json(status, body.to_string())
}

/// The page took too long to make.
pub(super) fn upstream_timeout() -> Reply {
    Reply::new(504, Some("text/plain"), "upstream request timeout")
}

/// 500.
pub(super) fn internal() -> Reply {
    Reply::json(500, r#"{"error":"InternalError","description":"Something went wrong"}"#)
}

/// 502, 503 and 520 come from something in front that speaks HTML.
pub(super) fn gateway(status: u16, words: &str) -> Reply {
    Reply::new(
        status,
        Some(HTML),
        format!(
            "<html>\r\n<head><title>{status} {words}</title></head>\r\n<body>\r\n<center><h1>\
             {status} {words}</h1></center>\r\n</body>\r\n</html>\r\n"
        ),
    )
}

/// 409.
pub(super) fn conflict() -> Reply {
    Reply::json(409, r#"{"error":"DatabaseConflict","description":"Database collision"}"#)
}

/// What a browser would get that is not signed in.
pub(super) fn login_page() -> Reply {
    Reply::new(
        200,
        Some(HTML),
        "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Sign in</title></head><body><form \
         action=\"/access/login\" method=\"post\"><input name=\"user[email]\"><input \
         name=\"user[password]\" type=\"password\"></form></body></html>\n",
    )
}
