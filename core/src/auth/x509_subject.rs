//! The subject of a certificate as the text that stands in access control lists.
//!
//! It is the form of RFC 2253 exactly as Java prints it, because lists that were written with Apache
//! ZooKeeper compare it letter by letter: the last part first, nine names for attributes and numbers
//! for all others, values of those in hexadecimal.

use x509_parser::asn1_rs::{Any, Tag, ToDer};
use x509_parser::prelude::{AttributeTypeAndValue, FromDer, X509Certificate, X509Name};

/// The attributes that go by a name.
const NAMES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
];

/// Values of these kinds are printed as text.
const TEXTS: &[Tag] = &[
    Tag::PrintableString,
    Tag::T61String,
    Tag::Ia5String,
    Tag::GeneralString,
    Tag::BmpString,
    Tag::Utf8String,
];

/// What has a backslash in front wherever it stands.
const ESCAPED: &str = ",=+<>#;\"\\";

/// The name a certificate in DER is issued to; empty if it has none. `None` if the certificate or the
/// name cannot be understood.
pub fn of_certificate(der: &[u8]) -> Option<String> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then(|| rfc2253(certificate.subject()))?
}

fn rfc2253(name: &X509Name<'_>) -> Option<String> {
    let mut parts: Vec<_> = name.iter().collect();
    parts.reverse();
    let mut out = String::new();
    for (index, part) in parts.into_iter().enumerate() {
        for (within, attribute) in part.iter().enumerate() {
            match (index, within) {
                (0, 0) => {}
                (_, 0) => out.push(','),
                _ => out.push('+'),
            }
            append(&mut out, attribute)?;
        }
    }
    Some(out)
}

fn append(out: &mut String, attribute: &AttributeTypeAndValue<'_>) -> Option<()> {
    let number = attribute.attr_type().to_id_string();
    let name = NAMES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name);
    out.push_str(name.unwrap_or(&number));
    out.push('=');
    let value = attribute.attr_value();
    match text(value).filter(|_| name.is_some()) {
        Some(text) => append_escaped(out, text),
        None => {
            out.push('#');
            for byte in value.to_der_vec().ok()? {
                out.extend([byte >> 4, byte & 15].map(|digit| {
                    char::from_digit(digit.into(), 16).expect("four bits are one digit")
                }));
            }
        }
    }
    Some(())
}

/// The text of a value, if it has one. Java takes the bytes of every kind of text for UTF-8, and puts
/// one and the same sign for all that is none; two names must never look alike, so such a value counts
/// as no text here.
fn text<'a>(value: &Any<'a>) -> Option<&'a str> {
    if !TEXTS.contains(&value.tag()) {
        return None;
    }
    std::str::from_utf8(value.data).ok()
}

