//! Which addresses belong to the public internet (FETCH-003).
//!
//! A list of what is forbidden would have to be whole; for IPv6 this is a list of what is allowed, for IPv4 the registry of
//! special-purpose addresses (RFC 6890 and what was added since), whose gaps are public by definition. Forms that carry an
//! IPv4 address inside an IPv6 address are judged by the address inside, or refused where no honest key set lives behind them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one that anybody on the internet can reach, and that means the same machine to everybody.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|&(network, bits)| {
        let shift = 32_u32.saturating_sub(bits);
        address.to_bits() >> shift == Ipv4Addr::from(network).to_bits() >> shift
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    let within = |&(network, length): &(Ipv6Addr, u32)| {
        let shift = 128_u32.saturating_sub(length);
        bits >> shift == network.to_bits() >> shift
    };
    // RFC 6052: a translator sends it to the IPv4 address inside, which must be as public as if it had been dialled itself.
    if within(&NAT64) {
        return is_public_v4(embedded(bits));
    }
    // RFC 5214: so does a tunnel, whatever network the upper half names.
    if matches!((bits >> 32) & 0xffff_ffff, 0x0000_5efe | 0x0200_5efe) && !is_public_v4(embedded(bits)) {
        return false;
    }
    within(&GLOBAL_UNICAST) && !SPECIAL_V6.iter().any(within)
}

/// The IPv4 address in the last four bytes.
fn embedded(bits: u128) -> Ipv4Addr {
    Ipv4Addr::from_bits((bits & 0xffff_ffff) as u32)
}

/// IPv4 networks that are not the public internet.
const SPECIAL_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),        // this network; connecting to it reaches this machine
    ([10, 0, 0, 0], 8),       // private
    ([100, 64, 0, 0], 10),    // shared by a carrier's customers; one cloud's metadata service
    ([127, 0, 0, 0], 8),      // loopback
    ([168, 63, 129, 16], 32), // looks public; one cloud answers it inside every virtual machine
    ([169, 254, 0, 0], 16),   // link-local; metadata services of clouds
    ([172, 16, 0, 0], 12),    // private
    ([192, 0, 0, 0], 24),     // protocol assignments; one cloud's metadata service
    ([192, 0, 2, 0], 24),     // documentation
    ([192, 88, 99, 0], 24),   // 6to4 relays, withdrawn
    ([192, 168, 0, 0], 16),   // private
    ([198, 18, 0, 0], 15),    // benchmarking
    ([198, 51, 100, 0], 24),  // documentation
    ([203, 0, 113, 0], 24),   // documentation
    ([224, 0, 0, 0], 4),      // multicast
    ([240, 0, 0, 0], 4),      // reserved, and broadcast
];

/// All that has been given out of IPv6. Loopback, unspecified, IPv4-mapped, IPv4-compatible, unique local, link-local, site-local,
/// multicast and the translation prefix for local use are outside.
const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// The well-known prefix of translators to IPv4.
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// What is special within [`GLOBAL_UNICAST`].
const SPECIAL_V6: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments: Teredo, benchmarking, ORCHID
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4: any IPv4 address inside, and no working relay
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    /// FETCH-003, A-JWKS-01: the first and the last address of every network.
    #[test]
    fn no_special_network_is_public() {
        let ranges = "
            0.0.0.0 0.255.255.255
            10.0.0.0 10.255.255.255
            100.64.0.0 100.127.255.255
            127.0.0.0 127.255.255.255
            168.63.129.16 168.63.129.16
            169.254.0.0 169.254.255.255
            172.16.0.0 172.31.255.255
            192.0.0.0 192.0.0.255
            192.0.2.0 192.0.2.255
            192.88.99.0 192.88.99.255
            192.168.0.0 192.168.255.255
            198.18.0.0 198.19.255.255
            198.51.100.0 198.51.100.255
            203.0.113.0 203.0.113.255
            224.0.0.0 255.255.255.255
            :: 63:ffff:ffff:ffff:ffff:ffff:ffff:ffff
            ::ffff:0:0 ::ffff:ffff:ffff
            64:ff9b:0:0:0:1:: 1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
            64:ff9b:1:: 64:ff9b:1:ffff:ffff:ffff:ffff:ffff
            100:: 100::ffff:ffff:ffff:ffff
            2001:: 2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff
            2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff
            2002:: 2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff
            3fff:: 3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff
            4000:: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
            5f00:: 5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff
            fc00:: fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
            fe80:: febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff
            fec0:: feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
            ff00:: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
        ";
        for address in ranges.split_whitespace() {
            assert!(!public(address), "{address}");
        }
    }

    /// The neighbours of each network, so that no mask is a bit too short.
    #[test]
    fn what_lies_between_is_public() {
        let neighbours = "
            1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
            168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0
            191.255.255.255 192.0.1.0 192.0.3.0 192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0
            198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255
            2000:: 2001:200:: 2001:db7:ffff:: 2001:db9:: 2001:ffff:: 2003:: 2606:4700::1111
            3ffe:ffff:: 3fff:1000:: 3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
        ";
        for address in neighbours.split_whitespace() {
            assert!(public(address), "{address}");
        }
    }

    /// FETCH-003: an IPv4 address in another dress is the same address.
    #[test]
    fn embedded_addresses_are_judged_by_what_is_inside() {
        for inside in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "192.168.1.1", "0.0.0.0"] {
            let v4: Ipv4Addr = inside.parse().unwrap();
            let [a, b, c, d] = v4.octets().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            let dressed = [
                v4.to_ipv6_mapped(),
                v4.to_ipv6_compatible(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, !high, !low),
                Ipv6Addr::new(0x2606, 0, 0, 0, 0, 0x5efe, high, low),
                Ipv6Addr::new(0x2606, 0, 0, 0, 0x200, 0x5efe, high, low),
            ];
            for address in dressed {
                assert!(!is_public(address.into()), "{address}");
            }
        }
        assert!(public("64:ff9b::8.8.8.8"), "the way to IPv4 in a network that has none");
        assert!(!public("::ffff:8.8.8.8") && !public("2002:808:808::1"), "nobody publishes these honestly");
    }
}
