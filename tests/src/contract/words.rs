//! In which words a case says what is sent and what is expected.

/// A request of a client.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The fields, but for `Host` and what says how long the body is.
    pub fields: Vec<(String, String)>,
    /// The body in pieces; `None`: nothing says that there is one.
    pub body: Option<Vec<&'static str>>,
    /// The length that is announced; `None`: the body comes in chunks.
    pub length: Option<usize>,
    /// What follows the chunks.
    pub trailers: Vec<(&'static str, &'static str)>,
    /// Whether the client stops before the end.
    pub is_cut: bool,
    /// What token it has.
    pub token: Token,
}

/// The token of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// There is none.
    None,
    /// One that was made for it, for an hour.
    New,
    /// One that was made for an hour when the case began.
    First,
}

impl Sent {
    /// A request without a body.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            fields: Vec::new(),
            body: None,
            length: None,
            trailers: Vec::new(),
            is_cut: false,
            token: Token::None,
        }
    }

    /// A GET that everybody may send.
    #[must_use]
    pub fn get() -> Self {
        Self::new("GET", "/public/a")
    }

    /// A POST that everybody may send.
    #[must_use]
    pub fn post() -> Self {
        Self::new("POST", "/public/a")
    }

    /// With a field.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a good token.
    #[must_use]
    pub fn token(mut self) -> Self {
        self.token = Token::New;
        self
    }

    /// With a token that was good when the case began.
    #[must_use]
    pub fn first_token(mut self) -> Self {
        self.token = Token::First;
        self
    }

    /// With a body whose length is announced.
    #[must_use]
    pub fn body(mut self, body: &'static str) -> Self {
        self.length = Some(body.len());
        self.body = Some(vec![body]);
        self
    }

    /// With a body in chunks.
    #[must_use]
    pub fn chunks(mut self, pieces: &[&'static str]) -> Self {
        self.body = Some(pieces.to_vec());
        self
    }

    /// With another length than it has.
    #[must_use]
    pub fn announcing(mut self, bytes: usize) -> Self {
        self.length = Some(bytes);
        self
    }

    /// With a trailer field.
    #[must_use]
    pub fn trailer(mut self, name: &'static str, value: &'static str) -> Self {
        self.trailers.push((name, value));
        self
    }

    /// Ending before the body does.
    #[must_use]
    pub fn cut(mut self) -> Self {
        self.is_cut = true;
        self
    }
}

/// What an origin answers.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status; `None`: it gives no response.
    pub status: Option<u16>,
    /// Its fields, but for those that say how long the body is.
    pub fields: Vec<(&'static str, &'static str)>,
    /// Its body.
    pub body: &'static str,
    /// Whether it is sent in chunks.
    pub is_chunked: bool,
    /// What follows the chunks.
    pub trailers: Vec<(&'static str, &'static str)>,
    /// What becomes of the connection.
    pub then: Then,
}

/// What becomes of a connection after what was sent on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is kept.
    Keeps,
    /// It ends. Where there is a response, all of the body was sent but for one byte, or the last chunk.
    Ends,
    /// Nothing more comes on it.
    FallsSilent,
}

impl Reply {
    /// An answer with this status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            status: Some(status),
            fields: Vec::new(),
            body: "",
            is_chunked: false,
            trailers: Vec::new(),
            then: Then::Keeps,
        }
    }

    /// An answer with this body.
    #[must_use]
    pub fn ok(body: &'static str) -> Self {
        Self {
            body,
            ..Self::status(200)
        }
    }

    /// No answer: the connection ends.
    #[must_use]
    pub fn ends() -> Self {
        Self {
            status: None,
            then: Then::Ends,
            ..Self::ok("")
        }
    }

    /// No answer, ever.
    #[must_use]
    pub fn silence() -> Self {
        Self {
            status: None,
            then: Then::FallsSilent,
            ..Self::ok("")
        }
    }

    /// With a field.
    #[must_use]
    pub fn field(mut self, name: &'static str, value: &'static str) -> Self {
        self.fields.push((name, value));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: &'static str) -> Self {
        self.body = body;
        self
    }

    /// In chunks.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        self.is_chunked = true;
        self
    }

    /// In chunks, with a trailer field.
    #[must_use]
    pub fn trailer(mut self, name: &'static str, value: &'static str) -> Self {
        self.trailers.push((name, value));
        self.chunked()
    }

    /// With this end.
    #[must_use]
    pub fn then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }
}

