//! Somebody who is told something by HTTP, as variables name them.

use doorward_service::store::StoreError;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Uri};

use crate::variables::variable;

/// Somebody who is told something by HTTP.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where they are.
    pub url: Uri,
    /// How we say who we are.
    authorization: Option<HeaderValue>,
}

impl Target {
    /// The one whose URL one variable has, and another one what is said there in `Authorization`. None: the URL is empty.
    ///
    /// # Errors
    /// They cannot be read, or are wrong.
    pub async fn named(
        url_variable: &str,
        authorization_variable: &str,
    ) -> Result<Option<Self>, StoreError> {
        let url = variable(url_variable).await?;
        let authorization = variable(authorization_variable).await?;
        if url.is_empty() {
            return Ok(None);
        }
        let url = whole(&url).ok_or_else(|| {
            let why = format!("{url_variable} is no URL with http or https and a host");
            StoreError::Settings(why)
        })?;
        let authorization = match authorization.as_str() {
            "" => None,
            value => {
                let mut value = HeaderValue::from_str(value).map_err(|_| {
                    let why = format!("{authorization_variable} has what no header field can have");
                    StoreError::Settings(why)
                })?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Some(Self { url, authorization }))
    }

    /// Says who we are in these fields.
    pub fn authorize(&self, headers: &mut HeaderMap) {
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
    }
}

/// A URL with a scheme that there is and a host, and nobody's name and password.
fn whole(url: &str) -> Option<Uri> {
    let url = url.parse::<Uri>().ok()?;
    let is_known = matches!(url.scheme_str(), Some("http" | "https"));
    let has_host = url
        .authority()
        .is_some_and(|host| !host.as_str().contains('@'));
    (is_known && has_host).then_some(url)
}
