//! The parameters of permessage-deflate and their negotiation (RFC 7692 §7.1).

use alloc::string::{String, ToString};
use core::ops::RangeInclusive;

use crate::error::HandshakeError;
use crate::http::Extension;

/// The extension's name in `Sec-WebSocket-Extensions`.
pub const NAME: &str = "permessage-deflate";

/// "a decimal integer value without leading zeroes between 8 to 15, inclusive" (§7.1.2)
const WINDOW_BITS: RangeInclusive<u8> = 8..=15;

/// The window without an agreement on another: 32,768 bytes.
const LARGEST: u8 = 15;

/// The parameters that our side wants. A window of *n* bits has 2ⁿ bytes; *n* is 8 to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateOptions {
    /// The server compresses every message independently. A client that asks for it accepts nothing else.
    pub server_no_context_takeover: bool,
    /// The client compresses every message independently.
    pub client_no_context_takeover: bool,
    /// The largest window that the server compresses with; 15 if `None`. A client that asks for it accepts nothing
    /// larger.
    pub server_max_window_bits: Option<u8>,
    /// The largest window that the client compresses with; 15 if `None`. A server can limit only clients that offer
    /// `client_max_window_bits`; from others it must be able to receive 15.
    pub client_max_window_bits: Option<u8>,
    /// A client offers `client_max_window_bits`, without a value if none is set, so that the server may limit its
    /// window. Servers ignore this option.
    pub offer_client_max_window_bits: bool,
}

impl Default for DeflateOptions {
    /// Context takeover and windows of 15 bits on both sides; the server may limit the client's. Browsers offer the
    /// same.
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: None,
            client_max_window_bits: None,
            offer_client_max_window_bits: true,
        }
    }
}

impl DeflateOptions {
    /// Whether both windows, if set, are 8 to 15. Others must not be used: peers reject the parameters.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let valid = |bits: Option<u8>| bits.is_none_or(|bits| WINDOW_BITS.contains(&bits));
        valid(self.server_max_window_bits) && valid(self.client_max_window_bits)
    }

    const fn offered(&self) -> Parameters {
        let client_max_window_bits = match self.client_max_window_bits {
            Some(bits) => Some(Some(bits)),
            None if self.offer_client_max_window_bits => Some(None),
            None => None,
        };
        Parameters {
            server_no_context_takeover: self.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover,
            server_max_window_bits: self.server_max_window_bits,
            client_max_window_bits,
        }
    }
}

/// The negotiated parameters, which both sides must respect. Absent parameters have their default values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The server's window starts empty with every message.
    pub server_no_context_takeover: bool,
    /// The client's window starts empty with every message.
    pub client_no_context_takeover: bool,
    /// The window that the server compresses with, 8 to 15.
    pub server_max_window_bits: u8,
    /// The window that the client compresses with, 8 to 15.
    pub client_max_window_bits: u8,
}

/// A server's selection from a client's offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The index of the accepted offer.
    pub index: usize,
    /// The negotiated parameters.
    pub agreement: Agreement,
    /// The element for the response's `Sec-WebSocket-Extensions`.
    pub response: String,
}

/// A client's offer: one element of `Sec-WebSocket-Extensions`. `options` must be [valid](DeflateOptions::is_valid).
#[must_use]
pub fn offer(options: &DeflateOptions) -> String {
    options.offered().element()
}

/// The agreement of a client that made [`offer`] with the same options, given the server's response. The name of the
/// extension is not checked.
///
/// # Errors
/// The response is malformed, or does not answer the offer.
pub fn accept_response(options: &DeflateOptions, response: &Extension<'_>) -> Result<Agreement, HandshakeError> {
    let offered = options.offered();
    let response = Parameters::read(response)?;
    let client_max_window_bits = match response.client_max_window_bits {
        // §7.1.2.2: only an offer may have it without a value
        Some(None) => return Err(HandshakeError::DeflateValueInvalid),
        // §7.1.2.2: without it in the offer, the response "MUST NOT include" it
        Some(_) if offered.client_max_window_bits.is_none() => return Err(HandshakeError::DeflateWindowNotOffered),
        Some(bits) => bits,
        None => None,
    };
    // §7.1.1.1, §7.1.2.1: a server accepts an offer with either of these "by including" it in the response, the
    // window "with the same or smaller value"
    if offered.server_no_context_takeover && !response.server_no_context_takeover {
        return Err(HandshakeError::DeflateNotGranted);
    }
    let granted = response.server_max_window_bits.unwrap_or(LARGEST);
    if let Some(asked) = offered.server_max_window_bits
        && (response.server_max_window_bits.is_none() || granted > asked)
    {
        return Err(HandshakeError::DeflateNotGranted);
    }
    Ok(Agreement {
        server_no_context_takeover: response.server_no_context_takeover,
        // §7.1.1.2, §7.1.2.2: the client's own are hints. The server may ignore them, the client keeps to them.
        client_no_context_takeover: response.client_no_context_takeover || offered.client_no_context_takeover,
        server_max_window_bits: granted,
        client_max_window_bits: smaller(client_max_window_bits, options.client_max_window_bits),
    })
}

