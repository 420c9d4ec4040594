//! A bucket that was named on the command line, as the sink of that type would have it: the same
//! defaults, the same credentials of the environment, the same checks.

use std::collections::BTreeMap;

use super::environment::Environment;
use super::node::{Node, Origin, Path, Text};
use super::problem::{ConfigError, Findings};
use super::{SinkConfig, sink};

/// Where Azure's own tools find what opens an account.
const AZURE_CONNECTION: &str = "AZURE_STORAGE_CONNECTION_STRING";
const AZURE_ACCOUNT: &str = "AZURE_STORAGE_ACCOUNT";

/// A sink of a type that writes to buckets, into the bucket or container `name`.
pub fn bucket_sink(
    kind: &str,
    name: &str,
    environment: &dyn Environment,
) -> Result<SinkConfig, ConfigError> {
    let mut options = BTreeMap::from([
        ("type".to_owned(), text(kind)),
        ("inputs".to_owned(), Node::List(vec![text("*")])),
        ("encoding".to_owned(), Node::Map(BTreeMap::from([("codec".to_owned(), text("json"))]))),
    ]);
    if kind == "azure_blob" {
        options.insert("container_name".to_owned(), text(name));
        if let Some(connection) = environment.variable(AZURE_CONNECTION) {
            options.insert("connection_string".to_owned(), secret(AZURE_CONNECTION, connection));
        } else if let Some(account) = environment.variable(AZURE_ACCOUNT) {
            options.insert("account_name".to_owned(), text(&account));
            options.insert("auth".to_owned(), azure_auth(environment));
        } else {
            let message = format!("which storage account is the container `{name}` in?");
            let hint = format!("set `{AZURE_CONNECTION}` or `{AZURE_ACCOUNT}`");
            return Err(ConfigError::of(message, Some(hint)));
        }
    } else {
        options.insert("bucket".to_owned(), text(name));
    }
    let (node, path, mut findings) = (Node::Map(options), Path::default(), Findings::default());
    match (sink::sink(name, &node, &path, true, &mut findings), findings.0.into_iter().next()) {
        (Some(config), None) => Ok(config),
        (_, Some(finding)) => Err(ConfigError::of(finding.message, finding.hint)),
        (None, None) => Err(ConfigError::of(format!("`{name}` cannot be used"), None)),
    }
}

/// As Azure's own libraries do: a client's secret, else a workload's token, else who `az login` was.
fn azure_auth(environment: &dyn Environment) -> Node {
    let variable = |name: &str| environment.variable(name).filter(|value| !value.is_empty());
    let client = [
        ("azure_tenant_id", "AZURE_TENANT_ID"),
        ("azure_client_id", "AZURE_CLIENT_ID"),
        ("azure_client_secret", "AZURE_CLIENT_SECRET"),
    ];
    let client =
        client.map(|(option, name)| Some((option.to_owned(), secret(name, variable(name)?))));
    let (kind, options) = if client.iter().all(Option::is_some) {
        ("client_secret_credential", client.into_iter().flatten().collect())
    } else if variable("AZURE_FEDERATED_TOKEN_FILE").is_some() {
        ("workload_identity", Vec::new())
    } else {
        ("azure_cli", Vec::new())
    };
    let kind = ("azure_credential_kind".to_owned(), text(kind));
    Node::Map(options.into_iter().chain([kind]).collect())
}

fn text(value: &str) -> Node {
    Node::Text(Text { value: value.to_owned(), origin: Origin::Written })
}

/// Text that no message may show.
fn secret(name: &str, value: String) -> Node {
    let origin = Origin::Secret(format!("${{{name}}}"));
    Node::Text(Text { value, origin })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::config::SinkKind;

    fn variables(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_bucket_is_what_the_sink_would_have() {
        let config = bucket_sink("aws_s3", "acme-logs", &variables(&[])).unwrap();
        let SinkKind::AwsS3 { bucket, .. } = config.kind else { panic!("another kind") };
        assert_eq!(bucket.bucket, "acme-logs");
        let config = bucket_sink("gcp_cloud_storage", "acme-logs", &variables(&[])).unwrap();
        assert!(matches!(config.kind, SinkKind::GcpCloudStorage { .. }));
        let account = variables(&[(AZURE_ACCOUNT, "acme")]);
        let connection = "AccountName=acme;AccountKey=aHVudGVyMg==;EndpointSuffix=core.windows.net";
        let client = [
            (AZURE_ACCOUNT, "acme"),
            ("AZURE_TENANT_ID", "t"),
            ("AZURE_CLIENT_ID", "c"),
            ("AZURE_CLIENT_SECRET", "hunter2"),
        ];
        for environment in
            [account, variables(&client), variables(&[(AZURE_CONNECTION, connection)])]
        {
            let config = bucket_sink("azure_blob", "logs", &environment).unwrap();
            assert!(matches!(config.kind, SinkKind::AzureBlob { .. }));
        }
    }

    #[test]
    fn what_cannot_be_a_bucket_is_refused_with_a_way_out() {
        assert!(bucket_sink("aws_s3", "", &variables(&[])).is_err());
        let error = bucket_sink("azure_blob", "logs", &variables(&[])).unwrap_err();
        assert!(error.problems[0].hint.as_ref().unwrap().contains(AZURE_ACCOUNT));
    }
}
