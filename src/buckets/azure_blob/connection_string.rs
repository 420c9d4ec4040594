//! Azure's connection strings: an account, how to reach it, and a key or a signature for it. Pure.

use secrecy::SecretString;
use url::Url;

/// The account that every emulator has; it and its key are the same everywhere
/// (<https://learn.microsoft.com/azure/storage/common/storage-connect-azurite>).
const DEVELOPMENT_ACCOUNT: &str = "devstoreaccount1";
const DEVELOPMENT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const DEVELOPMENT_ENDPOINT: &str = "http://127.0.0.1:10000/devstoreaccount1";

/// What a connection string says.
#[derive(Debug)]
pub struct ConnectionString {
    /// The account's name.
    pub account: String,
    /// Where it answers, if not where all do.
    pub endpoint: Option<Url>,
    /// The account's key.
    pub key: Option<SecretString>,
    /// A shared access signature.
    pub signature: Option<SecretString>,
}

impl ConnectionString {
    /// Reads `AccountName=…;AccountKey=…`. What it says of why not holds nothing of the text but
    /// the names of its parts.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut account, mut blobs, mut key, mut signature) = (None, None, None, None);
        let (mut protocol, mut suffix, mut development) = (None, None, false);
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                return Err("has a part without `=`".to_owned());
            };
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "accountname" => account = Some(value.to_owned()),
                "accountkey" => key = Some(value),
                "sharedaccesssignature" => signature = Some(value),
                "blobendpoint" => blobs = Some(value.to_owned()),
                "defaultendpointsprotocol" => protocol = Some(value),
                "endpointsuffix" => suffix = Some(value),
                "usedevelopmentstorage" => development = value.eq_ignore_ascii_case("true"),
                // The account's other services.
                "queueendpoint" | "tableendpoint" | "fileendpoint" => {}
                // A word that is not known could be a piece of a key.
                _ => return Err("has a part that no connection string has".to_owned()),
            }
        }
        if development {
            account = account.or_else(|| Some(DEVELOPMENT_ACCOUNT.to_owned()));
            blobs = blobs.or_else(|| Some(DEVELOPMENT_ENDPOINT.to_owned()));
            key = key.or(Some(DEVELOPMENT_KEY));
        }
        let endpoint = match blobs {
            Some(blobs) => Some(address(&blobs)?),
            None => of_parts(account.as_deref(), protocol, suffix)?,
        };
        let account = account
            .or_else(|| endpoint.as_ref().and_then(Self::account_of))
            .ok_or_else(|| "has no `AccountName`".to_owned())?;
        if key.is_none() && signature.is_none() {
            return Err("has neither `AccountKey` nor `SharedAccessSignature`".to_owned());
        }
        let secret = |text: Option<&str>| text.map(SecretString::from);
        Ok(Self { account, endpoint, key: secret(key), signature: secret(signature) })
    }

    /// `acme` of `https://acme.blob.core.windows.net`.
    pub fn account_of(endpoint: &Url) -> Option<String> {
        let (account, rest) = endpoint.host_str()?.split_once('.')?;
        rest.starts_with("blob.").then(|| account.to_owned())
    }
}

fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "has a `BlobEndpoint` that is no URL".to_owned())?;
    if url.cannot_be_a_base() || !url.has_host() {
        return Err("has a `BlobEndpoint` that is no URL".to_owned());
    }
    Ok(url)
}

/// Where the account answers by what is said of all; none: where accounts answer anyway.
fn of_parts(
    account: Option<&str>,
    protocol: Option<&str>,
    suffix: Option<&str>,
) -> Result<Option<Url>, String> {
    match (account, protocol, suffix) {
        (Some(account), protocol, Some(suffix)) => {
            let protocol = protocol.unwrap_or("https");
            address(&format!("{protocol}://{account}.blob.{suffix}")).map(Some)
        }
        (Some(account), Some(protocol), None) => {
            address(&format!("{protocol}://{account}.blob.core.windows.net")).map(Some)
        }
        _ => Ok(None),
    }
}