/// The options of the client that made this offer.
///
/// # Errors
/// A parameter that is unknown, repeated or has no valid value.
#[cfg(feature = "inspect")]
pub(crate) fn options_of(offer: &Extension<'_>) -> Result<DeflateOptions, HandshakeError> {
    let offered = Parameters::read(offer)?;
    Ok(DeflateOptions {
        server_no_context_takeover: offered.server_no_context_takeover,
        client_no_context_takeover: offered.client_no_context_takeover,
        server_max_window_bits: offered.server_max_window_bits,
        client_max_window_bits: offered.client_max_window_bits.flatten(),
        offer_client_max_window_bits: offered.client_max_window_bits.is_some(),
    })
}

/// The agreement according to the response alone, if the offer is unknown.
///
/// # Errors
/// As [`options_of`].
#[cfg(feature = "inspect")]
pub(crate) fn agreement_of(response: &Extension<'_>) -> Result<Agreement, HandshakeError> {
    accept_response(&DeflateOptions::default(), response)
}

/// The first of a client's offers that a server with these (valid) options can accept, and the response to it.
///
/// It skips offers of other extensions, and those with a parameter that is unknown, repeated or has an invalid value,
/// which "a server MUST decline" (RFC 7692 §7.1). All others can be accepted.
#[must_use]
pub fn select(options: &DeflateOptions, offers: &[Extension<'_>]) -> Option<Selection> {
    offers.iter().enumerate().find_map(|(index, offer)| {
        if !offer.name.eq_ignore_ascii_case(NAME) {
            return None;
        }
        let (agreement, response) = answer(options, &Parameters::read(offer).ok()?);
        Some(Selection {
            index,
            agreement,
            response: response.element(),
        })
    })
}

/// A server's answer to a well-formed offer.
fn answer(options: &DeflateOptions, offered: &Parameters) -> (Agreement, Parameters) {
    let client_limit = match offered.client_max_window_bits {
        Some(hint) => smaller(hint, options.client_max_window_bits),
        None => LARGEST,
    };
    let agreement = Agreement {
        server_no_context_takeover: offered.server_no_context_takeover || options.server_no_context_takeover,
        client_no_context_takeover: offered.client_no_context_takeover || options.client_no_context_takeover,
        server_max_window_bits: smaller(offered.server_max_window_bits, options.server_max_window_bits),
        client_max_window_bits: client_limit,
    };
    let response = Parameters {
        server_no_context_takeover: agreement.server_no_context_takeover,
        client_no_context_takeover: agreement.client_no_context_takeover,
        // §7.1.2.1: an offer with it is accepted by including it, be it 15
        server_max_window_bits: Some(agreement.server_max_window_bits)
            .filter(|&bits| bits < LARGEST || offered.server_max_window_bits.is_some()),
        client_max_window_bits: (client_limit < LARGEST).then_some(Some(client_limit)),
    };
    (agreement, response)
}

fn smaller(one: Option<u8>, other: Option<u8>) -> u8 {
    one.unwrap_or(LARGEST).min(other.unwrap_or(LARGEST))
}

/// The parameters of an offer or a response as written there.
#[derive(Clone, Copy, Debug, Default)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// `Some(None)` is the parameter without a value.
    client_max_window_bits: Option<Option<u8>>,
}

impl Parameters {
    fn read(extension: &Extension<'_>) -> Result<Self, HandshakeError> {
        let mut parameters = Self::default();
        for (index, (name, value)) in extension.parameters.iter().enumerate() {
            let same_name = |(other, _): &(&str, Option<String>)| other.eq_ignore_ascii_case(name);
            if extension.parameters[..index].iter().any(same_name) {
                return Err(HandshakeError::DeflateParameterRepeated);
            }
            parameters.set(name, value.as_deref())?;
        }
        Ok(parameters)
    }

