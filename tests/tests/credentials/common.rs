//! What the cases of this suite share.

use crate::api::app::AppSpec;
use crate::api::clock::Clock;
use crate::api::issuer::{AUDIENCE, Client, Issuer};

/// A secret of which every second character has to be encoded.
pub const SECRET: &str = "s3cr3t &=+:%/\u{e9}";

/// An issuer that answers about opaque tokens, and an application whose gate asks it: one route for
/// reading, one for writing. `lines` go into the table of introspection.
pub async fn asking(clock: &Clock<'_>, lines: &str) -> (Issuer, AppSpec) {
    let issuer = Issuer::start_with_clock(clock).await;
    issuer.introspected_by(Client::Basic("gate", SECRET));
    let policy = format!(
        "{}[identity]\n\"x-auth-subject\" = \"sub\"\n\n\
         [[route]]\npath = \"/read\"\nissuer = [\"test\"]\nscope = [\"read\"]\n\n\
         [[route]]\npath = \"/write\"\nissuer = [\"test\"]\nscope = [\"write\"]\n",
        introspecting(&issuer, "test", lines)
    );
    (issuer, with_secret(policy))
}

/// The table of an issuer that is asked about opaque tokens.
pub fn introspecting(issuer: &Issuer, name: &str, lines: &str) -> String {
    format!(
        "[issuer.{name}]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
         [issuer.{name}.introspection]\nclient_id = \"gate\"\nsecret = \"client_secret\"\n{lines}\n\n",
        issuer.url()
    )
}

/// An application with this policy and the secret of the client in a variable.
pub fn with_secret(policy: String) -> AppSpec {
    let mut spec = AppSpec::gated("echo", policy);
    spec.variables = vec![("client_secret".to_owned(), SECRET.to_owned())];
    spec
}
