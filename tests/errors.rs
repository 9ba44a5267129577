//! What errors say to those who handle them: codes of the component API, kinds of std, statuses of HTTP and of closing.
#![cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]

use websocket_component::{CloseStatus, Error, ErrorCode, Failure, HandshakeError, Misuse, Violation};

#[test]
fn codes_have_the_names_of_winerror_h() {
    let names = [
        (0x8007_0057_u32, ErrorCode::InvalidArgument, "E_INVALIDARG"),
        (0x8007_000E, ErrorCode::OutOfMemory, "E_OUTOFMEMORY"),
        (0x8000_4005, ErrorCode::Fail, "E_FAIL"),
        (
            0x8376_0001,
            ErrorCode::InvalidProtocolOperation,
            "E_INVALID_PROTOCOL_OPERATION",
        ),
        (
            0x8376_0002,
            ErrorCode::InvalidProtocolFormat,
            "E_INVALID_PROTOCOL_FORMAT",
        ),
        (
            0x8376_0003,
            ErrorCode::ExtensionsNotSupported,
            "E_PROTOCOL_EXTENSIONS_NOT_SUPPORTED",
        ),
        (
            0x8376_0004,
            ErrorCode::SubprotocolNotSupported,
            "E_SUBPROTOCOL_NOT_SUPPORTED",
        ),
        (
            0x8376_0005,
            ErrorCode::VersionNotSupported,
            "E_PROTOCOL_VERSION_NOT_SUPPORTED",
        ),
        (0x8007_007A, ErrorCode::InsufficientBuffer, "ERROR_INSUFFICIENT_BUFFER"),
        (0x8007_0216, ErrorCode::ArithmeticOverflow, "ERROR_ARITHMETIC_OVERFLOW"),
    ];
    for (hresult, code, name) in names {
        assert_eq!((code.hresult().cast_unsigned(), code.as_str()), (hresult, name));
    }
}

/// Of each error: its code, the status to close with, that of the HTTP response.
#[test]
fn an_error_has_the_code_and_the_status_of_its_cause() {
    use ErrorCode::{Fail, InvalidArgument, InvalidProtocolFormat, InvalidProtocolOperation, OutOfMemory};
    let errors = [
        (
            Error::from(Misuse::SendAfterClose),
            InvalidProtocolOperation,
            None,
            None,
        ),
        (Misuse::PropertyOutOfRange.into(), InvalidArgument, None, None),
        (
            HandshakeError::HeadMalformed.into(),
            InvalidProtocolFormat,
            None,
            Some(400),
        ),
        (
            HandshakeError::HttpVersionTooLow.into(),
            InvalidProtocolFormat,
            None,
            Some(505),
        ),
        (Violation::MessageTooBig.into(), InvalidProtocolFormat, Some(1009), None),
        (Violation::TextNotUtf8.into(), InvalidProtocolFormat, Some(1007), None),
        (Error::RandomUnavailable, Fail, None, None),
        (Error::OutOfMemory, OutOfMemory, None, None),
        (Error::ConnectionFailed, InvalidProtocolOperation, None, None),
        (Error::HandshakeTimeout, InvalidProtocolOperation, None, Some(408)),
    ];
    for (error, code, close, http) in errors {
        let close_status = error.close_status().map(u16::from);
        assert_eq!(
            (error.code(), close_status, error.status()),
            (code, close, http),
            "{error}"
        );
        assert_eq!(error.hresult(), code.hresult(), "{error}");
    }
}

#[test]
fn a_failed_connection_has_a_status_to_close_with() {
    let failures = [
        (Failure::CloseTimeout, CloseStatus::ABORTED),
        (Failure::Eof, CloseStatus::ABORTED),
        (Failure::Unresponsive, CloseStatus::ABORTED),
        (Failure::MessageTimeout, CloseStatus::POLICY_VIOLATION),
        (Failure::RandomUnavailable, CloseStatus::SERVER_ERROR),
        (Failure::Violation(Violation::TextNotUtf8), CloseStatus(1007)),
    ];
    for (failure, status) in failures {
        assert_eq!(failure.close_status(), status, "{failure}");
    }
}

#[cfg(feature = "std")]
#[test]
fn an_error_of_std_has_the_kind_that_its_readers_expect() {
    use std::io::ErrorKind;
    let kinds = [
        (Error::from(Misuse::SendAfterClose).into(), ErrorKind::InvalidInput),
        (
            Error::from(HandshakeError::HeadMalformed).into(),
            ErrorKind::InvalidData,
        ),
        (Error::from(Violation::TextNotUtf8).into(), ErrorKind::InvalidData),
        (Error::OutOfMemory.into(), ErrorKind::OutOfMemory),
        (Error::RandomUnavailable.into(), ErrorKind::Other),
        (Error::ConnectionFailed.into(), ErrorKind::NotConnected),
        (Error::HandshakeTimeout.into(), ErrorKind::TimedOut),
        (Failure::CloseTimeout.into(), ErrorKind::TimedOut),
        (Failure::MessageTimeout.into(), ErrorKind::TimedOut),
        (Failure::Unresponsive.into(), ErrorKind::TimedOut),
        (Failure::Eof.into(), ErrorKind::UnexpectedEof),
        (Failure::RandomUnavailable.into(), ErrorKind::Other),
        (
            Failure::Violation(Violation::TextNotUtf8).into(),
            ErrorKind::InvalidData,
        ),
    ];
    for (error, kind) in kinds {
        let error: std::io::Error = error;
        assert_eq!(error.kind(), kind, "{error}");
    }
}

/// Of the faults that only a response has; a request with any other is the client's to correct.
#[test]
fn the_faults_of_a_response_are_a_gateways() {
    use HandshakeError as Fault;
    let of_responses = [
        Fault::AcceptMissing,
        Fault::AcceptRepeated,
        Fault::AcceptWrong,
        Fault::DeflateNotGranted,
        Fault::DeflateParameterRepeated,
        Fault::DeflateParameterUnknown,
        Fault::DeflateValueInvalid,
        Fault::DeflateWindowNotOffered,
        Fault::StatusNot101,
        Fault::SubprotocolMalformed,
        Fault::SubprotocolMissing,
    ];
    for fault in Fault::ALL {
        assert_eq!(fault.status() == 502, of_responses.contains(fault), "{fault}");
    }
}
