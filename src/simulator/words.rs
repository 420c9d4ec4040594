//! The words that records are made of: many alphabets, and whatever JSON has to
//! escape. Data only.

/// People. The first is the account's owner.
pub(super) const NAMES: &[&str] = &[
    "Ada Owner",
    "Bob Cat",
    "Mountain Lion",
    "José Núñez",
    "Zoë Brûlé-Größe",
    "山田 太郎",
    "김민준",
    "李小龍",
    "محمد العربي",
    "שרה לוי",
    "Łukasz Żółć",
    "Ünal Çelik 🚀",
    "Nadia \"Nix\" O'Brien",
    "Θεοδώρα Παπαδοπούλου",
    "Иван Петров",
    "अनिता शर्मा",
    "Team 🧑‍💻 Support",
    "back\\slash",
    "e\u{301}le\u{300}ve décomposé",
    "Tab\tbed",
];

/// Organisations.
pub(super) const ORGANIZATIONS: &[&str] =
    &["AAAA", "Acme & Söhne", "株式会社テスト", "O/U <b>Ltd</b>", "Ещё одна", "𝒢othic 𝓛td"];

/// Rules, forms, fields, apps.
pub(super) const TITLES: &[&str] = &[
    "Close after 4 days",
    "Notify requester: \"we got it\"",
    "Escalate → Tier 2",
    "VIP ⭐ priority",
    "Échéance / due date",
    "営業時間外",
    "Slack/Teams hand-over",
    "path C:\\temp\\{{ticket.id}}",
];

/// Sentences for subjects and descriptions.
pub(super) const SENTENCES: &[&str] = &[
    "The invoice shows the wrong amount since the last update.",
    "Ich kann mich seit gestern nicht mehr anmelden, bitte um Rückruf.",
    "After I pressed \"Save\" the page stayed blank; see http://example.com/a/b?c=d&e=f#g.",
    "¿Pueden reenviar la confirmación a mi nueva dirección?",
    "注文番号 #A-1042 がまだ届いていません。",
    "배송이 언제 도착하나요?",
    "لم أستلم الفاتورة حتى الآن.",
    "Не приходит письмо с подтверждением.",
    "Our export to C:\\reports\\2026\\ fails with code 0x80070005.",
    "Thanks for the quick answer 🙏 it works now!",
    "It happens on 3 of 12 machines, all with version 4.2.1-rc.3+build.77.",
    "{\"looks\": \"like\", \"json\": [1, 2, 3]}",
    "She said: 'no', then \"yes\", then hung up.",
    "Please treat as urgent, our shop is down.",
    "The zero\u{200b}width and the \u{2028} separator came along with the paste.",
    "Merci d'avance pour votre aide précieuse.",
];

/// Tags.
pub(super) const TAGS: &[&str] = &[
    "billing",
    "login",
    "vip",
    "outage",
    "refund",
    "über_wichtig",
    "緊急",
    "mobile_app",
    "sso",
    "churn_risk",
    "gdpr",
    "closed_by_merge",
];
