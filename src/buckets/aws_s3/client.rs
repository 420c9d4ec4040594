//! From settings to a client of the SDK: credentials, TLS, proxies, time limits.
//!
//! Nothing is asked of the bucket here. The SDK's own retries are off, because whoever uses a
//! bucket has a loop of its own.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::identity::IdentityCache;
use aws_config::imds;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    Credentials, RequestChecksumCalculation, ResponseChecksumValidation, SharedCredentialsProvider,
    SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder as HttpBuilder, Connector};
use secrecy::{ExposeSecret, SecretString};

use super::settings::{AwsAuth, AwsCredentials, AwsRole, AwsS3Settings, Checksums, ImdsSettings};
use crate::buckets::{BucketError, BucketErrorKind};
use crate::http_client::ProxySettings;

/// The longest that connecting may take, if a request may take longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What the SDK does unless it is told, as of a fixed date: an update of it changes nothing.
fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// A client for the bucket. Looks for the region where the settings have none; credentials are
/// looked for with the first request.
pub(super) async fn client(
    settings: &AwsS3Settings,
    proxy: &ProxySettings,
) -> Result<Client, BucketError> {
    let certificates = settings.tls.ca_file.as_deref().map(certificates).transpose()?;
    let trusted = |store: TrustStore| match &certificates {
        Some(pem) => store.with_pem_certificate(pem.clone()),
        None => TrustStore::default(),
    };
    let plain = settings.endpoint.as_ref().is_some_and(|endpoint| endpoint.scheme() == "http");
    let to_bucket = http_client(proxied(proxy, plain)?, trusted(TrustStore::empty()));
    // Who gives out credentials is AWS, even where the bucket is not.
    let to_aws = http_client(proxied(proxy, false)?, trusted(TrustStore::default()));
    let sdk = sdk_config(settings, to_aws).await?;
    let mut builder = aws_sdk_s3::config::Builder::from(&sdk)
        .http_client(to_bucket)
        .force_path_style(settings.force_path_style);
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.endpoint_url(endpoint.as_str().trim_end_matches('/'));
    }
    let foreign = settings.endpoint.is_some() || sdk.endpoint_url().is_some();
    builder = match settings.checksums {
        Checksums::Auto if !foreign => builder,
        Checksums::Auto | Checksums::Never => builder
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired),
        Checksums::Always => builder
            .request_checksum_calculation(RequestChecksumCalculation::WhenSupported)
            .response_checksum_validation(ResponseChecksumValidation::WhenSupported),
    };
    Ok(Client::from_conf(builder.build()))
}

/// Everything that holds for S3 and for whatever gives out credentials alike.
async fn sdk_config(
    settings: &AwsS3Settings,
    http: SharedHttpClient,
) -> Result<SdkConfig, BucketError> {
    let timeout = settings.timeout;
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .operation_attempt_timeout(timeout);
    let mut loader: ConfigLoader = aws_config::defaults(behavior())
        .http_client(http.clone())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts.build())
        // A slow link is slow, not broken; the time limit stands above it.
        .stalled_stream_protection(
            StalledStreamProtectionConfig::enabled().grace_period(timeout).build(),
        );
    if let AwsCredentials::Profile { profile, .. } = &settings.auth.source {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(longest) = settings.auth.load_timeout {
        loader = loader.identity_cache(IdentityCache::lazy().load_timeout(longest).build());
    }
    // Replaced below, once it is known in which region to ask for them.
    let sdk = loader.no_credentials().load().await;
    let Some(region) = sdk.region().cloned() else { return Err(no_region()) };
    let provider = credentials(&settings.auth, http, region, &sdk).await;
    Ok(sdk.into_builder().credentials_provider(provider).build())
}

fn no_region() -> BucketError {
    BucketError::new(BucketErrorKind::Config, "the bucket's region is not known").with_hint(
        "set `region`, or AWS_REGION in the environment; a store other than Amazon's usually takes \
         `us-east-1`",
    )
}

