//! The `ip` scheme: addresses, and the networks that lists name.
//!
//! An IPv4 address in its IPv6 form, `::ffff:192.0.2.1`, is that IPv4 address, in a list as on a
//! connection: a server that listens on an IPv6 address sees its IPv4 clients so.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The leading bits that say that an IPv6 address is an IPv4 one.
const MAPPED: u32 = 96;

/// An address with the number of its leading bits that count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Reads `address` or `address/bits`. `None` if it is neither.
    pub(super) fn parse(text: &str) -> Option<Network> {
        let (host, bits) = match text.split_once('/') {
            Some((host, bits)) => (host, Some(number(bits, 128)?)),
            None => (text, None),
        };
        // The zone of an address means something on one machine only.
        if host.contains('%') {
            return None;
        }
        let address = as_written(host)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        if bits > width {
            return None;
        }
        Some(match (address, address.to_canonical()) {
            (IpAddr::V6(_), canonical @ IpAddr::V4(_)) if bits >= MAPPED => {
                Network { address: canonical, bits: bits - MAPPED }
            }
            _ => Network { address, bits },
        })
    }

    /// Whether the address agrees with this network in the bits that count. Families never mix.
    pub(super) fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let difference = network.to_bits() ^ address.to_bits();
                difference.checked_shr(32 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let difference = network.to_bits() ^ address.to_bits();
                difference.checked_shr(128 - self.bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// Reads the address of a connection.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    as_written(text).map(|address| address.to_canonical())
}

/// Reads an address. Zeros in front of a decimal part are accepted, as ZooKeeper does; the zone of
/// an IPv6 address is not part of it.
fn as_written(text: &str) -> Option<IpAddr> {
    if !text.contains(':') {
        return four_parts(text).map(IpAddr::V4);
    }
    let bare = text.split_once('%').map_or(text, |(bare, _)| bare);
    bare.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

fn four_parts(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        *octet = u8::try_from(number(parts.next()?, 255)?).ok()?;
    }
    parts.next().is_none().then(|| Ipv4Addr::from(octets))
}

/// A decimal number without sign, at most `most`.
fn number(text: &str, most: u32) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value = if digits { text.parse().ok()? } else { return None };
    (value <= most).then_some(value)
}
