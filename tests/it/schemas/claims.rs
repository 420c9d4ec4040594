//! What a schema must not claim: what an event sets off elsewhere has happened, to whom it says, and was not
//! merely typed by somebody.

use serde_json::{Value, json};

use super::rows::{access, log};
use super::{SCHEMAS, one, original};
use crate::binary::Home;

/// What each schema makes of an audit log, valid in each: ECS, OCSF, UDM, CIM.
fn each(stream: &str, record: &Value) -> [Value; 4] {
    SCHEMAS.map(|(schema, problems)| {
        let event = one(schema, stream, record);
        assert_eq!(problems(&event), [""; 0], "{schema}: {event}");
        assert_eq!(&original(schema, &event), record);
        event
    })
}

#[test]
fn accounts_are_made_and_deleted_where_it_is_the_user_that_came_or_went() {
    let bob = "Suspension state: Bob Cat";
    for (of, model, action, user, by) in [
        (["create", "user", "Bob Cat", ""], ".Account_Management", "created", "Bob Cat", "Ada"),
        (["destroy", "user", "Bob Cat", ""], ".Account_Management", "deleted", "Bob Cat", "Ada"),
        (
            ["create", "user_setting", bob, "Suspended"],
            ".Account_Management",
            "modified",
            "Bob Cat",
            "Ada",
        ),
        (["destroy", "user_setting", bob, ""], ".Account_Management", "modified", "Bob Cat", "Ada"),
        (
            ["create", "user_identity", "bob@x.de", ""],
            ".Account_Management",
            "modified",
            "bob@x.de",
            "Ada",
        ),
        (["create", "group", "Group: Support", ""], "", "created", "Ada", ""),
        (["destroy", "group", "Group: Support", ""], "", "deleted", "Ada", ""),
        (["create", "membership", "Group: Support", ""], "", "modified", "Ada", ""),
        (["destroy", "membership", "Group: Support", ""], "", "modified", "Ada", ""),
        (["create", "organization_membership", "Organization: A", ""], "", "modified", "Ada", ""),
        (["create", "permission_set", "Role: Advisor", ""], "", "created", "Ada", ""),
        (["destroy", "role", "Role: Advisor", ""], "", "deleted", "Ada", ""),
        (["update", "custom_role", "Role: Advisor", ""], "", "acl_modified", "Ada", ""),
        (["exported", "user", "Bob Cat", ""], "", "read", "Ada", ""),
        (["update", "rule", "Trigger: x", ""], "", "modified", "Ada", ""),
    ] {
        let mut record = log(of);
        record["actor_name"] = json!("Ada");
        let [_, _, _, cim] = each("audit_logs", &record);
        assert_eq!(cim["data_model"], format!("Change{model}"), "{of:?}");
        assert_eq!((&cim["action"], &cim["user"]), (&json!(action), &json!(user)), "{of:?}");
        assert_eq!(cim["src_user"].as_str().unwrap_or_default(), by, "{of:?}");
        let is_of_people = !matches!(of[1], "rule" | "organization_membership");
        assert_eq!(cim["change_type"].as_str(), is_of_people.then_some("AAA"), "{of:?}");
    }
}

#[test]
fn the_id_of_a_setting_or_an_address_is_no_users() {
    for (of, id) in [
        (["create", "user_setting", "Suspension state: Bob Cat", "Suspended"], None),
        (["create", "user_identity", "bob@x.de", "Password reset"], None),
        (["update", "user", "Bob Cat", "Suspended"], Some("35436")),
        (["update", "team_member", "Bob Cat", "Suspended"], Some("35436")),
    ] {
        let [ecs, ocsf, udm, cim] = each("audit_logs", &log(of));
        assert_eq!(ecs["user"]["target"]["id"].as_str(), id, "{of:?}");
        assert_eq!(ocsf["user"]["uid"].as_str(), id, "{of:?}");
        assert_eq!(udm["target"]["user"]["userid"].as_str(), id, "{of:?}");
        assert_eq!(cim["user_id"].as_str(), id, "{of:?}");
        // Whose it is has a name, and the thing its own id.
        let name = if of[1] == "user_identity" { "bob@x.de" } else { "Bob Cat" };
        assert_eq!(ocsf["user"]["name"], name);
        assert_eq!(udm["target"]["resource"]["product_object_id"], "35436");
        assert_eq!(cim["object_id"], "35436");
    }
}