    /// Takes one parameter. Names are compared without regard to case (RFC 9110 §5.6.6).
    fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), HandshakeError> {
        match name.to_ascii_lowercase().as_str() {
            "server_no_context_takeover" => self.server_no_context_takeover = flag(value)?,
            "client_no_context_takeover" => self.client_no_context_takeover = flag(value)?,
            "server_max_window_bits" => {
                self.server_max_window_bits = Some(window_bits(value.ok_or(HandshakeError::DeflateValueInvalid)?)?);
            }
            "client_max_window_bits" => self.client_max_window_bits = Some(value.map(window_bits).transpose()?),
            _ => return Err(HandshakeError::DeflateParameterUnknown),
        }
        Ok(())
    }
}

/// §7.1.1: "This parameter has no value."
const fn flag(value: Option<&str>) -> Result<bool, HandshakeError> {
    match value {
        None => Ok(true),
        Some(_) => Err(HandshakeError::DeflateValueInvalid),
    }
}

fn window_bits(value: &str) -> Result<u8, HandshakeError> {
    value
        .parse()
        .ok()
        // `parse` takes "+9" and "09" too
        .filter(|bits: &u8| WINDOW_BITS.contains(bits) && bits.to_string() == value)
        .ok_or(HandshakeError::DeflateValueInvalid)
}

impl Parameters {
    /// The element of `Sec-WebSocket-Extensions`. It is built without `core::fmt`, which the engine does not need
    /// elsewhere.
    fn element(&self) -> String {
        let mut element = String::from(NAME);
        if self.server_no_context_takeover {
            element += "; server_no_context_takeover";
        }
        if self.client_no_context_takeover {
            element += "; client_no_context_takeover";
        }
        if let Some(bits) = self.server_max_window_bits {
            element += "; server_max_window_bits=";
            element += &bits.to_string();
        }
        if let Some(bits) = self.client_max_window_bits {
            element += "; client_max_window_bits";
            if let Some(bits) = bits {
                element += "=";
                element += &bits.to_string();
            }
        }
        element
    }
}

#[cfg(test)]
mod tests {
    use super::{Agreement, DeflateOptions, Selection, accept_response, offer, select};
    use crate::error::HandshakeError::{self, *};
    use crate::http::{Extension, HttpHeader, extensions};

    const DEFAULT: Agreement = Agreement {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: 15,
        client_max_window_bits: 15,
    };

    /// Takeover on both sides with these windows.
    const fn windows(server: u8, client: u8) -> Agreement {
        Agreement {
            server_max_window_bits: server,
            client_max_window_bits: client,
            ..DEFAULT
        }
    }

    fn options(server_max_window_bits: Option<u8>, client_max_window_bits: Option<u8>) -> DeflateOptions {
        DeflateOptions {
            server_max_window_bits,
            client_max_window_bits,
            ..DeflateOptions::default()
        }
    }

    fn without_takeover() -> DeflateOptions {
        DeflateOptions {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            ..DeflateOptions::default()
        }
    }

