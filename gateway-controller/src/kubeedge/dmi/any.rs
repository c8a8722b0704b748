//! Values of any type: KubeEdge packs each in a wrapper of protobuf's.

use std::fmt::Display;

use prost::Message;
use prost_types::Any;

/// The value as text; `None` if it is none of the wrapper types, or damaged.
pub(super) fn text(any: &Any) -> Option<String> {
    let (_, kind) = any.type_url.rsplit_once("google.protobuf.")?;
    match kind {
        "StringValue" => decode::<String>(any),
        "Int32Value" => decode::<i32>(any),
        "Int64Value" => decode::<i64>(any),
        "UInt32Value" => decode::<u32>(any),
        "UInt64Value" => decode::<u64>(any),
        "FloatValue" => decode::<f32>(any),
        "DoubleValue" => decode::<f64>(any),
        "BoolValue" => decode::<bool>(any),
        _ => None,
    }
}

fn decode<T: Message + Default + Display>(any: &Any) -> Option<String> {
    T::decode(any.value.as_slice()).ok().map(|value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any(kind: &str, value: &impl Message) -> Any {
        Any { type_url: format!("type.googleapis.com/google.protobuf.{kind}"), value: value.encode_to_vec() }
    }

    #[test]
    fn every_type_that_kubeedge_packs_is_read() {
        for (any, expected) in [
            (any("StringValue", &"pi-01".to_owned()), "pi-01"),
            (any("Int32Value", &-7_i32), "-7"),
            (any("Int64Value", &7_i64), "7"),
            // A number in the cloud's JSON is a float there.
            (any("FloatValue", &7.0_f32), "7"),
            (any("DoubleValue", &0.5_f64), "0.5"),
            (any("BoolValue", &true), "true"),
        ] {
            assert_eq!(text(&any).as_deref(), Some(expected), "{any:?}");
        }
    }

    #[test]
    fn the_bytes_are_those_that_protobuf_prescribes() {
        let value = Any {
            type_url: "type.googleapis.com/google.protobuf.StringValue".to_owned(),
            value: b"\x0a\x02pi".to_vec(),
        };
        assert_eq!(text(&value).as_deref(), Some("pi"));
    }

    #[test]
    fn what_cannot_be_read_is_none() {
        assert_eq!(text(&Any::default()), None);
        assert_eq!(text(&any("Struct", &1_i32)), None);
        let damaged = Any { type_url: "google.protobuf.StringValue".to_owned(), value: vec![0xff] };
        assert_eq!(text(&damaged), None);
    }
}