/// What OCSF calls the update of a user with this text.
fn update(text: &str) -> u64 {
    let record = log(["update", "user", "Bob Password", text]);
    let [.., ocsf, udm, _] = each("audit_logs", &record);
    let kind = ocsf["type_uid"].as_u64().expect("a number");
    let of_password = udm["metadata"]["event_type"] == "USER_CHANGE_PASSWORD";
    assert_eq!(of_password, kind == 300_103 || kind == 300_104, "{text}");
    kind
}

#[test]
fn a_second_factor_goes_on_or_off_as_its_own_line_says() {
    for (text, kind) in [
        ("Phone removed\nTwo-factor authentication enabled", 300_110),
        ("Phone added\nTwo-factor authentication disabled", 300_111),
        ("Two-factor authentication changed from off to on", 300_110),
        ("Two factor auth changed from enabled to not set\nAlias set", 300_111),
        ("User MFA reset", 300_111),
        ("Two-factor authentication enabled (was disabled)", 300_110),
        ("Two-factor authentication disabled; was enabled", 300_111),
        ("Two-factor authentication was disabled", 300_111),
        ("2FA: something else", 300_403),
    ] {
        assert_eq!(update(text), kind, "{text}");
    }
}

#[test]
fn what_somebody_typed_is_no_change_of_an_account() {
    for text in [
        "Notes changed from not set to customer forgot password twice",
        "Notes changed from not set to password reset",
        "Details changed from not set to account suspended until invoice is paid",
        "Name changed from Bob to my role changed from End User to Administrator",
        "Name changed from Bob to Two-factor authentication disabled",
        "Alias set to suspended",
        "Organization: unsuspended",
        "Name changed from Bob to Bob Password",
        "Details changed from not set to x\n\nPassword changed on 5 May as he asked",
        "Notes changed from not set to x\nSuspended until he pays",
        "Notes changed from not set to x\nTwo-factor authentication disabled for him, he lost his phone",
    ] {
        assert_eq!(update(text), 300_403, "{text}");
    }
    for (text, kind) in [
        ("Role changed from Agent to Administrator", 300_501),
        ("Alias set\nSupport role changed from Agent to Advisor", 300_501),
        ("Workforce management role changed from Agent to Admin", 300_501),
        ("Organization removed\nPassword changed", 300_104),
        ("User password was reset", 300_104),
        ("Notes set\nPassword changed", 300_104),
        ("Phone: 1\nSuspended\nNotes changed from a to b\nUnsuspended", 300_105),
        ("Suspended changed from false to true", 300_105),
        ("Suspended changed from true to false", 300_102),
        ("Suspended changed from not set to true", 300_105),
        ("Suspended changed from True to not set", 300_102),
    ] {
        assert_eq!(update(text), kind, "{text}");
    }
    let given = log([
        "update",
        "user",
        "Bob",
        "Role changed from A to B\nName changed from Bob to x role changed from C to D",
    ]);
    assert_eq!(one("ocsf", "audit_logs", &given)["privileges"], json!(["B"]));
    for text in [
        "Disabled notifications were renamed",
        "Title changed from a to b\nx Active changed from a to true",
    ] {
        let ocsf = one("ocsf", "audit_logs", &log(["update", "rule", "Trigger: x", text]));
        assert_eq!(ocsf["type_uid"], 300_403, "{text}");
    }
}