fn append_escaped(out: &mut String, text: &str) {
    // Java looks for blanks at both ends, and counts a carriage return as one.
    let is_blank = |sign: char| matches!(sign, ' ' | '\r');
    let lead = text.len() - text.trim_start_matches(is_blank).len();
    let trail = text.trim_end_matches(is_blank).len();
    for (at, sign) in text.char_indices() {
        if sign == '\0' {
            out.push_str("\\00");
            continue;
        }
        if at < lead || at >= trail || ESCAPED.contains(sign) {
            out.push('\\');
        }
        out.push(sign);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(hex: &str) -> String {
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
        let der: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        let (rest, name) = X509Name::from_der(&der).expect("a name");
        assert!(rest.is_empty(), "the name ends where the bytes end");
        rfc2253(&name).expect("it can be printed")
    }

    /// Names in DER, and what `X500Principal.getName()` of Java 17 prints for them.
    const JAVA: &[(&str, &str)] = &[
        (
            "303b310b30090603550406130244453110300e060355040a0c074578616d706c65310c300a060355040b\
             0c036f7073310c300a06035504030c03626f62",
            "CN=bob,OU=ops,O=Example,C=DE",
        ),
        (
            "307c310b300906035504080c024259310d300b06035504070c04426f6e6e310e300c06035504090c0557\
             6567203131133011060a0992268993f22c6401191603636f6d31173015060a0992268993f22c64011916\
             076578616d706c6531123010060a0992268993f22c6401010c026237310c300a06035504030c03616c6c",
            "CN=all,UID=b7,DC=example,DC=com,STREET=Weg 1,L=Bonn,ST=BY",
        ),
        (
            "303331163014060355040a0c0d4578616d706c652c20496e632e3119301706035504030c10612b623d22\
             63223c643e3b655c662367",
            "CN=a\\+b\\=\\\"c\\\"\\<d\\>\\;e\\\\f\\#g,O=Example\\, Inc.",
        ),
        (
            "3049310e300c06035504030c05206c6561643110300e06035504030c07747261696c2020310e300c0603\
             5504030c052368617368310a300806035504030c01203109300706035504030c00",
            "CN=,CN=\\ ,CN=\\#hash,CN=trail\\ \\ ,CN=\\ lead",
        ),
        ("301e311c301a06035504030c134ac3bc7267656e204772c3b6c39f6520e5908d", "CN=Jürgen Größe 名"),
        (
            "30493118300a06035504030c03626f62300a060355040b0c036f7073312d3008060355040a0c0178300f\
             060a0992268993f22c640119160179301006092a864886f70d01090116037a4071",
            "O=x+DC=y+1.2.840.113549.1.9.1=#16037a4071,CN=bob+OU=ops",
        ),
        (
            "308183311e301c06092a864886f70d010901160f626f62406578616d706c652e636f6d310c300a060355\
             04051303313233310c300a06035504040c03446f65310b3009060355040c0c024472310c300a06035504\
             2a0c03426f62310a3008060355042e1301713110300e06092b06010401868d1f010c0176310c300a0603\
             5504030c03626f62",
            "CN=bob,1.3.6.1.4.1.99999.1=#0c0176,2.5.4.46=#130171,2.5.4.42=#0c03426f62,2.5.4.12=#0\
             c024472,2.5.4.4=#0c03446f65,2.5.4.5=#1303313233,1.2.840.113549.1.9.1=#160f626f624065\
             78616d706c652e636f6d",
        ),
        ("300e310c300a06035504030c03610062", "CN=a\\00b"),
        ("30193117301506035504030c0e74616209686572650a6e6c0d6372", "CN=tab\there\nnl\rcr"),
        ("300f310d300b06035504030c040d0a2078", "CN=\\\r\n x"),
        ("3011310f300d06035504031e06004a006f0065", "CN=\\00J\\00o\\00e"),
        ("30173115301306035504031c0c0000004a0000006f00000065", "CN=#1c0c0000004a0000006f00000065"),
        (
            "3037310c300a06035504031b0367656e310c300a06035504031203313233310c300a06035504031a0376\
             6973310b3009060355040304020102",
            "CN=#04020102,CN=#1a03766973,CN=#1203313233,CN=gen",
        ),
        (
            "30283126302406035504030c1d2a2e782f793a7a3f287729272d2e3d40212425265e5f607b7c7d7e5b5d",
            "CN=*.x/y:z?(w)'-.\\=@!$%&^_`{|}~[]",
        ),
    ];

    #[test]
    fn names_are_printed_as_java_prints_them() {
        for (der, java) in JAVA {
            assert_eq!(printed(der), *java);
        }
    }

    #[test]
    fn a_long_value_keeps_its_length_in_two_bytes() {
        let value = "79".repeat(200);
        let der = format!("3081dc3181d93081d606092b06010401868d1f010c81c8{value}");
        // The identifier above is 1.3.6.1.4.1.99999.1.
        assert_eq!(printed(&der), format!("1.3.6.1.4.1.99999.1=#0c81c8{value}"));
    }

    #[test]
    fn what_is_no_text_is_shown_byte_by_byte() {
        assert_eq!(printed("300d310b3009060355040314024af6"), "CN=#14024af6");
        assert_ne!(
            printed("300d310b3009060355040314024af6"),
            printed("300d310b3009060355040314024afc"),
            "two names look alike"
        );
    }

    #[test]
    fn no_name_is_empty_and_no_certificate_is_nothing() {
        assert_eq!(printed("3000"), "");
        assert_eq!(of_certificate(b""), None);
        assert_eq!(of_certificate(&[0x30; 64]), None);
    }
}
