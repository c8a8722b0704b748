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
