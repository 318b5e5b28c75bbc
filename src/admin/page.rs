//! The page at `/`, for an operator's browser. It is a reader of the API: it holds no data, so it
//! is served to whoever can reach the port, without the token.
//!
//! HTML, style sheet and ES modules are files of `page/`, served as they are written there.

use super::probes::read_only;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::StatusCode;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A file of the page.
struct PageFile {
    path: &'static str,
    content_type: &'static str,
    content: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A file of `page/` at the path of its name, or at another.
macro_rules! page_file {
    ($name:literal, $content_type:expr) => {
        page_file!($name, $content_type, concat!("/page/", $name))
    };
    ($name:literal, $content_type:expr, $path:expr) => {
        PageFile {
            path: $path,
            content_type: $content_type,
            content: include_str!(concat!("page/", $name)),
        }
    };
}

const FILES: &[PageFile] = &[
    page_file!("page.html", HTML, "/"),
    page_file!("page.css", CSS),
    page_file!("page.js", SCRIPT),
    page_file!("api.js", SCRIPT),
    page_file!("blocks.js", SCRIPT),
    page_file!("charts.js", SCRIPT),
    page_file!("dialog.js", SCRIPT),
    page_file!("dom.js", SCRIPT),
    page_file!("gates.js", SCRIPT),
    page_file!("history.js", SCRIPT),
    page_file!("locks.js", SCRIPT),
    page_file!("report.js", SCRIPT),
    page_file!("sessions.js", SCRIPT),
    page_file!("stream.js", SCRIPT),
    page_file!("subjects.js", SCRIPT),
    page_file!("time.js", SCRIPT),
    page_file!("timeline.js", SCRIPT),
    page_file!("user.js", SCRIPT),
];

/// What a browser is told with each file: it runs and loads what this port serves and nothing
/// else, and shows the page in no frame of another.
const HEADERS: &[(HeaderName, &str)] = &[
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    // Asked for anew each time, so that no page of another version talks to this gate.
    (CACHE_CONTROL, "no-cache"),
];

/// A route for each file.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES
        .iter()
        .fold(Router::new(), |router, file| {
            router.route(
                file.path,
                get(move |headers: HeaderMap| async move { file.answer(&headers) }),
            )
        })
        .method_not_allowed_fallback(read_only)
}

impl PageFile {
    fn answer(&self, asked: &HeaderMap) -> Response {
        let tag = self.tag();
        let is_known = asked
            .get(IF_NONE_MATCH)
            .and_then(|known| known.to_str().ok())
            .is_some_and(|known| known.split(',').any(|it| it.trim() == tag));
        let mut response = if is_known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(CONTENT_TYPE, self.content_type)], self.content).into_response()
        };
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        // It is made of hexadecimal digits and quotation marks.
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(ETAG, tag);
        }
        response
    }

    /// Another one as soon as the content is another.
    fn tag(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.content.hash(&mut hasher);
        format!("\"{:016x}\"", hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::fs;
    use std::path::Path;

    /// The size that can still be read in an afternoon, without a framework or a build: a live half
    /// (locks, users, backends, tenants), and one of the past (timeline, report, block list).
    const LINES_MAX: usize = 2_010;
    const COLUMNS_MAX: usize = 120;

    fn at(path: &str) -> &'static PageFile {
        FILES.iter().find(|file| file.path == path).unwrap()
    }

    fn header<'a>(response: &'a Response, name: &HeaderName) -> &'a str {
        response.headers()[name].to_str().unwrap()
    }

    #[test]
    fn each_file_forbids_the_browser_whatever_is_not_of_this_port() {
        for file in FILES {
            let response = file.answer(&HeaderMap::new());
            assert_eq!(response.status(), StatusCode::OK);
            let policy = header(&response, &CONTENT_SECURITY_POLICY);
            for part in [
                "default-src 'none'",
                "script-src 'self'",
                "frame-ancestors 'none'",
            ] {
                assert!(policy.split("; ").any(|it| it == part), "{policy}");
            }
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(header(&response, &X_CONTENT_TYPE_OPTIONS), "nosniff");
            assert_eq!(header(&response, &REFERRER_POLICY), "no-referrer");
            assert_eq!(header(&response, &CONTENT_TYPE), file.content_type);
        }
    }

    #[test]
    fn a_file_that_the_browser_has_is_not_sent_again() {
        let file = at("/page/page.js");
        let first = file.answer(&HeaderMap::new());
        let tag = first.headers()[ETAG].clone();
        let again = file.answer(&HeaderMap::from_iter([(IF_NONE_MATCH, tag.clone())]));
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()[ETAG], tag);
        let other = at("/page/page.css").answer(&HeaderMap::from_iter([(IF_NONE_MATCH, tag)]));
        assert_eq!(other.status(), StatusCode::OK);
    }

    #[test]
    fn each_module_that_is_imported_is_served() {
        for file in FILES.iter().filter(|file| file.content_type == SCRIPT) {
            let imports = file.content.lines().filter_map(|line| {
                line.strip_prefix("import ")?
                    .split_once(" from '")?
                    .1
                    .strip_suffix("';")
            });
            for import in imports {
                let path = import.strip_prefix("./").map(|it| format!("/page/{it}"));
                let is_served = FILES.iter().any(|it| Some(it.path) == path.as_deref());
                assert!(is_served, "{} imports {import}", file.path);
            }
        }
    }

    #[test]
    fn nothing_of_a_stranger_becomes_markup_and_nothing_is_inline() {
        for file in FILES {
            for word in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
            ] {
                assert!(!file.content.contains(word), "{}: {word}", file.path);
            }
            for outside in ["http://", "https://", "//cdn"] {
                let found = file.content.lines().find(|line| {
                    line.contains(outside) && !line.contains("http://www.w3.org/2000/svg")
                });
                assert_eq!(found, None, "{}", file.path);
            }
        }
        for inline in ["style=", "<style", "onclick", "<script>"] {
            assert!(!at("/").content.contains(inline), "{inline}");
        }
    }

    #[test]
    fn each_id_of_the_page_is_that_of_one_element() {
        let ids = at("/").content.split(" id=\"").skip(1);
        let ids: Vec<_> = ids.filter_map(|rest| rest.split('"').next()).collect();
        let different: HashSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len(), "{ids:?}");
    }

    #[test]
    fn it_is_small_and_each_file_of_the_folder_is_served() {
        let lines = FILES.iter().map(|file| file.content.lines().count());
        assert!(lines.sum::<usize>() <= LINES_MAX);
        let wide = FILES
            .iter()
            .flat_map(|file| file.content.lines().map(move |line| (file.path, line)))
            .find(|(_, line)| line.chars().count() > COLUMNS_MAX && !line.contains("data:image"));
        assert_eq!(wide, None);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/page");
        let names = fs::read_dir(folder).unwrap().count();
        let served: HashSet<_> = FILES.iter().map(|file| file.path).collect();
        assert_eq!(served.len(), names);
    }
}
