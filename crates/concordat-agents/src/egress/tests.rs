use std::net::IpAddr;
use std::sync::Arc;

use super::{Allowed, Egress, Endpoint, Guard, HostPort};

/// `default`, `loopback`, or what an operator allows; then the endpoint; then a word of the
/// reason, or `ok`.
fn check(rule: &str, endpoint: &str, expected: &str) {
    let egress = match rule {
        "default" => Egress::default(),
        "loopback" => Egress { allow_loopback: true, ..Egress::default() },
        host => Egress { allow: vec![host.parse().unwrap()], ..Egress::default() },
    };
    let said = match Endpoint::parse(endpoint).map_err(|e| e.to_string()) {
        Err(bad) => bad,
        Ok(parsed) => match egress.check(&parsed) {
            Ok(()) => "ok".to_owned(),
            Err(why) => why.to_string(),
        },
    };
    assert!(said.contains(expected), "{rule}: {endpoint}: expected `{expected}`, but: {said}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn denied_forms() {
    for (endpoint, why) in [
        ("https://127.0.0.1/", "a loopback"),
        ("https://127.1/", "a loopback"),
        ("https://2130706433/", "a loopback"),
        ("https://0x7f.1/", "a loopback"),
        ("https://0x7f000001/", "a loopback"),
        ("https://017700000001/", "a loopback"),
        ("https://127.0.0.1./", "a loopback"),
        ("https://127.255.255.254/", "a loopback"),
        ("https://\u{ff11}27.0.0.1/", "a loopback"),
        ("https://127\u{3002}0\u{3002}0\u{3002}1/", "a loopback"),
        ("https://%31%32%37.0.0.1/", "a loopback"),
        ("https://localhost/", "name of this machine"),
        ("https://localhost./", "name of this machine"),
        ("https://LOCALHOST:8443/", "name of this machine"),
        ("https://agent.localhost/", "name of this machine"),
        ("https://[::1]/", "a loopback"),
        ("https://[0:0:0:0:0:0:0:1]/", "a loopback"),
        ("https://[::ffff:127.0.0.1]/", "inside"),
        ("https://[::ffff:7f00:1]/", "inside"),
        ("https://[::ffff:8.8.8.8]/", "inside"),
        ("https://[::127.0.0.1]/", "inside"),
        ("https://[64:ff9b::7f00:1]/", "inside"),
        ("https://[64:ff9b:1::1]/", "inside"),
        ("https://[2002:7f00:1::]/", "inside"),
        ("https://[2001:0:7f00:1::]/", "inside"),
        ("https://[2001:db8::1]/", "a reserved"),
        ("https://[2001:20::1]/", "a reserved"),
        ("https://[3fff::1]/", "a reserved"),
        ("https://[100::1]/", "a reserved"),
        ("https://[5f00::1]/", "a reserved"),
        ("https://[fd00::1]/", "a private"),
        ("https://[fc00::1]/", "a private"),
        ("https://[fec0::1]/", "a private"),
        ("https://[fe80::1]/", "a link-local"),
        ("https://[febf::1]/", "a link-local"),
        ("https://[ff02::1]/", "a multicast"),
        ("https://[::]/", "an unspecified"),
        ("https://0.0.0.0/", "an unspecified"),
        ("https://0/", "an unspecified"),
        ("https://0.1.2.3/", "a reserved"),
        ("https://10.0.0.1/", "a private"),
        ("https://172.16.0.1/", "a private"),
        ("https://172.31.255.255/", "a private"),
        ("https://192.168.1.1/", "a private"),
        ("https://100.64.0.1/", "a carrier's shared"),
        ("https://100.127.255.255/", "a carrier's shared"),
        ("https://169.254.169.254/latest/meta-data", "a link-local"),
        ("https://2852039166/latest/meta-data", "a link-local"),
        ("https://0xa9fea9fe/", "a link-local"),
        ("https://0251.0376.0251.0376/", "a link-local"),
        ("https://0xa9.254.0251.254/", "a link-local"),
        ("https://169.254.43518/", "a link-local"),
        ("https://[fd00:ec2::254]/", "a private"),
        ("https://[::ffff:169.254.169.254]/", "inside"),
        ("https://[64:ff9b::a9fe:a9fe]/", "inside"),
        ("https://[2002:a9fe:a9fe::]/", "inside"),
        ("https://100.100.100.200/", "a carrier's shared"),
        ("https://0x0a.1/", "a private"),
        ("https://012.0.0.1/", "a private"),
        ("https://192.0.0.8/", "a reserved"),
        ("https://192.0.2.1/", "a reserved"),
        ("https://192.88.99.1/", "a reserved"),
        ("https://198.18.0.1/", "a reserved"),
        ("https://198.19.255.255/", "a reserved"),
        ("https://198.51.100.7/", "a reserved"),
        ("https://203.0.113.9/", "a reserved"),
        ("https://224.0.0.1/", "a multicast"),
        ("https://240.0.0.1/", "a reserved"),
        ("https://255.255.255.255/", "a reserved"),
        ("http://agents.example/", "plain http"),
        ("http://8.8.8.8/", "plain http"),
        ("ftp://agents.example/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("unix:/run/db.sock", "scheme"),
        ("//agents.example/", "not a URL"),
        ("https://", "not a URL"),
        ("https://999.1.1.1/", "not a URL"),
        ("https://user@agents.example/", "credentials"),
        ("https://:secret@agents.example/", "credentials"),
        ("https://agents.example\\@10.0.0.1/", "backslash"),
        ("https://agents.example/\t", "control character"),
        ("https://agents.example/a b", "a space"),
        (" https://agents.example/", "a space"),
        ("https://agents.example/#x", "fragment"),
        ("https://agents.example/?to=10.0.0.1", "query"),
        ("https://agents.example:0/", "no port"),
        ("https://agents.example:65536/", "not a URL"),
    ] {
        check("default", endpoint, why);
    }
}

#[test]
fn allowed_forms() {
    for (rule, endpoint) in [
        ("default", "https://agents.example/"),
        ("default", "https://agents.example"),
        ("default", "https://agents.example:8443/credit"),
        ("default", "HTTPS://Agents.Example./"),
        ("default", "https://b\u{fc}cher.example/"),
        ("default", "https://8.8.8.8/"),
        ("default", "https://172.32.0.1/"),
        ("default", "https://100.128.0.1/"),
        ("default", "https://[2606:4700::1111]/"),
        ("default", "https://[2a00:1450:4001::5]:8443/"),
        ("default", "https://localhost.example/"),
        ("loopback", "http://127.0.0.1:8001/"),
        ("loopback", "http://[::1]:8001/"),
        ("loopback", "http://localhost:8001/"),
        ("loopback", "https://localhost./"),
        ("10.0.0.7:8001", "http://10.0.0.7:8001/"),
        ("10.0.0.7:8001", "https://10.0.0.7:8001/a/b"),
        ("[fd00::7]:443", "https://[fd00::7]/"),
        ("agents.internal:80", "http://agents.internal/"),
        ("127.0.0.1:8001", "http://127.0.0.1:8001/"),
        ("10.20.0.0/16", "https://10.20.0.7/"),
        ("10.20.0.0/16", "https://10.20.255.255:8443/a"),
        ("10.20.3.4/16", "https://10.20.0.1/"),
        ("100.64.0.0/10", "https://100.127.0.1/"),
        ("fd12::/16", "https://[fd12::7]/"),
        ("10.0.0.7/32", "https://10.0.0.7/"),
    ] {
        check(rule, endpoint, "ok");
    }
}

#[test]
fn what_was_not_allowed_stays_closed() {
    for (rule, endpoint, why) in [
        ("loopback", "http://10.0.0.7:8001/", "a private"),
        ("loopback", "http://[::ffff:127.0.0.1]:8001/", "inside"),
        ("loopback", "http://0.0.0.0:8001/", "an unspecified"),
        ("loopback", "http://agents.example/", "plain http"),
        ("10.0.0.7:8001", "http://10.0.0.7:8002/", "a private"),
        ("10.0.0.7:8001", "http://10.0.0.8:8001/", "a private"),
        ("agents.internal:80", "http://agents.internal:81/", "plain http"),
        ("agents.internal:80", "http://x.agents.internal/", "plain http"),
        ("169.254.169.254:80", "http://169.254.169.254/", "a link-local"),
        ("10.20.0.0/16", "https://10.21.0.7/", "a private"),
        ("10.20.0.0/16", "http://10.20.0.7/", "plain http"),
        ("10.20.0.0/16", "https://[::ffff:10.20.0.7]/", "inside"),
        ("10.20.0.0/16", "https://127.0.0.1/", "a loopback"),
        ("10.20.0.0/16", "https://192.168.0.1/", "or the network that it is of"),
        ("fd12::/16", "https://[fd13::7]/", "a private"),
    ] {
        check(rule, endpoint, why);
    }
}

#[test]
fn our_own_sockets_stay_closed() {
    for (own, endpoint, closed) in [
        ("127.0.0.1:8080", "http://127.0.0.1:8080/", true),
        ("127.0.0.1:8080", "http://127.0.0.1:8081/", false),
        ("0.0.0.0:8080", "http://127.0.0.1:8080/", true),
        ("0.0.0.0:8080", "http://127.0.0.9:8080/", true),
        ("[::]:8080", "http://[::1]:8080/", true),
        ("[::]:8080", "http://127.0.0.1:8080/", true),
        ("8.8.4.4:443", "https://8.8.4.4/", true),
        ("8.8.4.4:443", "https://8.8.4.4:444/", false),
    ] {
        let egress = Egress {
            allow_loopback: true,
            deny: vec![own.parse().unwrap()],
            allow: vec!["127.0.0.1:8080".parse().unwrap()],
        };
        assert_eq!(egress.check(&Endpoint::parse(endpoint).unwrap()).is_err(), closed, "{own} {endpoint}");
    }
}

#[test]
fn names_are_refused_whole() {
    let egress = Arc::new(Egress {
        allow_loopback: true,
        allow: ["agents.internal:443", "10.20.0.0/16"].map(|allowed| allowed.parse().unwrap()).into(),
        deny: vec!["8.8.4.4:443".parse().unwrap()],
    });
    for (name, addresses, passes) in [
        ("agents.example", "8.8.8.8", true),
        ("agents.example", "8.8.8.8 2606:4700::1111", true),
        ("agents.example", "8.8.8.8 10.0.0.1", false),
        ("agents.example", "127.0.0.1", false),
        ("agents.example", "169.254.169.254", false),
        ("agents.example", "::ffff:8.8.8.8", false),
        ("agents.example", "8.8.4.4", false),
        ("agents.example", "", false),
        ("agents.internal", "10.0.0.1 fd00::1 127.0.0.1", true),
        ("agents.internal", "10.0.0.1 169.254.169.254", false),
        ("agents.internal", "8.8.4.4", false),
        ("localhost", "127.0.0.1 ::1", true),
        ("localhost", "10.0.0.1", false),
        ("mesh.example", "10.20.0.1 10.20.0.2", true),
        ("mesh.example", "10.20.0.1 8.8.8.8", true),
        ("mesh.example", "10.20.0.1 10.21.0.1", false),
        ("not a name", "8.8.8.8", false),
    ] {
        let found =
            addresses.split_whitespace().map(|a| (a.parse::<IpAddr>().unwrap(), 443).into()).collect();
        let said = Guard::new(egress.clone(), 443).vet(name, found);
        assert_eq!(said.is_ok(), passes, "{name} -> {addresses}: {said:?}");
    }
}

#[test]
fn operators_write_host_and_port() {
    for (text, read) in [
        ("agents.internal:8001", "agents.internal:8001"),
        ("Agents.Internal.:443", "agents.internal:443"),
        ("127.1:80", "127.0.0.1:80"),
        ("[::1]:8001", "[::1]:8001"),
    ] {
        assert_eq!(text.parse::<HostPort>().unwrap().to_string(), read);
    }
    for text in
        ["agents.internal", "a:0", "a:x", "a:1:2", "a:443:2", "a/b:1", "u@a:1", "a b:1", ":1", "a:70000"]
    {
        assert!(text.parse::<HostPort>().is_err(), "{text}");
    }
}

#[test]
fn execute_stands_below_the_endpoint() {
    for (endpoint, below) in [
        ("https://a.example", "https://a.example/execute"),
        ("https://a.example/", "https://a.example/execute"),
        ("https://a.example/credit/", "https://a.example/credit/execute"),
        ("https://a.example/x/../credit", "https://a.example/credit/execute"),
    ] {
        assert_eq!(Endpoint::parse(endpoint).unwrap().below("execute").as_str(), below);
    }
}

#[test]
fn only_networks_of_ones_own_are_opened() {
    for (text, read) in
        [("10.20.3.4/16", "10.20.0.0/16"), ("fd12::1/64", "fd12::/64"), ("a.internal:443", "a.internal:443")]
    {
        assert_eq!(text.parse::<Allowed>().unwrap().to_string(), read);
    }
    for (text, why) in [
        ("0.0.0.0/0", "not within"),
        ("10.0.0.0/7", "not within"),
        ("8.8.8.0/24", "not within"),
        ("127.0.0.0/8", "not within"),
        ("169.254.169.254/32", "not within"),
        ("::/0", "not within"),
        ("::ffff:10.0.0.0/104", "not within"),
        ("10.0.0.0/33", "is not a network"),
        ("10.0.0.0/x", "is not a network"),
        ("a.internal/16", "is not a network"),
        ("a.internal", "port"),
    ] {
        let said = text.parse::<Allowed>().unwrap_err().to_string();
        assert!(said.contains(why), "{text}: {said}");
    }
}