async fn credentials(
    auth: &AwsAuth,
    http: SharedHttpClient,
    region: Region,
    sdk: &SdkConfig,
) -> SharedCredentialsProvider {
    let conf = ProviderConfig::without_region()
        .with_behavior_version(Some(behavior()))
        .with_region(Some(region))
        .with_http_client(http);
    let base = match &auth.source {
        AwsCredentials::Default { imds } => {
            let chain = DefaultCredentialsChain::builder()
                .imds_client(metadata_service(*imds, &conf))
                .configure(conf);
            SharedCredentialsProvider::new(chain.build().await)
        }
        AwsCredentials::Keys { access_key_id, secret_access_key, session_token } => {
            let text = |secret: &SecretString| secret.expose_secret().to_owned();
            let (id, key) = (text(access_key_id), text(secret_access_key));
            let token = session_token.as_ref().map(text);
            SharedCredentialsProvider::new(Credentials::new(id, key, token, None, "config"))
        }
        AwsCredentials::Profile { credentials_file, profile } => {
            SharedCredentialsProvider::new(of_profile(credentials_file.as_deref(), profile, &conf))
        }
    };
    match &auth.role {
        None => base,
        Some(role) => SharedCredentialsProvider::new(assumed(role, sdk, base).await),
    }
}

fn metadata_service(imds: ImdsSettings, conf: &ProviderConfig) -> imds::Client {
    imds::Client::builder()
        .configure(conf)
        .connect_timeout(imds.connect_timeout)
        .read_timeout(imds.read_timeout)
        .max_attempts(imds.max_attempts)
        .build()
}

#[expect(deprecated, reason = "the same types, without one more crate")]
fn of_profile(
    credentials_file: Option<&Path>,
    profile: &str,
    conf: &ProviderConfig,
) -> ProfileFileCredentialsProvider {
    use aws_config::profile::profile_file::{ProfileFileKind, ProfileFiles};

    let mut builder =
        ProfileFileCredentialsProvider::builder().configure(conf).profile_name(profile);
    if let Some(file) = credentials_file {
        let files = ProfileFiles::builder().with_file(ProfileFileKind::Credentials, file).build();
        builder = builder.profile_files(files);
    }
    builder.build()
}

async fn assumed(
    role: &AwsRole,
    sdk: &SdkConfig,
    base: SharedCredentialsProvider,
) -> AssumeRoleProvider {
    let mut builder = AssumeRoleProvider::builder(&role.arn).configure(sdk);
    builder = builder.session_name(role.session_name.as_deref().unwrap_or("zenstream"));
    if let Some(id) = &role.external_id {
        builder = builder.external_id(id);
    }
    if let Some(region) = &role.region {
        builder = builder.region(Region::new(region.clone()));
    }
    builder.build_from_provider(base).await
}

/// The certificates of `ca_file`, in PEM.
fn certificates(file: &Path) -> Result<Vec<u8>, BucketError> {
    let refused = |reason: &dyn Display| {
        let text = format!("cannot use the certificates in `{}`: {reason}", file.display());
        BucketError::new(BucketErrorKind::Config, text)
            .with_hint("set `tls.ca_file` to a file of certificates in PEM")
    };
    let pem = std::fs::read(file).map_err(|error| refused(&error))?;
    // The AWS client panics over what it cannot read. The other HTTP client here says it, and has
    // the same TLS below it.
    let read =
        reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| refused(&"they cannot be read"))?;
    if read.is_empty() {
        return Err(refused(&"there are none"));
    }
    let client = reqwest::Client::builder().tls_certs_only(read).build();
    client.map_err(|_| refused(&"they cannot be read"))?;
    Ok(pem)
}

/// The proxy for addresses of one scheme. What gives out credentials on a machine or in a
/// container is asked over plain HTTP, and no proxy can reach it.
fn proxied(proxy: &ProxySettings, plain: bool) -> Result<ProxyConfig, BucketError> {
    let (url, config): (_, fn(&str) -> _) = if plain {
        (&proxy.http, |url| ProxyConfig::http(url))
    } else {
        (&proxy.https, |url| ProxyConfig::https(url))
    };
    let Some(url) = url else { return Ok(ProxyConfig::disabled()) };
    let config = config(url.as_str()).map_err(|_| {
        BucketError::new(BucketErrorKind::Config, "the proxy's URL cannot be used")
            .with_hint("write `http://HOST:PORT`")
    })?;
    Ok(config.no_proxy(proxy.no_proxy.join(",")))
}

fn http_client(proxy: ProxyConfig, trusted: TrustStore) -> SharedHttpClient {
    HttpBuilder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(proxy.clone());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        if let Some(settings) = settings {
            connector = connector.connector_settings(settings.clone());
        }
        let connector = connector.tls_provider(Provider::rustls(CryptoMode::AwsLc));
        let context = TlsContext::builder().with_trust_store(trusted.clone()).build();
        connector.tls_context(context.unwrap_or_default()).build()
    })
}
