//! Framing: a four-byte length, then that many bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The peer announced a frame that is negative or above the ceiling. The connection has to go: there
/// is no way to find the next frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a frame of {announced} bytes, the limit is {limit}")]
pub struct Oversized {
    /// The length as the peer sent it.
    pub announced: i32,
    /// The ceiling in force.
    pub limit: usize,
}

/// Takes one whole frame body off the front of `input`; `None` if it has not all arrived.
///
/// The length is judged as soon as its four bytes are there, before any memory is spent on the body.
pub fn take(input: &mut BytesMut, limit: usize) -> Result<Option<Bytes>, Oversized> {
    let Some(head) = input.first_chunk::<4>() else { return Ok(None) };
    let announced = i32::from_be_bytes(*head);
    let length = match usize::try_from(announced) {
        Ok(length) if length <= limit => length,
        _ => return Err(Oversized { announced, limit }),
    };
    if input.len() < 4 + length {
        return Ok(None);
    }
    input.advance(4);
    Ok(Some(input.split_to(length).freeze()))
}

/// Appends one frame whose body `write` appends.
pub fn put(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_i32(0);
    write(out);
    let length = i32::try_from(out.len() - start - 4).expect("a frame is below 2 GiB");
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in() {
        let mut bytes = BytesMut::new();
        put(&mut bytes, |out| out.put_slice(b"one"));
        put(&mut bytes, |_| {});
        assert_eq!(take(&mut bytes, 10), Ok(Some(Bytes::from_static(b"one"))));
        assert_eq!(take(&mut bytes, 10), Ok(Some(Bytes::new())));
        assert_eq!(take(&mut bytes, 10), Ok(None));
    }

    #[test]
    fn p02_a_length_above_the_limit_is_refused_from_its_four_bytes() {
        let mut bytes = BytesMut::from(&[0x7F, 0xFF, 0xFF, 0xFF][..]);
        assert_eq!(take(&mut bytes, 10), Err(Oversized { announced: i32::MAX, limit: 10 }));
        let mut bytes = BytesMut::from(&[0xFF; 4][..]);
        assert!(take(&mut bytes, 10).is_err());
    }
}
