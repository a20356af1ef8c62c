use super::*;

fn revision(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

fn decision() -> DecisionId {
    "dec_01h455vb4pex5vsknk084sn02q".parse().unwrap()
}

/// Words such as `install a`, `publish b`, `shadow b`, `canary b`, `enforce b`, `withdraw b`, `back c b`.
fn fold(story: &str) -> PolicyBook {
    let mut book = PolicyBook::default();
    for told in story.split(", ") {
        let words: Vec<&str> = told.split(' ').collect();
        let named = revision(words[1]);
        let promoted = |to| PolicyEvent::Promoted {
            revision: named,
            to,
            by: "pat".parse().unwrap(),
            reason: "because".to_owned(),
            break_glass: None,
            most_differ: None,
            decision: decision(),
        };
        let event = match words[0] {
            "install" => PolicyEvent::Installed { revision: named, tests: 3 },
            "publish" => PolicyEvent::Published {
                revision: named,
                label: None,
                author: "ann".parse().unwrap(),
                tests: 3,
                warnings: 0,
                access: decision(),
            },
            "shadow" => promoted(Stage::Shadow),
            "canary" => promoted(Stage::Canary { share: Share::of(0.1) }),
            "enforce" => promoted(Stage::Enforced),
            "off" => promoted(Stage::Off),
            "withdraw" => PolicyEvent::Withdrawn { revision: named, cause: Withdrawal::Expired },
            "back" => PolicyEvent::RolledBack {
                revision: named,
                to: revision(words[2]),
                cause: Withdrawal::Expired,
            },
            other => panic!("`{other}`"),
        };
        book.apply(&event, "2026-01-01T00:00:00Z".parse().unwrap());
    }
    book
}

/// What is enforced, what was before it, and what is on trial, in one-letter names.
fn told(story: &str) -> String {
    let book = fold(story);
    let name = |standing: Option<&Standing>| {
        standing.map_or("-".to_owned(), |standing| {
            let found = ["a", "b", "c", "d"].into_iter().find(|name| revision(name) == standing.revision);
            found.unwrap().to_owned()
        })
    };
    format!("{} {} {}", name(book.enforced()), name(book.before()), name(book.trial()))
}

#[test]
fn one_is_enforced_and_one_is_on_trial() {
    for (story, wanted) in [
        ("install a", "a - -"),
        ("install a, publish b", "a - -"),
        ("install a, publish b, shadow b", "a - b"),
        ("install a, publish b, shadow b, canary b", "a - b"),
        ("install a, publish b, shadow b, publish c, shadow c", "a - c"),
        ("install a, publish b, shadow b, withdraw b", "a - -"),
        ("install a, publish b, shadow b, off b", "a - -"),
        ("install a, publish b, shadow b, enforce b", "b a -"),
        ("install a, publish b, publish c, shadow c, enforce b", "b a c"),
        ("install a, publish b, enforce b, back b a", "a - -"),
        ("install a, publish b, enforce b, publish c, enforce c, back c b", "b a -"),
        ("install a, publish b, enforce b, enforce a", "a b -"),
        ("install a, publish b, enforce b, enforce b", "b a -"),
        ("install a, publish b, enforce b, install c", "c b -"),
    ] {
        assert_eq!(told(story), wanted, "{story}");
    }
}

#[test]
fn a_revision_stands_where_it_was_put_last() {
    let book = fold("install a, publish b, canary b");
    assert_eq!(book.stage(&revision("a")), Stage::Enforced);
    assert_eq!(book.stage(&revision("b")), Stage::Canary { share: Share::of(0.1) });
    assert_eq!(book.stage(&revision("c")), Stage::Off);
    assert_eq!(book.revisions().count(), 2);
}
