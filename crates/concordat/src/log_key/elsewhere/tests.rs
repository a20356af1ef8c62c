use std::fs;

use concordat_ledger::Signer;
use concordat_ledger::tree::leaf_hash;

use super::*;

const NAME: &str = "concordat/a";
/// Signs with openssl, whatever comes, and writes down which process it is.
const HONEST: &str = r#"cd "$1"; echo $$ >> started
while read -r line; do
  printf %s "$line" | openssl base64 -d -A > text
  openssl pkeyutl -sign -rawin -inkey key.pem -in text | openssl base64 -A; echo
done"#;

/// A program in a folder of its own, with a key that openssl made.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        let (key, public) = (place.file("key.pem"), place.file("public.pem"));
        for arguments in [
            ["genpkey", "-algorithm", "ed25519", "-out", &key].as_slice(),
            &["pkey", "-in", &key, "-pubout", "-out", &public],
        ] {
            assert!(std::process::Command::new("openssl").args(arguments).status().unwrap().success());
        }
        place
    }

    fn file(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn program(&self, script: &str, patience: Duration) -> Program {
        let verifier = public(Path::new(&self.file("public.pem")), NAME).unwrap();
        let command = ["sh", "-c", script, "sh", &self.file("")].map(str::to_owned).to_vec();
        Program { command, verifier, patience, running: Mutex::default() }
    }
}

fn tree(size: u64) -> Frontier {
    let mut tree = Frontier::new();
    for index in 0..size {
        tree.append(leaf_hash(&index.to_be_bytes()));
    }
    tree
}

#[tokio::test]
async fn one_process_signs_again_and_again() {
    let place = Place::new();
    let program = place.program(HONEST, PATIENCE);
    for size in [0, 1, 1000] {
        let checkpoint = program.sign(&tree(size)).await.unwrap();
        let opened = Checkpoint::open(checkpoint.note().as_bytes(), std::slice::from_ref(&program.verifier));
        assert_eq!((opened.as_ref(), checkpoint.size()), (Ok(&checkpoint), size));
    }
    assert_eq!(fs::read_to_string(place.file("started")).unwrap().lines().count(), 1);
}

#[tokio::test]
async fn whatever_is_no_signature_is_refused() {
    let place = Place::new();
    for (script, wanted) in [
        ("exit 1", "broke off|ended without"),
        ("read -r line; echo $$", "no signature"),
        // Whether it ended before it was asked, or before it was read, is a matter of luck.
        ("echo $$", "no signature|broke off"),
        ("while read -r line; do head -c 64 /dev/zero | openssl base64 -A; echo; done", "no signature"),
        ("while read -r line; do echo \"$line\"; done", "no signature"),
        ("read -r line; yes | tr -d '\\n'", "no signature"),
        ("read -r line; printf '\\377\\376\\n'", "broke off"),
    ] {
        let refused = place.program(script, PATIENCE).sign(&tree(3)).await.unwrap_err();
        assert!(wanted.split('|').any(|wanted| refused.contains(wanted)), "{script}: {refused}");
    }
    let hanging = place.program("cat > /dev/null", Duration::from_millis(50));
    let refused = hanging.sign(&tree(3)).await.unwrap_err();
    assert!(refused.contains("did not answer within 50 ms"), "{refused}");
    assert!(hanging.running.lock().await.is_none(), "a late answer is not waited for");
    let missing = Program { command: vec!["/no/such/program".into()], ..hanging };
    assert!(missing.sign(&tree(3)).await.unwrap_err().contains("cannot be started"));
}

#[tokio::test]
async fn a_program_that_failed_is_started_anew() {
    let place = Place::new();
    // It answers twice to the first question: were the second answer taken for the next one, nothing would fit again.
    let script =
        format!("[ -e \"$1/started\" ] || {{ read -r line; echo {0}; echo {0}; }}; {HONEST}", "AAAA");
    let program = place.program(&script, PATIENCE);
    fs::remove_file(place.file("started")).unwrap_or_default();
    assert!(program.sign(&tree(1)).await.is_err());
    fs::write(place.file("started"), "").unwrap();
    assert_eq!(program.sign(&tree(1)).await.unwrap().size(), 1);
    // One that died between two commits is not even asked.
    if let Some(running) = program.running.lock().await.as_mut() {
        running.child.kill().await.unwrap();
    }
    assert_eq!(program.sign(&tree(2)).await.unwrap().size(), 2);
}

#[test]
fn public_keys_are_pem_or_verifier_keys_of_this_log() {
    let place = Place::new();
    let pem = place.file("public.pem");
    let key = public(Path::new(&pem), NAME).unwrap();
    let other = place.file("other");
    let stranger = Signer::from_seed("concordat/b", &[1; 32]).unwrap().verifier().to_string();
    for (text, wanted) in [
        (key.to_string(), Ok(())),
        (format!("{key} until 5"), Err("is not one of the log")),
        (stranger, Err("is not one of the log")),
        (String::new(), Err("looks like")),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_owned(), Err("PEM of an Ed25519")),
        (fs::read_to_string(place.file("key.pem")).unwrap(), Err("PEM of an Ed25519 public key")),
    ] {
        fs::write(&other, &text).unwrap();
        let told = public(Path::new(&other), NAME).map(drop).map_err(|error| error.to_string());
        match wanted {
            Ok(()) => assert_eq!(told, Ok(()), "{text}"),
            Err(wanted) => assert!(told.as_ref().unwrap_err().contains(wanted), "{text}: {told:?}"),
        }
    }
}

#[test]
fn a_command_is_words_or_an_array() {
    assert_eq!(words("sign --key 7").unwrap(), ["sign", "--key", "7"]);
    assert_eq!(words(r#"["my sign", "a b"]"#).unwrap(), ["my sign", "a b"]);
    for odd in ["", " ", "[]", "[1]", "[\"a\""] {
        assert!(matches!(words(odd), Err(LogKeyError::Command)), "{odd}");
    }
}
