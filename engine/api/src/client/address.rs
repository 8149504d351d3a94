//! Server addresses and the escaping of what goes into a path or a query.
//!
//! Start reading at [`parse`].

use super::ClientError;

/// `host:port` of `http://host:port`; the scheme may be missing, the port is then needed.
pub(super) fn parse(url: &str) -> Result<String, ClientError> {
    let wrong = |reason| ClientError::Address { url: url.to_owned(), reason };
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, url),
    };
    let default_port = match scheme {
        None => None,
        Some(scheme) if scheme.eq_ignore_ascii_case("http") => Some("80"),
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => {
            return Err(wrong("TLS is not spoken; put a proxy in between"));
        }
        Some(_) => return Err(wrong("the scheme is not `http`")),
    };
    let host = rest.strip_suffix('/').unwrap_or(rest);
    if host.is_empty() {
        return Err(wrong("it has no host"));
    }
    if host.contains(['/', '?', '#', '@']) || !host.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong("it has more than a host and a port"));
    }
    // A colon inside brackets belongs to an IPv6 address.
    let port = match host.rsplit_once(':') {
        Some((_, tail)) if !tail.contains(']') => Some(tail),
        _ => None,
    };
    match (port, default_port) {
        (Some(port), _) if port.parse::<u16>().is_ok() => Ok(host.to_owned()),
        (Some(_), _) => Err(wrong("its port is not a number up to 65535")),
        (None, Some(port)) => Ok(format!("{host}:{port}")),
        (None, None) => Err(wrong("it has no port")),
    }
}

/// `text` for a path segment or a query value: everything but letters, digits and `-._~@` as
/// percent codes.
pub(super) fn escape(text: &str) -> String {
    use std::fmt::Write;
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => {
                escaped.push(char::from(byte));
            }
            _ => {
                // Writing to a string does not fail.
                let _written = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let good = |url: &str| parse(url).ok();
        assert_eq!(good("http://127.0.0.1:7171").as_deref(), Some("127.0.0.1:7171"));
        assert_eq!(good("HTTP://node-2/").as_deref(), Some("node-2:80"));
        assert_eq!(good("node-2:7171").as_deref(), Some("node-2:7171"));
        assert_eq!(good("http://[::1]:7171").as_deref(), Some("[::1]:7171"));
        assert_eq!(good("http://[::1]").as_deref(), Some("[::1]:80"));
        for bad in ["", "http://", "node-2", "https://a:1", "ftp://a:1", "http://a:b", "a:70000"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for bad in ["http://a:1/v1", "http://user@a:1", "http://a b:1", "http://a:1?x"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_would_end_a_path_or_a_query_is_escaped() {
        assert_eq!(escape("acknowledge_to_rep@4021"), "acknowledge_to_rep@4021");
        assert_eq!(escape("customer/c 1&x=é?#%"), "customer%2Fc%201%26x%3D%C3%A9%3F%23%25");
    }
}