/// What is said of the fields of one name: their values where a component does not see fields of connections,
/// and where it does.
#[derive(Clone, Debug)]
pub struct Field {
    /// The name.
    pub name: &'static str,
    /// Where they are removed.
    pub removes: Vec<&'static str>,
    /// Where they are shown.
    pub shows: Vec<&'static str>,
}

/// What an origin sees.
#[derive(Clone, Debug)]
pub enum Sees {
    /// Nothing.
    Nobody,
    /// A request that is not whole, or nothing.
    NotWhole,
    /// This request.
    Request(Message),
}

/// What a client gets.
#[derive(Clone, Debug)]
pub enum Gets {
    /// Nothing that matters: it has left, or it sent what was not whole.
    Whatever,
    /// A response with this status, and this.
    Response(u16, Message),
}

/// What is said of a message.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// The method, where it is a request.
    pub method: Option<&'static str>,
    /// Of its fields.
    pub fields: Vec<Field>,
    /// Its body, and where a component sees fields of connections.
    pub body: Option<(&'static str, &'static str)>,
    /// Its trailers, and where a component sees fields of connections.
    pub trailers: Option<(Trailers, Trailers)>,
    /// Whether it is not whole.
    pub is_cut: bool,
}

/// Trailer fields.
pub type Trailers = Vec<(&'static str, &'static str)>;

impl Message {
    fn with(
        mut self,
        name: &'static str,
        removes: &[&'static str],
        shows: &[&'static str],
    ) -> Self {
        self.fields.push(Field {
            name,
            removes: removes.to_vec(),
            shows: shows.to_vec(),
        });
        self
    }
}

macro_rules! message_words {
    ($kind:ident, $pattern:pat => $message:expr) => {
        impl $kind {
            fn map(mut self, change: impl FnOnce(Message) -> Message) -> Self {
                if let $pattern = &mut self {
                    *$message = change(std::mem::take($message));
                }
                self
            }

            /// With these values of the fields of a name, on every host.
            #[must_use]
            pub fn field(self, name: &'static str, values: &[&'static str]) -> Self {
                self.map(|message| message.with(name, values, values))
            }

            /// With these values where a component does not see fields of connections, and those where it
            /// does.
            #[must_use]
            pub fn field_by_manner(
                self,
                name: &'static str,
                removes: &[&'static str],
                shows: &[&'static str],
            ) -> Self {
                self.map(|message| message.with(name, removes, shows))
            }

            /// With this body.
            #[must_use]
            pub fn body(self, body: &'static str) -> Self {
                self.body_by_manner(body, body)
            }

            /// With this body where a component does not see fields of connections, and that where it does.
            #[must_use]
            pub fn body_by_manner(self, removes: &'static str, shows: &'static str) -> Self {
                self.map(|message| Message {
                    body: Some((removes, shows)),
                    ..message
                })
            }

            /// With these trailers and no others.
            #[must_use]
            pub fn trailers(self, trailers: &[(&'static str, &'static str)]) -> Self {
                self.map(|message| Message {
                    trailers: Some((trailers.to_vec(), trailers.to_vec())),
                    ..message
                })
            }

            /// Not whole.
            #[must_use]
            pub fn cut(self) -> Self {
                self.map(|message| Message {
                    is_cut: true,
                    ..message
                })
            }
        }
    };
}

message_words!(Sees, Self::Request(message) => message);
message_words!(Gets, Self::Response(_, message) => message);

impl Sees {
    /// A request.
    #[must_use]
    pub fn request() -> Self {
        Self::Request(Message::default())
    }

    /// A request with this method.
    #[must_use]
    pub fn method(self, method: &'static str) -> Self {
        self.map(|message| Message {
            method: Some(method),
            ..message
        })
    }
}

impl Gets {
    /// A response with this status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Response(status, Message::default())
    }

    /// A response with this body.
    #[must_use]
    pub fn ok(body: &'static str) -> Self {
        Self::status(200).body(body)
    }
}