    /// The extensions of a header field.
    fn parsed(value: &str) -> Vec<Extension<'_>> {
        extensions(&[HttpHeader::new("Sec-WebSocket-Extensions", value)]).expect(value)
    }

    fn accepted(options: &DeflateOptions, response: &str) -> Result<Agreement, HandshakeError> {
        accept_response(options, &parsed(response)[0])
    }

    /// Malformed in offers and in responses.
    const MALFORMED: [(&str, HandshakeError); 22] = [
        ("foo", DeflateParameterUnknown),
        ("max_window_bits=10", DeflateParameterUnknown),
        ("server_no_context_takeover; foo=1", DeflateParameterUnknown),
        (
            "server_no_context_takeover; server_no_context_takeover",
            DeflateParameterRepeated,
        ),
        (
            "client_no_context_takeover; Client_No_Context_Takeover",
            DeflateParameterRepeated,
        ),
        (
            "server_max_window_bits=10; server_max_window_bits=10",
            DeflateParameterRepeated,
        ),
        (
            "client_max_window_bits=10; client_max_window_bits",
            DeflateParameterRepeated,
        ),
        ("server_no_context_takeover=1", DeflateValueInvalid),
        ("client_no_context_takeover=\"true\"", DeflateValueInvalid),
        ("server_max_window_bits", DeflateValueInvalid),
        ("server_max_window_bits=7", DeflateValueInvalid),
        ("server_max_window_bits=16", DeflateValueInvalid),
        ("server_max_window_bits=0", DeflateValueInvalid),
        ("server_max_window_bits=08", DeflateValueInvalid),
        ("server_max_window_bits=+9", DeflateValueInvalid),
        ("server_max_window_bits=-9", DeflateValueInvalid),
        ("server_max_window_bits=1e1", DeflateValueInvalid),
        ("server_max_window_bits=266", DeflateValueInvalid),
        ("client_max_window_bits=\"010\"", DeflateValueInvalid),
        ("client_max_window_bits=7", DeflateValueInvalid),
        ("client_max_window_bits=16", DeflateValueInvalid),
        ("client_max_window_bits=ten", DeflateValueInvalid),
    ];

    #[test]
    fn an_offer_says_what_the_options_ask_for() {
        let no_limit = DeflateOptions {
            offer_client_max_window_bits: false,
            ..DeflateOptions::default()
        };
        let all = DeflateOptions {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            ..options(Some(8), Some(15))
        };
        let cases = [
            (DeflateOptions::default(), "permessage-deflate; client_max_window_bits"),
            (no_limit, "permessage-deflate"),
            (
                all,
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                 server_max_window_bits=8; client_max_window_bits=15",
            ),
        ];
        for (options, expected) in cases {
            assert_eq!(offer(&options), expected);
        }
    }

    #[test]
    fn windows_are_8_to_15_bits() {
        for bits in 0..=u8::MAX {
            let valid = (8..=15).contains(&bits);
            assert_eq!(options(Some(bits), None).is_valid(), valid);
            assert_eq!(options(None, Some(bits)).is_valid(), valid);
            let response = format!("permessage-deflate; server_max_window_bits={bits}");
            assert_eq!(
                accepted(&DeflateOptions::default(), &response).is_ok(),
                valid,
                "{response}"
            );
        }
    }

    #[test]
    fn a_client_takes_what_the_response_says() {
        let default = DeflateOptions::default();
        let cases = [
            (default, "", DEFAULT),
            (default, "; server_max_window_bits=8", windows(8, 15)),
            (default, "; server_max_window_bits=\"10\"", windows(10, 15)),
            (default, "; Server_Max_Window_Bits=\"1\\0\"", windows(10, 15)),
            (default, "; client_max_window_bits=9", windows(15, 9)),
            (
                default,
                "; server_no_context_takeover; client_no_context_takeover",
                Agreement {
                    server_no_context_takeover: true,
                    client_no_context_takeover: true,
                    ..DEFAULT
                },
            ),
            (options(Some(12), None), "; server_max_window_bits=12", windows(12, 15)),
            (options(Some(12), None), "; server_max_window_bits=9", windows(9, 15)),
            // §7.1.2.2: the client's own window is a hint, which the client keeps to and the server may ignore
            (options(None, Some(10)), "", windows(15, 10)),
            (options(None, Some(10)), "; client_max_window_bits=9", windows(15, 9)),
            (options(None, Some(10)), "; client_max_window_bits=12", windows(15, 10)),
            (
                without_takeover(),
                "; server_no_context_takeover",
                Agreement {
                    server_no_context_takeover: true,
                    client_no_context_takeover: true,
                    ..DEFAULT
                },
            ),
        ];
        for (options, parameters, expected) in cases {
            let response = format!("permessage-deflate{parameters}");
            assert_eq!(accepted(&options, &response), Ok(expected), "{response}");
        }
    }

    #[test]
    fn a_client_refuses_a_response_that_is_malformed() {
        for (parameters, error) in MALFORMED {
            let response = format!("permessage-deflate; {parameters}");
            assert_eq!(
                accepted(&DeflateOptions::default(), &response),
                Err(error),
                "{response}"
            );
        }
        // the grammar requires a value behind the equals sign; so do we
        let empty = Extension {
            name: "permessage-deflate",
            parameters: vec![("server_max_window_bits", Some(String::new()))],
        };
        assert_eq!(
            accept_response(&DeflateOptions::default(), &empty),
            Err(DeflateValueInvalid)
        );
    }

    #[test]
    fn a_client_refuses_a_response_that_does_not_answer_its_offer() {
        let no_limit = DeflateOptions {
            offer_client_max_window_bits: false,
            ..DeflateOptions::default()
        };
        let cases = [
            (
                DeflateOptions::default(),
                "; client_max_window_bits",
                DeflateValueInvalid,
            ),
            (no_limit, "; client_max_window_bits=15", DeflateWindowNotOffered),
            (no_limit, "; client_max_window_bits", DeflateValueInvalid),
            (options(Some(12), None), "", DeflateNotGranted),
            (
                options(Some(12), None),
                "; server_max_window_bits=13",
                DeflateNotGranted,
            ),
            (options(Some(15), None), "", DeflateNotGranted),
            (without_takeover(), "", DeflateNotGranted),
            (without_takeover(), "; client_no_context_takeover", DeflateNotGranted),
        ];
        for (options, parameters, error) in cases {
            let response = format!("permessage-deflate{parameters}");
            assert_eq!(accepted(&options, &response), Err(error), "{response}");
        }
    }

    #[test]
    fn a_server_answers_what_the_offer_asks_and_its_options_want() {
        let default = DeflateOptions::default();
        let cases = [
            (default, "", DEFAULT, ""),
            (default, "; client_max_window_bits", DEFAULT, ""),
            (
                default,
                "; client_max_window_bits=10",
                windows(15, 10),
                "; client_max_window_bits=10",
            ),
            (default, "; client_max_window_bits=15", DEFAULT, ""),
            (
                default,
                "; server_max_window_bits=8",
                windows(8, 15),
                "; server_max_window_bits=8",
            ),
            (
                default,
                "; server_max_window_bits=\"15\"",
                DEFAULT,
                "; server_max_window_bits=15",
            ),
            (
                default,
                "; server_no_context_takeover",
                Agreement {
                    server_no_context_takeover: true,
                    ..DEFAULT
                },
                "; server_no_context_takeover",
            ),
            (
                default,
                "; client_no_context_takeover",
                Agreement {
                    client_no_context_takeover: true,
                    ..DEFAULT
                },
                "; client_no_context_takeover",
            ),
            (
                without_takeover(),
                "",
                Agreement {
                    server_no_context_takeover: true,
                    client_no_context_takeover: true,
                    ..DEFAULT
                },
                "; server_no_context_takeover; client_no_context_takeover",
            ),
            // a client that does not offer to have its window limited cannot be limited (§7.1.2.2)
            (
                options(Some(11), Some(11)),
                "",
                windows(11, 15),
                "; server_max_window_bits=11",
            ),
            (
                options(Some(11), Some(11)),
                "; client_max_window_bits; server_max_window_bits=12",
                windows(11, 11),
                "; server_max_window_bits=11; client_max_window_bits=11",
            ),
            (
                options(Some(11), Some(11)),
                "; client_max_window_bits=9; server_max_window_bits=9",
                windows(9, 9),
                "; server_max_window_bits=9; client_max_window_bits=9",
            ),
        ];
        for (options, parameters, agreement, response) in cases {
            let offered = format!("permessage-deflate{parameters}");
            let expected = Selection {
                index: 0,
                agreement,
                response: format!("permessage-deflate{response}"),
            };
            assert_eq!(select(&options, &parsed(&offered)), Some(expected), "{offered}");
        }
    }

    #[test]
    fn a_server_declines_an_offer_that_is_malformed() {
        for (parameters, _) in MALFORMED {
            let offered = format!("permessage-deflate; {parameters}");
            assert_eq!(select(&DeflateOptions::default(), &parsed(&offered)), None, "{offered}");
        }
    }

    #[test]
    fn a_server_falls_back_to_the_first_offer_that_it_can_accept() {
        let cases = [
            ("", None),
            ("permessage-bzip2", None),
            ("x-webkit-deflate-frame, Permessage-Deflate", Some(1)),
            (
                "permessage-deflate; server_max_window_bits=10, permessage-deflate",
                Some(0),
            ),
            ("permessage-deflate; foo, permessage-deflate", Some(1)),
            (
                "permessage-deflate; server_max_window_bits=99, other, permessage-deflate; client_max_window_bits",
                Some(2),
            ),
            ("permessage-deflate; foo, permessage-deflate; bar", None),
        ];
        for (offers, index) in cases {
            let selected = select(&DeflateOptions::default(), &parsed(offers));
            assert_eq!(selected.map(|selection| selection.index), index, "{offers}");
        }
    }

    #[test]
    fn client_and_server_come_to_the_same_agreement() {
        let bits = || [None, Some(8), Some(9), Some(12), Some(15)];
        let all: Vec<DeflateOptions> = (0..8)
            .flat_map(|flags| bits().map(|server| (flags, server)))
            .flat_map(|(flags, server)| bits().map(|client| (flags, server, client)))
            .map(|(flags, server, client)| DeflateOptions {
                server_no_context_takeover: flags & 1 != 0,
                client_no_context_takeover: flags & 2 != 0,
                offer_client_max_window_bits: flags & 4 != 0,
                ..options(server, client)
            })
            .collect();
        for client in &all {
            let offered = offer(client);
            for server in &all {
                let selection = select(server, &parsed(&offered)).expect("every valid offer can be accepted");
                assert_eq!(
                    accepted(client, &selection.response),
                    Ok(selection.agreement),
                    "{offered} -> {}",
                    selection.response
                );
            }
        }
    }
}