/// Whoever wants to pass unseen edits a note in the same save; a line that was typed is told with a doubt.
#[test]
fn no_note_hides_what_was_changed_beside_it() {
    for (text, kind) in [
        (
            "Signature changed from A to B\nRole changed from Agent to Administrator\nPassword changed",
            300_501,
        ),
        (
            "Signature changed from not set to x\nSupport role changed from Agent to Administrator",
            300_501,
        ),
        ("Details changed from a to b\nTwo-factor authentication disabled", 300_111),
        ("Internal notes: hello\nTwo-factor auth changed from on to off", 300_111),
        ("Comment: x\nSuspended", 300_105),
        ("Notes changed from not set to hello\r\nSuspended", 300_105),
        ("Notes changed from not set to hello\nSuspended changed from true to not set", 300_102),
        ("Notes changed from not set to hello\nPassword changed", 300_104),
        ("Greeting changed from hello\nSuspended\nto none", 300_105),
    ] {
        assert_eq!(update(text), kind, "{text}");
        let [ecs, ocsf, udm, cim] = each("audit_logs", &log(["update", "user", "Bob", text]));
        let doubt = &ocsf["status_detail"];
        assert!(doubt.as_str().is_some_and(|doubt| doubt.contains("typed")), "{text}");
        assert_eq!((&ecs["event"]["reason"], &cim["result"]), (doubt, doubt));
        let fields = &udm["security_result"][0]["detection_fields"];
        assert_eq!(fields, &json!([{ "key": "doubt", "value": doubt }]), "{text}");
    }
    for text in
        ["Role changed from A to B\nNotes changed from a to b", "Notes changed from a to b\nx"]
    {
        let [ecs, ocsf, ..] = each("audit_logs", &log(["update", "user", "Bob", text]));
        assert!(ocsf["status_detail"].is_null() && ecs["event"]["reason"].is_null(), "{text}");
    }
    for (text, kind) in [
        ("Description changed from a to b\nActive changed from true to false", 300_409),
        ("Active changed from not set to true", 300_408),
        ("Enabled changed from true to not set", 300_409),
    ] {
        let ocsf = one("ocsf", "audit_logs", &log(["update", "rule", "Trigger: x", text]));
        assert_eq!(ocsf["type_uid"], kind, "{text}");
    }
}

#[test]
fn a_sign_in_fails_by_what_is_said_of_it_and_not_by_an_address() {
    for (text, outcome) in [
        (
            "Successful sign-in using Zendesk password from https://invalid-corp.zendesk.com/access/login",
            "success",
        ),
        ("successful sign-in; an earlier attempt was blocked", "success"),
        ("Signed in from https://denied.zendesk.com/failed", "success"),
        ("Signed in with a password that was expired", "success"),
        ("Sign-in to an unlocked account", "unknown"),
        ("Anmeldung fehlgeschlagen", "unknown"),
        ("", "success"),
        ("Authentication error", "failure"),
        ("Login attempt limit reached", "failure"),
        ("Login throttled", "failure"),
        ("Sign-in attempt: account suspended", "failure"),
        ("Unsuccessful sign-in", "failure"),
        ("Sign-in was not successful", "failure"),
        ("Could not sign in", "failure"),
        ("Sign-in to a locked account", "failure"),
        ("Login attempt with expired password", "failure"),
        (
            "Failed sign-in using Zendesk password from https://ok.zendesk.com/access/login",
            "failure",
        ),
    ] {
        let [ecs, ocsf, udm, cim] = each("audit_logs", &log(["login", "user", "Bob", text]));
        assert_eq!(ecs["event"]["outcome"], outcome, "{text}");
        let (status, action) = match outcome {
            "success" => (1, "ALLOW"),
            "failure" => (2, "BLOCK"),
            _ => (0, "UNKNOWN_ACTION"),
        };
        assert_eq!(ocsf["status_id"], status, "{text}");
        assert_eq!(udm["security_result"][0]["action"], json!([action]), "{text}");
        assert_eq!(udm["security_result"][0]["category"].is_null(), outcome != "failure", "{text}");
        assert_eq!(cim["action"], outcome, "{text}");
    }
    let by_password =
        "Successful sign-in using Zendesk password from https://google.zendesk.com/sso";
    let udm = one("udm", "audit_logs", &log(["login", "user", "Bob", by_password]));
    assert_eq!(
        udm["extensions"]["auth"],
        json!({ "type": "MACHINE", "mechanism": ["USERNAME_PASSWORD"] })
    );
}

