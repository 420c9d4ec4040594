//! `filter`, `route` and `exclusive_route`: conditions and the outputs they lead to.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::program::condition;
use super::{Found, SHARED, check_name};
use crate::config::node::{Node, Path};
use crate::config::problem::Finding;
use crate::config::read::{read, read_rest};
use crate::transform::{Condition, Routes};

/// `transforms.*` of type `filter`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFilter {
    #[serde(rename = "condition")]
    _condition: IgnoredAny,
}

/// `transforms.*` of type `route`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRoute {
    #[serde(rename = "route")]
    _route: IgnoredAny,
    reroute_unmatched: Option<bool>,
}

/// `transforms.*` of type `exclusive_route`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenExclusiveRoute {
    routes: Vec<IgnoredAny>,
}

/// `transforms.*.routes[]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenNamed {
    name: String,
    #[serde(rename = "condition")]
    _condition: IgnoredAny,
}

pub(super) fn filter(node: &Node, path: &Path, found: &mut Found<'_>) -> Option<Condition> {
    found.findings.keep(read_rest::<WrittenFilter>(node, path, SHARED))?;
    condition(node.get("condition")?, &path.key("condition"), found)
}

pub(super) fn route(node: &Node, path: &Path, found: &mut Found<'_>) -> Option<Routes> {
    let written: WrittenRoute = found.findings.keep(read_rest(node, path, SHARED))?;
    let path = path.key("route");
    let Some(Node::Map(entries)) = node.get("route") else {
        found.findings.push(Finding::new(&path, "expected a map of conditions by name"));
        return None;
    };
    let mut routes = Vec::new();
    for (name, node) in entries {
        let path = path.key(name);
        let named = found.findings.keep(check_name(name, &path));
        let condition = condition(node, &path, found);
        routes.push(named.and(condition).map(|condition| (name.clone(), condition)));
    }
    let reroute_unmatched = written.reroute_unmatched.unwrap_or(true);
    complete(routes, &path, found).map(|routes| Routes {
        routes,
        exclusive: false,
        reroute_unmatched,
    })
}

pub(super) fn exclusive(node: &Node, path: &Path, found: &mut Found<'_>) -> Option<Routes> {
    let written: WrittenExclusiveRoute = found.findings.keep(read_rest(node, path, SHARED))?;
    let path = path.key("routes");
    let Some(Node::List(items)) = node.get("routes") else {
        found.findings.push(Finding::new(&path, "expected a list"));
        return None;
    };
    let mut routes: Vec<Option<(String, Condition)>> = Vec::with_capacity(written.routes.len());
    for (index, item) in items.iter().enumerate() {
        let path = path.index(index);
        let route = found.findings.keep(read::<WrittenNamed>(item, &path)).and_then(|written| {
            let named = found.findings.keep(check_name(&written.name, &path.key("name")));
            let taken = routes.iter().flatten().any(|(name, _)| *name == written.name);
            if taken {
                let message = format!("a route before it is named `{}` too", written.name);
                found.findings.push(Finding::new(&path.key("name"), message));
            }
            let condition = condition(item.get("condition")?, &path.key("condition"), found);
            named.and(condition).map(|condition| (written.name, condition))
        });
        routes.push(route);
    }
    complete(routes, &path, found).map(|routes| Routes {
        routes,
        exclusive: true,
        reroute_unmatched: true,
    })
}

/// All of them, if each is right and there is one.
fn complete(
    routes: Vec<Option<(String, Condition)>>,
    path: &Path,
    found: &mut Found<'_>,
) -> Option<Vec<(String, Condition)>> {
    if routes.is_empty() {
        found.findings.push(Finding::new(path, "is empty").hint("name a route and its condition"));
        return None;
    }
    routes.into_iter().collect()
}
