//! Options of sinks that write objects into buckets.

use super::Kind::{Choice, OneOf, Seconds, Section, Switch, Text, Texts, Whole};
use super::{Field, Variant, may, must, usual};

pub(super) const OBJECTS: &[Field] = &[
    may("content_type", Text, "The objects' `Content-Type`."),
    may("content_encoding", Text, "The objects' `Content-Encoding`."),
    usual("timezone", Choice(&["UTC"]), "\"UTC\"", "The zone of times in keys."),
];

pub(super) const S3_KEYS: &[Field] = &[
    may("key_prefix", Text, "What keys begin with: `zendesk/{{ stream }}/date=%F/`."),
    usual("filename_time_format", Text, "\"%s\"", "The time in a key."),
    usual("filename_append_uuid", Switch, "true", "Whether a random part follows."),
    may("filename_extension", Text, "What keys end in. Default: by compression."),
];

pub(super) const S3_BUCKET: &[Field] = &[
    must("bucket", Text, "The bucket."),
    may("region", Text, "Its region. Default: the environment's, the profile's or the machine's."),
    may("endpoint", Text, "A server that speaks the same protocol."),
    may("force_path_style", Switch, "Whether the bucket stands in the path of addresses."),
    may("auth", Section(S3_AUTH), "Credentials. Default: what AWS's tools find."),
    usual(
        "checksums",
        Choice(&["auto", "always", "never"]),
        "\"auto\"",
        "Whether the SDK adds checksums of its own.",
    ),
    may("acl", Text, "A canned ACL, such as `bucket-owner-full-control`."),
    may("grant_full_control", Text, "Who gets all permissions on objects."),
    may("grant_read", Text, "Who may read objects."),
    may("grant_read_acp", Text, "Who may read objects' permissions."),
    may("grant_write_acp", Text, "Who may change objects' permissions."),
    may("server_side_encryption", Text, "`AES256` or `aws:kms`."),
    may("ssekms_key_id", Text, "The KMS key."),
    may("tags", Texts, "Tags of objects."),
];

pub(super) const S3_CLASS: &[Field] =
    &[may("storage_class", Text, "The storage class, such as `STANDARD_IA`.")];

const S3_AUTH: &[Field] = &[
    may("access_key_id", Text, "A key's id."),
    may("secret_access_key", Text, "The key."),
    may("session_token", Text, "Its session."),
    may("credentials_file", Text, "A file of profiles."),
    may("profile", Text, "The profile in it."),
    may("assume_role", Text, "The ARN of a role to take on."),
    may("external_id", Text, "What the role asks for."),
    may("session_name", Text, "What the session is called."),
    may("region", Text, "Where the role is taken on."),
    may("imds", Section(IMDS), "How the machine is asked."),
    may("load_timeout_secs", Seconds, "How long loading credentials may take."),
];

const IMDS: &[Field] = &[
    may("connect_timeout_seconds", Seconds, "How long to wait for a connection."),
    may("read_timeout_seconds", Seconds, "How long to wait for an answer."),
    may("max_attempts", Whole, "How often to ask."),
];

pub(super) const GCS: &[Field] = &[
    must("bucket", Text, "The bucket."),
    may(
        "credentials_path",
        Text,
        "A service account's key. Default: what Google's libraries find.",
    ),
    may("endpoint", Text, "A server that speaks the same protocol."),
    may(
        "acl",
        Choice(&[
            "authenticated-read",
            "bucket-owner-full-control",
            "bucket-owner-read",
            "private",
            "project-private",
            "public-read",
        ]),
        "A predefined ACL.",
    ),
    may(
        "storage_class",
        Choice(&["STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"]),
        "The storage class.",
    ),
    may("cache_control", Text, "The objects' `Cache-Control`."),
    may("metadata", Texts, "Metadata of objects."),
];

pub(super) const AZURE: &[Field] = &[
    must("container_name", Text, "The container."),
    may("connection_string", Text, "How to reach and open the account."),
    may("account_name", Text, "The account, with `auth`."),
    may("blob_endpoint", Text, "The account's address, where it is an unusual one."),
    may("auth", OneOf("azure_credential_kind", AZURE_AUTH), "Who we are."),
    may("metadata", Texts, "Metadata of blobs."),
    may("tags", Texts, "Tags of blobs."),
    usual("blob_prefix", Text, "\"blob/%F/\"", "What names begin with."),
    usual("blob_time_format", Text, "\"%s\"", "The time in a name."),
    usual("blob_append_uuid", Switch, "true", "Whether a random part follows."),
];

const AZURE_KIND: &[Field] =
    &[must("azure_credential_kind", super::Kind::Anything, "What kind it is.")];

const AZURE_AUTH: &[Variant] = &[
    (
        "client_secret_credential",
        &[
            AZURE_KIND,
            &[
                must("azure_tenant_id", Text, "The tenant."),
                must("azure_client_id", Text, "The application."),
                must("azure_client_secret", Text, "Its secret."),
            ],
        ],
    ),
    (
        "managed_identity",
        &[
            AZURE_KIND,
            &[
                may(
                    "user_assigned_managed_identity_id",
                    Text,
                    "Which identity, where the machine has several.",
                ),
                may(
                    "user_assigned_managed_identity_id_type",
                    Choice(&["client_id", "object_id", "resource_id"]),
                    "What that id is.",
                ),
            ],
        ],
    ),
    (
        "workload_identity",
        &[
            AZURE_KIND,
            &[
                may("tenant_id", Text, "The tenant."),
                may("client_id", Text, "The application."),
                may("token_file_path", Text, "The file with the token."),
            ],
        ],
    ),
    ("azure_cli", &[AZURE_KIND]),
];
