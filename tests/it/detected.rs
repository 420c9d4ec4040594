//! What detections look for in audit logs: records shaped as real ones that public rules of Panther's are
//! tried on, and the predicates of those rules.
//!
//! The predicates say which members and texts have to come through unchanged. They are written after what
//! the rules do (<https://github.com/panther-labs/panther-analysis>), and are none of their code.

use std::collections::BTreeSet;

use serde_json::Value;

/// A record, as it is in a page, and the rules that it sets off.
pub(crate) struct Case {
    pub(crate) record: &'static str,
    pub(crate) sets_off: &'static [&'static str],
}

macro_rules! cases {
    ($($record:literal => [$($rule:literal),*],)*) => {
        &[$(Case { record: $record, sets_off: &[$($rule),*] }),*]
    };
}

/// Ids rise, as the account's do.
pub(crate) const CASES: &[Case] = cases![
    r#"{"url":"https://acme.zendesk.com/api/v2/audit_logs/1.json","id":1,"action_label":"Created","actor_id":123,"source_id":456,"source_type":"account_setting","source_label":"Zendesk Support Mobile App Access","action":"create","change_description":"Disabled","ip_address":"127.0.0.1","created_at":"2024-05-24T18:58:23Z"}"# => ["MobileAppAccessUpdated"],
    r#"{"id":2,"source_type":"account_setting","source_label":"Zendesk Support Mobile App Access ","action":"create","change_description":"Disabled","created_at":"2024-05-24T18:58:23Z","ip_address":null,"actor_id":-1}"# => [],
    r#"{"id":3,"actor_id":123,"actor_name":"Ada","source_type":"api_token","source_label":"API token: a new token","action":"create","change_description":"","created_at":"2024-05-24T18:58:24Z","ip_address":"2001:db8::1"}"# => ["NewAPIToken"],
    r#"{"id":4,"actor_id":123,"source_type":"api_token","source_label":"API token: a new token","action":"destroy","change_description":"","created_at":"2024-05-24T18:58:24Z"}"# => ["NewAPIToken"],
    r#"{"id":5,"actor_id":123,"source_type":"apitoken","source_label":"API token","action":"create","change_description":"","created_at":"2024-05-24T18:58:24Z"}"# => [],
    r#"{"id":6,"actor_id":123,"source_type":"api_token","source_label":"API token: a new description","action":"update","change_description":"description changed from not set to a new description","created_at":"2024-05-24T18:58:25Z"}"# => [],
    r#"{"id":7,"actor_id":123,"source_type":"account","source_label":"Account: Account","action":"update","change_description":"Owner changed from Bob Cat to Mountain Lion","created_at":"2024-05-24T18:58:26Z","ip_address":"203.0.113.9"}"# => ["AccountOwnerChanged"],
    r#"{"id":8,"source_type":"account","source_label":"Account: Account","action":"update","change_description":" Owner changed from A to B","created_at":"2024-05-24T18:58:26Z"}"# => [],
    r#"{"id":9,"source_type":"account_setting","source_label":"Credit Card Redaction","action":"create","change_description":"Enabled","created_at":"2024-05-24T18:58:27Z"}"# => ["SensitiveDataRedactionOff"],
    r#"{"id":10,"source_type":"account_setting","source_label":"Credit Card Redaction","action":"destroy","change_description":"Disabled","created_at":"2024-05-24T18:58:27Z"}"# => ["SensitiveDataRedactionOff"],
    r#"{"id":11,"source_type":"account_setting","source_label":"Account Assumption","action":"update","change_description":"Changed","created_at":"2024-05-24T18:58:28Z"}"# => ["UserAssumption"],
    r#"{"id":12,"source_type":"account_setting","source_label":"Assumption duration","action":"create","change_description":"Changed &lt;b&gt; =&amp;gt; \u00e9\/\"","created_at":"2024-05-24T18:58:28Z"}"# => ["UserAssumption"],
    r#"{"id":13,"actor_name":null,"source_type":"user","source_label":"Bob Cat","source_id":35436,"action":"update","change_description":"Role changed from Administrator to End User","created_at":"2024-05-24T18:58:29Z"}"# => ["UserRoleChanged"],
    r#"{"id":14,"source_type":"user","source_label":"Bob Cat","action":"update","change_description":"Role changed from End User to Administrator","created_at":"2024-05-24T18:58:29Z"}"# => ["AdminRoleAssigned"],
    r#"{"id":15,"source_type":"user","source_label":"Bob Cat","action":"update","change_description":"Support role changed from Agent to Advisor\nGuide role changed from Viewer to Manager\n","created_at":"2024-05-24T18:58:29Z"}"# => ["UserRoleChanged"],
    r#"{"id":16,"source_type":"user","source_label":"Bob Cat","action":"update","change_description":"Organization: AAAA is asigned","created_at":"2024-05-24T18:58:30Z"}"# => [],
    r#"{"id":17,"source_type":"user_setting","source_label":"Suspension state: Bob Cat","action":"create","change_description":"Suspended","created_at":"2024-05-24T18:58:31Z"}"# => ["UserSuspension"],
    r#"{"id":18,"source_type":"user_setting","source_label":"Suspension state: Bob Cat","action":"update","change_description":"Unsuspended","created_at":"2024-05-24T18:58:31Z"}"# => ["UserSuspension"],
    r#"{"id":19,"source_type":"account_setting","source_label":"Two-Factor authentication for all admins and agents","action":"create","change_description":"Disabled","created_at":"2024-05-24T18:58:32Z"}"# => ["MfaDisabled"],
    r#"{"id":20,"source_type":"account_setting","source_label":"Require Two Factor","action":"create","change_description":"Enabled","created_at":"2024-05-24T18:58:32Z"}"# => [],
    r#"{"id":21,"source_type":"user","source_label":"Bob Cat","actor_name":"","action":"login","change_description":"Successful sign-in using Zendesk password from https:\/\/acme.zendesk.com\/access","created_at":"2024-05-24T18:58:33Z"}"# => ["SuccessfulLogin"],
    r#"{"id":22,"source_type":"user","source_label":"Bob Cat","action":"login","change_description":"Sign-in failed","created_at":"2024-05-24T18:58:33Z"}"# => [],
    r#"{"id":23,"source_type":"rule","source_label":"Trigger: x","action":"update","created_at":"2024-05-24T18:58:34Z"}"# => [],
    r#"{"id":9007199254740993,"actor_id":9007199254740995,"source_id":9007199254740997,"source_type":"quantum/flux_rule","source_label":"","action":"reticulated","change_description":null,"ip_address":null,"created_at":"2024-05-24T18:58:35Z"}"# => ["(fails)"],
];

