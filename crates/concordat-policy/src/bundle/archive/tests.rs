use jsonwebtoken::{EncodingKey, encode};
use serde_json::json;

use super::*;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(plain).unwrap();
    packed.finish().unwrap()
}

/// An archive of entries with these names, kinds and contents, whatever they are.
fn raw(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, kind, content) in entries {
        let mut header = Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_entry_type(*kind);
        header.set_cksum();
        archive.append(&header, *content).unwrap();
    }
    gzip(&archive.into_inner().unwrap())
}

fn told(bytes: &[u8]) -> String {
    read(bytes, &Trusted::default()).map_or_else(|error| error.to_string(), |_| "fine".to_owned())
}

const A: &[u8] = b"package a\n";

#[test]
fn an_archive_is_the_bundle_of_its_files() {
    let files: Files = vec![
        ("b/data.json".to_owned(), b"{\"c\": 1}".to_vec()),
        (".manifest".to_owned(), b"{\"revision\": \"v7\"}".to_vec()),
        ("a.rego".to_owned(), A.to_vec()),
    ];
    let wanted = Bundle::from_files(files.iter().map(|(path, bytes)| (path, bytes))).unwrap();
    let packed = pack(&files).unwrap();
    assert_eq!(read(&packed, &Trusted::default()).unwrap(), wanted);
    let turned: Files = files.iter().rev().cloned().collect();
    assert_eq!(pack(&turned).unwrap(), packed);
    // As OPA and `tar` name them, with what belongs to no bundle beside.
    let regular = EntryType::Regular;
    let opa = raw(&[
        ("/b/data.json", regular, b"{\"c\": 1}"),
        ("/.manifest", regular, b"{\"revision\": \"v7\"}"),
        ("./a.rego", regular, A),
        ("./", EntryType::Directory, b""),
        ("README.md", regular, b"read me"),
    ]);
    assert_eq!(read(&opa, &Trusted::default()).unwrap(), wanted);
}

#[test]
fn what_no_archive_may_hold_is_refused_by_name() {
    let regular = EntryType::Regular;
    for (name, kind, wanted) in [
        ("../a.rego", regular, "`../a.rego` is a path outside of the bundle"),
        ("a/../../b.rego", regular, "`a/../../b.rego` is a path outside"),
        ("//etc/a.rego", regular, "`//etc/a.rego` is a path outside"),
        ("a\\b.rego", regular, "is a path outside"),
        ("a.rego", EntryType::Symlink, "`a.rego` is a link"),
        ("a.rego", EntryType::Link, "`a.rego` is a link"),
        ("a.rego", EntryType::Char, "`a.rego` is a device"),
        ("a.rego", EntryType::Fifo, "`a.rego` is a pipe"),
        ("data.yaml", regular, "`data.yaml`, which would be lost: write the data as `data.json`"),
        ("x/policy.wasm", regular, "`policy.wasm`, which would be lost"),
        ("patch.json", regular, "`patch.json`, which would be lost"),
        ("a b.rego", regular, "`a b.rego` is not the path of a policy file"),
        ("\u{1b}[2J/../a.rego", regular, "`\\u{1b}[2J/../a.rego` is a path outside"),
    ] {
        let told = told(&raw(&[(name, kind, b"")]));
        assert!(told.contains(wanted), "{name:?}: {told}");
    }
    assert!(
        told(&raw(&[("a.rego", regular, A), ("/a.rego", regular, A)])).contains("`a.rego` is in it twice")
    );
}

#[test]
fn what_is_no_archive_or_too_large_is_refused() {
    assert!(told(b"").contains("not a"), "{}", told(b""));
    assert!(told(b"PK\x03\x04").contains("it is not a gzipped tar"));
    assert!(told(&gzip(&[b'x'; 2_000])).contains("it is not a whole tar"));
    let bomb = gzip(&vec![0; 256 * 1024 * 1024]);
    assert!(bomb.len() < MOST_ARCHIVE);
    assert!(told(&bomb).contains("packed or not"));
    // A header that promises more than there is.
    let mut header = Header::new_gnu();
    header.set_path("a.rego").unwrap();
    header.set_size(1 << 40);
    header.set_cksum();
    assert!(told(&gzip(header.as_bytes())).contains("bytes"));
    header.set_size(1_000);
    header.set_cksum();
    let cut = [&header.as_bytes()[..], b"package a"].concat();
    assert!(told(&gzip(&cut)).contains("the archive is refused"));
    let many: Files = (0..=MOST_ENTRIES).map(|n| (format!("{n}.txt"), Vec::new())).collect();
    assert!(told(&pack(&many).unwrap()).contains("more than"));
}

/// What comes of an archive that is signed so.
fn signed(algorithm: &str, secret: &[u8], claims: &serde_json::Value, trusted: &Trusted) -> String {
    let header = jsonwebtoken::Header::new(algorithm.parse().unwrap());
    with_token(&encode(&header, claims, &EncodingKey::from_secret(secret)).unwrap(), trusted)
}

