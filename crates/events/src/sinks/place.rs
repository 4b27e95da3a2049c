//! Which sink there is, as the operator names it in one variable.

use doorward_syntax::form::percent_decode;

/// Where events are written to.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// A table in SQLite or PostgreSQL: nothing, `sqlite:LABEL` or `postgres://…`, as for every service.
    Database,
    /// A stream in the Redis at this URL: `redis://…` or `rediss://…`.
    Redis(String),
    /// A topic of an MQTT server: `mqtt://USER:PASSWORD@HOST:PORT` or `mqtts://…`.
    Mqtt {
        /// Its URL without who we are.
        url: String,
        /// Who we are there, empty where nothing is said.
        user: String,
        /// How we show it.
        password: String,
    },
    /// A collector at this URL: `http://…` or `https://…`.
    Http,
}

/// URLs have passwords, so nothing of them is shown.
impl core::fmt::Debug for Place {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Database => "Database",
            Self::Redis(_) => "Redis",
            Self::Mqtt { .. } => "Mqtt",
            Self::Http => "Http",
        })
    }
}

impl Place {
    /// The place that a variable's value names.
    ///
    /// # Errors
    /// It names none. The reason says what there is, and nothing of the value, which may have a password.
    pub fn parse(value: &str) -> Result<Self, &'static str> {
        const NONE: &str = "names no sink: write sqlite:LABEL, postgres://…, redis://…, mqtt://…, http://… or https://…, \
                            or nothing for the SQLite database `default`";
        if value.is_empty() {
            return Ok(Self::Database);
        }
        let (scheme, rest) = value.split_once(':').ok_or(NONE)?;
        let is_url = rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty());
        match scheme {
            "sqlite" if !rest.is_empty() && !rest.starts_with('/') => Ok(Self::Database),
            _ if !is_url => Err(NONE),
            "postgres" | "postgresql" => Ok(Self::Database),
            "redis" | "rediss" => Ok(Self::Redis(value.to_owned())),
            "mqtt" | "mqtts" => Self::mqtt(scheme, rest.trim_start_matches('/')),
            // What else there is to say of a URL, whoever uses it says.
            "http" | "https" => Ok(Self::Http),
            _ => Err(NONE),
        }
    }

    /// Takes apart what the host wants apart.
    fn mqtt(scheme: &str, rest: &str) -> Result<Self, &'static str> {
        let (who, host) = rest.rsplit_once('@').unwrap_or(("", rest));
        if host.is_empty() || host.contains(['?', '#']) {
            return Err(
                "is no URL of an MQTT server: mqtt://USER:PASSWORD@HOST:PORT, without a query",
            );
        }
        let (user, password) = who.split_once(':').unwrap_or((who, ""));
        let plain = |part: &str| {
            let decoded = percent_decode(part.as_bytes());
            let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
            text.ok_or("has a user or a password with a broken escape (`%XX`)")
        };
        Ok(Self::Mqtt {
            url: format!("{scheme}://{host}"),
            user: plain(user)?,
            password: plain(password)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_place_is_what_its_scheme_says() {
        let mqtt = |url: &str, user: &str, password: &str| Place::Mqtt {
            url: url.to_owned(),
            user: user.to_owned(),
            password: password.to_owned(),
        };
        for (value, place) in [
            ("", Place::Database),
            ("sqlite:events", Place::Database),
            ("postgres://a:b@c/d", Place::Database),
            (
                "redis://127.0.0.1",
                Place::Redis("redis://127.0.0.1".to_owned()),
            ),
            ("mqtt://h:1883", mqtt("mqtt://h:1883", "", "")),
            ("mqtts://a:b%40c@h", mqtt("mqtts://h", "a", "b@c")),
            ("http://c/in", Place::Http),
        ] {
            assert_eq!(Place::parse(value), Ok(place), "{value}");
        }
    }

    #[test]
    fn what_names_no_sink_is_refused_and_not_repeated() {
        for value in [
            "events",
            "sqlite:",
            "sqlite://x",
            "kafka://h",
            "http:h",
            "http://",
            "mqtt://h?client_id=1",
            "mqtt://",
            "mqtt://a:secret%4@h",
            "redis:",
            "postgres:x",
        ] {
            let why = Place::parse(value).err().unwrap_or_default();
            assert!(!why.is_empty(), "{value}");
            assert!(!why.contains("secret"), "{why}");
        }
    }
}