/// The rules that a record sets off, as they would be run on what a collector delivered: a text that is
/// null makes a rule fail where one that is missing or empty does not.
pub(crate) fn set_off(record: &Value) -> BTreeSet<&'static str> {
    let text = |name: &str| record[name].as_str().unwrap_or_default();
    if record.get("change_description").is_some_and(Value::is_null) {
        return BTreeSet::from(["(fails)"]);
    }
    let description = text("change_description").to_lowercase();
    let (label, action) = (text("source_label"), text("action"));
    let is =
        |kind: &str, actions: &[&str]| text("source_type") == kind && actions.contains(&action);
    let becomes_admin = description.lines().any(|line| {
        let role =
            line.split_once("role changed from ").and_then(|(_, rest)| rest.split_once(" to "));
        role.is_some_and(|(_, role)| role.starts_with("admin") || role.contains("account owner"))
    });
    let two_factor = ["Two-Factor authentication for all admins and agents", "Require Two Factor"];
    let setting = "account_setting";
    let rules = [
        (
            "MobileAppAccessUpdated",
            is(setting, &["create", "update"]) && label == "Zendesk Support Mobile App Access",
        ),
        ("NewAPIToken", is("api_token", &["create", "destroy"])),
        (
            "AccountOwnerChanged",
            is("account", &["update"]) && description.starts_with("owner changed from "),
        ),
        (
            "SensitiveDataRedactionOff",
            is(setting, &["create", "destroy"]) && label == "Credit Card Redaction",
        ),
        (
            "UserAssumption",
            is(setting, &["create", "update"])
                && ["account assumption", "assumption duration"]
                    .contains(&label.to_lowercase().as_str()),
        ),
        (
            "UserRoleChanged",
            is("user", &["update"]) && description.contains("role changed") && !becomes_admin,
        ),
        ("AdminRoleAssigned", is("user", &["update"]) && becomes_admin),
        (
            "UserSuspension",
            is("user_setting", &["create", "update"])
                && description.contains("suspended")
                && label.split_once(": ").is_some_and(|(_, name)| name == "Bob Cat"),
        ),
        (
            "MfaDisabled",
            text("source_type") == setting
                && two_factor.contains(&label)
                && description == "disabled",
        ),
        ("SuccessfulLogin", is("user", &["login"]) && description.contains("successful sign-in")),
    ];
    rules.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect()
}
