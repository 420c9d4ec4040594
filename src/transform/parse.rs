//! From a line to its value. Text without escapes stays a slice of the line: most of a record is
//! text, and a program changes little of it.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use vrl::value::{KeyString, Value};

/// What a line says; an error where it cannot be said in VRL.
pub(super) fn parse(line: &Bytes) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    let value = Part(line).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// A value within this line.
#[derive(Clone, Copy)]
struct Part<'l>(&'l Bytes);

impl<'l> DeserializeSeed<'l> for Part<'l> {
    type Value = Value;

    fn deserialize<D: Deserializer<'l>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'l> Visitor<'l> for Part<'l> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        match i64::try_from(value) {
            Ok(value) => Ok(Value::Integer(value)),
            Err(_) => Value::deserialize(value.into_deserializer()),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Value::deserialize(value.into_deserializer())
    }

    fn visit_borrowed_str<E: Error>(self, text: &'l str) -> Result<Value, E> {
        Ok(Value::from_utf8_or_bytes(self.0.slice_ref(text.as_bytes())))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'l>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'l>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = BTreeMap::new();
        while let Some(key) = members.next_key::<KeyString>()? {
            object.insert(key, members.next_value_seed(self)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assert_as_vrl(text: &str) {
        let ours = parse(&Bytes::from(text.to_owned())).map_err(drop);
        assert_eq!(ours, serde_json::from_str::<Value>(text).map_err(drop), "{text}");
    }

    #[test]
    fn a_line_is_read_as_vrl_reads_it() {
        for text in [
            r#"{"a":"x","b":"é\n\u00e9","a":"last","c":[1,-2,3.5,true,false,null,"",{}],"d":{"e":[[]]}}"#,
            "18446744073709551615",
            "-9223372036854775808",
            "9223372036854775808",
            "1e5",
            "-0",
            "1e400",
            r#""\ud83d""#,
            r#"{"a":1} x"#,
            "",
            "[1,]",
        ] {
            assert_as_vrl(text);
        }
        assert_as_vrl(&format!("{}1{}", "[".repeat(127), "]".repeat(127)));
        assert_as_vrl(&format!("{}1{}", "[".repeat(129), "]".repeat(129)));
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_vrl_reads_it(text in r#"[\[\]{}",:0-9a-z.\\-]{0,40}"#) {
            assert_as_vrl(&text);
        }

        #[test]
        fn any_string_is_read_as_vrl_reads_it(text: String, key: String) {
            assert_as_vrl(&serde_json::json!({ key: [text] }).to_string());
        }
    }
}
