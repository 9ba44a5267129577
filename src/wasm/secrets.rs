//! What recorded TLS and HTTP/2 need to be read: ciphers and HPACK, each of a crate.

use alloc::string::String;
use alloc::vec::Vec;

use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use aes_gcm::aead::{Aead, KeyInit, Nonce, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha384};
use wasm_bindgen::prelude::wasm_bindgen;

/// HMAC (RFC 2104) with SHA-256 or, by 160 and 384, with SHA-1 and SHA-384; of any other number nothing.
#[wasm_bindgen]
pub fn hmac(bits: u32, key: &[u8], data: &[u8]) -> Vec<u8> {
    match bits {
        160 => mac::<Hmac<Sha1>>(key, data),
        256 => mac::<Hmac<Sha256>>(key, data),
        384 => mac::<Hmac<Sha384>>(key, data),
        _ => Vec::new(),
    }
}

fn mac<M: Mac + hmac::KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
    let Ok(mut mac) = <M as hmac::KeyInit>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

/// Opens what a cipher with associated data has sealed: 1 is AES-128-GCM, 2 AES-256-GCM, 3 ChaCha20-Poly1305.
/// `undefined` if that is not what the key has sealed.
#[wasm_bindgen]
pub fn open(cipher: u32, key: &[u8], nonce: &[u8], associated: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    match cipher {
        1 => open_with::<Aes128Gcm>(key, nonce, associated, sealed),
        2 => open_with::<Aes256Gcm>(key, nonce, associated, sealed),
        3 => open_with::<ChaCha20Poly1305>(key, nonce, associated, sealed),
        _ => None,
    }
}

fn open_with<C: Aead + KeyInit>(key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Option<Vec<u8>> {
    let cipher = C::new_from_slice(key).ok()?;
    let nonce = Nonce::<C>::try_from(nonce).ok()?;
    cipher.decrypt(&nonce, Payload { msg, aad }).ok()
}

/// Decrypts whole blocks by AES in CBC mode, the padding included; `undefined` if the sizes are wrong.
#[wasm_bindgen]
pub fn decrypt_cbc(key: &[u8], iv: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    match key.len() {
        16 => cbc_with::<cbc::Decryptor<aes::Aes128>>(key, iv, data),
        32 => cbc_with::<cbc::Decryptor<aes::Aes256>>(key, iv, data),
        _ => None,
    }
}

fn cbc_with<D: BlockModeDecrypt + KeyIvInit>(key: &[u8], iv: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let mut decryptor = D::new_from_slices(key, iv).ok()?;
    let mut out = data.to_vec();
    let (blocks, rest) = aes::cipher::Array::slice_as_chunks_mut(&mut out);
    if !rest.is_empty() {
        return None;
    }
    decryptor.decrypt_blocks(blocks);
    Some(out)
}

/// The fields of HTTP/2, one direction's of a connection (RFC 7541).
#[wasm_bindgen]
pub struct Hpack {
    decoder: zerodds_hpack::Decoder,
}

#[wasm_bindgen]
impl Hpack {
    /// With the table that both sides begin with.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::new_without_default, reason = "for JavaScript")]
    pub fn new() -> Self {
        Self {
            decoder: zerodds_hpack::Decoder::new(),
        }
    }

    /// The names and values of a block, in turns; `undefined` if it is none, and then those after it cannot be read.
    pub fn decode(&mut self, block: &[u8]) -> Option<Vec<String>> {
        let fields = self.decoder.decode(block).ok()?;
        Some(fields.into_iter().flat_map(|field| [field.name, field.value]).collect())
    }
}
