use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn any_text_survives_quoting(text in any::<String>()) {
        let quoted = quote(&text);
        prop_assert!(!quoted.contains('\n'));
        prop_assert_eq!(quoted.parse::<toml::Value>().unwrap(), toml::Value::String(text.clone()));
        let written = SCHEMA.template_with(&[("device", &quoted)]).unwrap();
        prop_assert_eq!(parsed(&written, &[]).device, Some(text));
    }

    #[test]
    fn any_number_survives_being_shown(number in any::<f64>(), whole in any::<i32>()) {
        for number in [number, f64::from(whole)] {
            let shown: toml::Value = render::literal(&number.into(), render::Secrets::Shown).parse().unwrap();
            let shown = shown.as_float().unwrap();
            prop_assert!(shown.to_bits() == number.to_bits() || shown.is_nan() && number.is_nan(), "{number:?} as {shown:?}");
        }
        prop_assert_eq!(render::literal(&whole.into(), render::Secrets::Shown), whole.to_string());
    }

    #[test]
    fn no_file_makes_the_loader_panic(text in "([a-z.\\[\\]={}\"'\n ,0-9é]|mqtt|url|task|gpio|lines|password){0,60}") {
        if let (_, Ok(loaded)) = load(&text, &[]) {
            let _ = loaded.parse::<Config>();
        }
    }

    #[test]
    fn no_variable_makes_the_loader_panic(text in any::<String>(), key in 0..SCHEMA.keys.len()) {
        let name = SCHEMA.variable(SCHEMA.keys[key].path);
        if let Ok(loaded) = SCHEMA.load(None, variables(&[(&name, &text)])) {
            let _ = loaded.parse::<Config>();
        }
    }
}