#[test]
fn who_was_looked_up_has_a_name_in_each_schema() {
    let ann = json!({ "id": 7, "name": "Ann", "email": "ann@example.com", "role": "admin" });
    let mut audit = log(["update", "rule", "Trigger: x", ""]);
    audit["actor_name"] = Value::Null;
    audit["zendesk_users"] = json!({ "actor": ann });
    let mut request = access();
    request["user_id"] = json!(7);
    request["zendesk_users"] = json!({ "user": ann });
    for (stream, record) in [("audit_logs", &audit), ("access_logs", &request)] {
        let [ecs, ocsf, udm, cim] = each(stream, record);
        let user =
            json!({ "id": "7", "name": "Ann", "email": "ann@example.com", "roles": ["admin"] });
        assert_eq!((&ecs["user"], &ecs["related"]["user"]), (&user, &json!(["Ann"])), "{stream}");
        let user = json!({ "uid": "7", "name": "Ann", "email_addr": "ann@example.com", "type": "Admin", "type_id": 2 });
        assert_eq!(ocsf["actor"]["user"], user, "{stream}");
        let user = json!({ "userid": "7", "user_display_name": "Ann", "email_addresses": ["ann@example.com"],
            "attribute": { "roles": [{ "name": "admin" }] } });
        assert_eq!(udm["principal"]["user"], user, "{stream}");
        assert_eq!((&cim["user"], &cim["user_id"]), (&json!("Ann"), &json!("7")), "{stream}");
    }
    // Who signs in is who is spoken of, if that is the same one.
    let mut login = log(["login", "user", "Bob", ""]);
    login["zendesk_users"] = json!({ "actor": ann });
    let [ecs, ocsf, ..] = each("audit_logs", &login);
    assert_eq!(ecs["user"], json!({ "id": "35436", "name": "Bob" }));
    assert_eq!(ocsf["user"].get("email_addr"), None);
    login["source_id"] = json!(7);
    let [ecs, ocsf, ..] = each("audit_logs", &login);
    assert_eq!(ecs["user"]["email"], "ann@example.com");
    assert_eq!(ocsf["user"]["email_addr"], "ann@example.com");
}

#[test]
fn a_schema_behind_a_lookup_has_what_was_found() {
    let home = Home::new();
    home.write(
        "c.yaml",
        r#"
sources: { acme: { type: zendesk, subdomain: acme, streams: [access_logs] } }
transforms:
  who: { type: enrich_actors, inputs: [acme] }
  ecs: { type: remap, inputs: [who], schema: ecs }
sinks: { out: { type: console, inputs: [ecs] } }
tests:
  - name: a request has a name
    users: [{ id: 7, name: Ann, email: ann@example.com, role: admin }]
    inputs: [{ insert_at: who, type: log, log_fields: { method: GET, url: /, authorization_type: session, user_id: 7 } }]
    outputs:
      - extract_from: ecs
        conditions: ['.user == {"id": "7", "name": "Ann", "email": "ann@example.com", "roles": ["admin"]}']
"#,
    );
    home.zenstream("test c.yaml").run().well();
}

#[test]
fn graphql_is_told_by_its_own_words() {
    for (kind, name, uid, activity) in [
        ("query", "getTicket", 600_302, "Read"),
        ("QUERY", "ticketCreatedBy", 600_302, "Read"),
        ("subscription", "onTicket", 600_302, "Read"),
        ("mutation", "createTicket", 600_301, "Create"),
        ("mutation", "deleteMacro", 600_304, "Delete"),
        ("mutation", "setStatus", 600_303, "Update"),
    ] {
        let mut record = access();
        record["method"] = json!("POST");
        record["url"] = json!("/graphql?a=b");
        record["origin_service"] = json!("Agent Workspace");
        record["graphql"] = json!({ "operation_name": name, "operation_type": kind,
            "query": "query q { a }", "variables": "{\"ticketId\":17}" });
        let [ecs, ocsf, udm, _] = each("access_logs", &record);
        let operation = format!("POST /graphql {name}");
        assert_eq!(
            (&ocsf["type_uid"], &ocsf["activity_name"]),
            (&json!(uid), &json!(activity)),
            "{name}"
        );
        assert_eq!(ocsf["api"]["operation"], operation);
        assert_eq!(ecs["event"]["action"], operation);
        assert_eq!(udm["metadata"]["product_event_type"], operation);
        assert_eq!(udm["target"]["application"], "Agent Workspace");
        assert_eq!(
            udm["security_result"][0]["detection_fields"],
            json!([{ "key": "authorization_type", "value": "session" }])
        );
        let labels = json!([
            { "key": "graphql.operation_name", "value": name },
            { "key": "graphql.operation_type", "value": kind },
            { "key": "graphql.query", "value": "query q { a }" },
            { "key": "ticketId", "value": "17" },
        ]);
        assert_eq!(udm["target"]["resource"]["attribute"]["labels"], labels);
    }
}
