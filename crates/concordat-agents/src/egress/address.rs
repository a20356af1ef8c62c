//! Which addresses are not the public internet.
//!
//! IPv4 is a list of closed ranges (IANA's special-purpose registry). IPv6 is the other way round: only global
//! unicast is open, less the parts of it that carry another address inside or are reserved. The standard
//! library's `is_loopback` and its kin do not see through mapped, translated or tunnelled addresses, so they
//! are not used.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A kind of address that is not the public internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// This machine.
    Loopback,
    /// A private network: RFC 1918, or unique local IPv6.
    Private,
    /// A carrier's shared network, RFC 6598.
    Shared,
    /// The local link, where clouds keep their metadata services.
    LinkLocal,
    /// A group of machines.
    Multicast,
    /// No address at all; operating systems take it for this machine.
    Unspecified,
    /// IPv6 with an IPv4 address inside: mapped, compatible, NAT64, 6to4, Teredo.
    Embedded,
    /// Reserved for documentation, tests, protocols or the future.
    Reserved,
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Range::Loopback => "a loopback address",
            Range::Private => "a private address",
            Range::Shared => "a carrier's shared address",
            Range::LinkLocal => "a link-local address",
            Range::Multicast => "a multicast address",
            Range::Unspecified => "an unspecified address",
            Range::Embedded => "an IPv6 address with an IPv4 address inside",
            Range::Reserved => "a reserved address",
        })
    }
}

impl Range {
    /// What can be done about it, as the end of a sentence; nothing, where the range stays closed.
    pub(super) fn way_out(self) -> &'static str {
        match self {
            Range::Loopback => "; hint: let an operator allow loopback, or this host and port",
            Range::Private | Range::Shared => {
                "; hint: let an operator allow this host and port, or the network that it is of"
            }
            Range::LinkLocal | Range::Multicast | Range::Unspecified | Range::Embedded | Range::Reserved => {
                ""
            }
        }
    }

    /// The closed range that `address` lies in; `None` for the public internet.
    #[must_use]
    pub fn of(address: IpAddr) -> Option<Range> {
        match address {
            IpAddr::V4(four) => of_four(four),
            IpAddr::V6(six) => of_six(six),
        }
    }
}

/// Network, prefix length in bits, kind. The first match counts.
const CLOSED_FOUR: &[(Ipv4Addr, u32, Range)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 32, Range::Unspecified),
    (Ipv4Addr::new(0, 0, 0, 0), 8, Range::Reserved),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Range::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Range::Shared),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Range::Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Range::LinkLocal),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Range::Private),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Range::Reserved),
    (Ipv4Addr::new(192, 0, 2, 0), 24, Range::Reserved),
    (Ipv4Addr::new(192, 88, 99, 0), 24, Range::Reserved),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Range::Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Range::Reserved),
    (Ipv4Addr::new(198, 51, 100, 0), 24, Range::Reserved),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Range::Reserved),
    (Ipv4Addr::new(224, 0, 0, 0), 4, Range::Multicast),
    (Ipv4Addr::new(240, 0, 0, 0), 4, Range::Reserved),
];

fn of_four(address: Ipv4Addr) -> Option<Range> {
    let within = |network: Ipv4Addr, bits: u32| (address.to_bits() ^ network.to_bits()) >> (32 - bits) == 0;
    CLOSED_FOUR.iter().find(|(network, bits, _)| within(*network, *bits)).map(|(_, _, range)| *range)
}

/// As above. `::/96` holds the compatible addresses; the global unicast space, `2000::/3`, is what remains open.
const CLOSED_SIX: &[(Ipv6Addr, u32, Range)] = &[
    (Ipv6Addr::UNSPECIFIED, 128, Range::Unspecified),
    (Ipv6Addr::LOCALHOST, 128, Range::Loopback),
    (Ipv6Addr::UNSPECIFIED, 96, Range::Embedded),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, Range::Embedded),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, Range::Embedded),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, Range::Embedded),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, Range::Embedded),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, Range::Reserved),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, Range::Reserved),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, Range::Embedded),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Range::Reserved),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Range::Private),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, Range::LinkLocal),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, Range::Private),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, Range::Multicast),
];

fn of_six(address: Ipv6Addr) -> Option<Range> {
    let within = |network: Ipv6Addr, bits: u32| (address.to_bits() ^ network.to_bits()) >> (128 - bits) == 0;
    let named = CLOSED_SIX.iter().find(|(network, bits, _)| within(*network, *bits));
    match named {
        Some((_, _, range)) => Some(*range),
        None if within(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3) => None,
        None => Some(Range::Reserved),
    }
}