fn with_token(token: &str, trusted: &Trusted) -> String {
    let files: Files = vec![
        ("a.rego".to_owned(), A.to_vec()),
        ("data.json".to_owned(), b"{ \"b\": 1.0, \"a\": \"<\" }".to_vec()),
        (SIGNATURES.to_owned(), json!({ "signatures": [token] }).to_string().into_bytes()),
    ];
    read(&pack(&files).unwrap(), trusted).map_or_else(|error| error.to_string(), |_| "fine".to_owned())
}

fn claims() -> serde_json::Value {
    let (policy, data) = (
        hash::of("a.rego", A, "SHA-256").unwrap(),
        hash::of("a.rego", b"{\"a\":\"<\",\"b\":1.0}", "SHA-512").unwrap(),
    );
    json!({
        "files": [
            {"name": "a.rego", "hash": policy, "algorithm": "SHA-256"},
            {"name": "/data.json", "hash": data, "algorithm": "SHA-512"},
        ],
        "keyid": "ours", "scope": "write", "iat": 1_592_248_027, "iss": "somebody",
    })
}

fn trusting(algorithm: &str, material: &[u8]) -> Trusted {
    let keys = [("ours".to_owned(), Key::new(algorithm, material).unwrap())].into();
    Trusted { keys, required: true, key: None, scope: None }
}

#[test]
fn a_signature_covers_exactly_the_files() {
    let (secret, trusted) = (b"secret", trusting("HS256", b"secret"));
    assert_eq!(signed("HS256", secret, &claims(), &trusted), "fine");
    let add = |claims: &mut serde_json::Value, file| claims["files"].as_array_mut().unwrap().push(file);
    let check = |change: &dyn Fn(&mut serde_json::Value), wanted: &str| {
        let mut claims = claims();
        change(&mut claims);
        let told = signed("HS256", secret, &claims, &trusted);
        assert!(told.contains(wanted), "{told}");
    };
    check(&|claims| claims["files"][0]["hash"] = "00".into(), "`a.rego` is not what was signed");
    check(&|claims| claims["files"][1]["name"] = "b.json".into(), "it does not cover `data.json`");
    check(
        &|claims| add(claims, json!({"name": "c", "hash": "", "algorithm": "SHA-256"})),
        "`c` was signed and",
    );
    check(&|claims| add(claims, claims["files"][0].clone()), "names a file twice");
    check(&|claims| claims["files"][0]["algorithm"] = "MD5".into(), "`MD5` is not one of");
    check(&|claims| claims["keyid"] = "theirs".into(), "the key `theirs`, which is not among");
    check(&|claims| claims["keyid"] = "".into(), "it does not name its key");
    check(&|claims| claims["files"] = json!({}), "it does not hold");
}

#[test]
fn only_a_trusted_key_signs() {
    let (secret, wrong) = (b"secret", b"wrong");
    let trusted = trusting("HS256", b"secret");
    assert!(signed("HS256", wrong, &claims(), &trusted).contains("it does not hold: InvalidSignature"));
    assert!(signed("HS384", secret, &claims(), &trusted).contains("it does not hold: InvalidAlgorithm"));
    assert!(signed("HS256", secret, &claims(), &Trusted::default()).contains("not among the trusted ones"));
    let scoped = Trusted { scope: Some("read".to_owned()), ..trusted.clone() };
    assert!(signed("HS256", secret, &claims(), &scoped).contains("not for the scope `read`"));
    let named = Trusted { key: Some("other".to_owned()), ..trusted.clone() };
    assert!(signed("HS256", secret, &claims(), &named).contains("the key `other`"));
    let unsigned = raw(&[("a.rego", EntryType::Regular, A)]);
    assert_eq!(told(&unsigned), "fine");
    assert!(
        read(&unsigned, &trusted).unwrap_err().to_string().contains("there is none, and one is required")
    );
    for signatures in [
        "{}",
        "{\"signatures\": []}",
        "{\"signatures\": [\"a.b.c\"]}",
        "[",
        "{\"signatures\": [\"a\", \"b\"]}",
    ] {
        let odd = raw(&[
            (SIGNATURES, EntryType::Regular, signatures.as_bytes()),
            ("a.rego", EntryType::Regular, A),
        ]);
        assert!(told(&odd).contains("signature"), "{signatures}");
    }
}

#[test]
fn keys_of_every_kind_verify() {
    // Signed once with `openssl`, with keys of which only the public half was kept.
    let (rsa, ec) = (include_bytes!("keys/rsa.pem"), include_bytes!("keys/ec.pem"));
    assert_eq!(with_token(include_str!("keys/rsa.jwt"), &trusting("RS256", rsa)), "fine");
    assert_eq!(with_token(include_str!("keys/ec.jwt"), &trusting("ES256", ec)), "fine");
    // Whoever knows a public key must not be able to sign with it as if it were a secret.
    assert!(signed("HS256", rsa, &claims(), &trusting("RS256", rsa)).contains("InvalidAlgorithm"));
    for (algorithm, material, wanted) in [
        ("none", &b""[..], "there is no algorithm `none`"),
        ("RS256", b"nonsense", "the key for RS256 cannot be read"),
        ("ES256", rsa, "the key for ES256 cannot be read"),
    ] {
        let told = Key::new(algorithm, material).unwrap_err().to_string();
        assert!(told.contains(wanted), "{told}");
    }
}
