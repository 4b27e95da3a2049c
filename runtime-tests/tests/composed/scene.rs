//! What the cases share.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_runtime_tests::app::built;
use doorward_runtime_tests::command::compose;
use doorward_runtime_tests::issuer::{AUDIENCE, now};
use std::path::PathBuf;
use tempfile::TempDir;

/// The secret that the tokens of [`secret_token`] are signed with.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A composed component in a folder that goes away with it.
pub struct Composed {
    pub file: PathBuf,
    /// What the command said on standard error.
    pub said: String,
    pub folder: TempDir,
}

/// A built component behind the gate, with this policy inside; for the gateway, it alone.
pub fn composed(component: &str, policy: &str, arguments: &[&str]) -> Composed {
    let folder = tempfile::tempdir().expect("make a folder");
    let written = folder.path().join("doorward.toml");
    std::fs::write(&written, policy).expect("write the policy");
    let [component, gate] = [component, "gate"].map(|name| text(built(name)));
    let written = text(written);
    let mut all = vec![component.as_str(), "--policy", &written];
    if !["gateway", "linked"]
        .iter()
        .any(|has| component.contains(has))
    {
        all.extend(["--gate", &gate]);
    }
    all.extend_from_slice(arguments);
    let (file, said) = compose(folder.path(), &all);
    Composed { file, said, folder }
}

/// A path as an argument.
pub fn text(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}

/// A policy whose issuer signs with a secret from the variable `shared_secret`, with this at its end.
pub fn secret_policy(more: &str) -> String {
    format!(
        "[issuer.shared]\nurl = \"https://shared.example\"\naudience = \"{AUDIENCE}\"\n\
         algorithms = [\"HS256\"]\nsecret = \"shared_secret\"\n\n\
         [[route]]\npath = \"/read/**\"\nissuer = [\"shared\"]\n\n{more}"
    )
}

/// A token of that issuer.
pub fn secret_token() -> String {
    let claims = serde_json::json!({
        "iss": "https://shared.example", "aud": AUDIENCE, "sub": "machine", "iat": now(), "exp": now() + 600,
    });
    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = aws_lc_rs::hmac::sign(&key, input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}
