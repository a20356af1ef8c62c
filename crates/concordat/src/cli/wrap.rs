//! From what people hand over to one submission, and from a refusal of it back to what they wrote.
//!
//! One document alone travels as it is, so that the server's lines and columns are the file's own. Several, or
//! one with an input, become one submission; its problems are then traced back to the files by their pointers.

use concordat_model::document::MAX_BYTES;
use concordat_model::problem::Problem;
use serde_json::{Map, Value, json};

use super::document::{Document, DocumentError};

/// What is sent, with what is needed to trace a refusal back.
#[derive(Debug, Clone)]
pub struct Wrapped {
    /// The body of the request.
    pub body: Vec<u8>,
    /// The body's media type.
    pub media_type: &'static str,
    /// Where its parts came from.
    origins: Vec<Origin>,
}

/// A part of the body that came from a document.
#[derive(Debug, Clone)]
struct Origin {
    /// The part's pointer in the body.
    body: String,
    /// Its pointer in the document.
    own: String,
    document: Document,
}

/// Documents that make no submission.
#[derive(Debug, thiserror::Error)]
pub enum WrapError {
    /// A document is unreadable or wrong.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// There is nothing to send.
    #[error("nothing to send: name a contract with `-f FILE` or a template with `--template NAME`")]
    Nothing,
    /// The input cannot be matched with a contract.
    #[error(
        "`--input` belongs to one contract, but there are {0}: write a Submission with an `input` for each"
    )]
    InputForMany(usize),
    /// A submission names its inputs itself.
    #[error("`{0}` is a Submission, which has an `input` for each contract: leave `--input` out")]
    InputForSubmission(String),
    /// All parts together are too large.
    #[error("together the documents have {0} bytes; the most is {MAX_BYTES}: submit them one by one")]
    TooLarge(usize),
}

/// Puts documents, a template and an input together.
///
/// # Errors
/// A document cannot be read, or the parts do not make a submission.
pub fn wrap(
    files: Vec<Document>,
    template: Option<&str>,
    input: Option<Document>,
) -> Result<Wrapped, WrapError> {
    let parts = files.len() + usize::from(template.is_some());
    match (&input, parts) {
        (_, 0) => return Err(WrapError::Nothing),
        (Some(_), 2..) => return Err(WrapError::InputForMany(parts)),
        _ => {}
    }
    if let (None, None, [only]) = (template, &input, files.as_slice()) {
        only.value()?;
        let origins = vec![Origin { body: String::new(), own: String::new(), document: only.clone() }];
        return Ok(Wrapped { body: only.bytes.clone(), media_type: only.media_type(), origins });
    }
    let mut several = Several::default();
    for file in files {
        several.file(file, input.is_some())?;
    }
    if let Some(template) = template {
        several.contracts.push(Map::from_iter([("template".to_owned(), json!(template))]));
    }
    if let Some(input) = input {
        several.input(input)?;
    }
    several.finish()
}

#[derive(Default)]
struct Several {
    contracts: Vec<Map<String, Value>>,
    origins: Vec<Origin>,
}

impl Several {
    fn file(&mut self, document: Document, has_input: bool) -> Result<(), WrapError> {
        let mut value = document.value()?;
        let nth = self.contracts.len();
        if value.get("kind").and_then(Value::as_str) != Some("Submission") {
            self.contracts.push(Map::from_iter([("contract".to_owned(), value)]));
            self.origins.push(Origin {
                body: format!("/contracts/{nth}/contract"),
                own: String::new(),
                document,
            });
            return Ok(());
        }
        if has_input {
            return Err(WrapError::InputForSubmission(document.name));
        }
        let Some(Value::Array(contracts)) = value.get_mut("contracts").map(Value::take) else {
            let problem =
                Problem::new("document-form", "/contracts", "a Submission has a list of `contracts`");
            return Err(document.wrong(problem.into()).into());
        };
        for (own, contract) in contracts.into_iter().enumerate() {
            let Value::Object(contract) = contract else {
                let problem =
                    Problem::new("document-form", format!("/contracts/{own}"), "a contract is a map");
                return Err(document.wrong(problem.into()).into());
            };
            let (body, own) = (format!("/contracts/{}", self.contracts.len()), format!("/contracts/{own}"));
            self.contracts.push(contract);
            self.origins.push(Origin { body, own, document: document.clone() });
        }
        Ok(())
    }

    fn input(&mut self, document: Document) -> Result<(), WrapError> {
        let value = document.value()?;
        if let Some(contract) = self.contracts.first_mut() {
            contract.insert("input".to_owned(), value);
        }
        self.origins.push(Origin { body: "/contracts/0/input".to_owned(), own: String::new(), document });
        Ok(())
    }

    fn finish(self) -> Result<Wrapped, WrapError> {
        let submission =
            json!({"apiVersion": "concordat/v1", "kind": "Submission", "contracts": self.contracts});
        let body = submission.to_string().into_bytes();
        if body.len() > MAX_BYTES {
            return Err(WrapError::TooLarge(body.len()));
        }
        Ok(Wrapped { body, media_type: "application/json", origins: self.origins })
    }
}

impl Wrapped {
    /// The problems in the documents that people wrote, and those that belong to none of them.
    #[must_use]
    pub fn trace(&self, problems: &[Problem]) -> Traced {
        let mut traced = Traced { documents: Vec::new(), elsewhere: Vec::new() };
        for problem in problems {
            let origin = self
                .origins
                .iter()
                .filter_map(|origin| Some((origin, below(&problem.pointer, &origin.body)?)));
            match origin.min_by_key(|(_, rest)| rest.len()) {
                Some((origin, rest)) => traced.put(origin, rest, problem, self.is_verbatim()),
                None => traced.elsewhere.push(problem.clone()),
            }
        }
        traced
    }

    /// Whether the body is the file itself.
    fn is_verbatim(&self) -> bool {
        self.origins.first().is_some_and(|origin| origin.body.is_empty())
    }
}

/// Problems by the document that they are in.
#[derive(Debug)]
pub struct Traced {
    /// Each document with its problems, which are at least one.
    pub documents: Vec<(Document, Vec<Problem>)>,
    /// Problems of no document.
    pub elsewhere: Vec<Problem>,
}

impl Traced {
    fn put(&mut self, origin: &Origin, rest: &str, problem: &Problem, verbatim: bool) {
        let mut problem = Problem { pointer: format!("{}{rest}", origin.own), ..problem.clone() };
        if !verbatim {
            // The server counted in the body, which nobody sees.
            (problem.line, problem.column) = (None, None);
        }
        let located = concordat_model::document::locate(&origin.document.bytes, problem.into());
        let known = self.documents.iter_mut().find(|(document, _)| document.name == origin.document.name);
        match known {
            Some((_, problems)) => problems.extend_from_slice(located.all()),
            None => self.documents.push((origin.document.clone(), located.all().to_vec())),
        }
    }
}

/// What of a pointer lies below another one.
fn below<'a>(pointer: &'a str, above: &str) -> Option<&'a str> {
    pointer.strip_prefix(above).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use concordat_model::document::Notation;

    use super::*;

    fn document(name: &str, text: &str) -> Document {
        Document { name: name.to_owned(), bytes: text.as_bytes().to_vec(), notation: Notation::Yaml }
    }

    fn body(wrapped: &Wrapped) -> Value {
        serde_json::from_slice(&wrapped.body).unwrap()
    }

    #[test]
    fn one_document_travels_as_it_is() {
        let wrapped = wrap(vec![document("a.yaml", "kind: Contract # mine\n")], None, None).unwrap();
        assert_eq!(
            (wrapped.body.as_slice(), wrapped.media_type),
            (&b"kind: Contract # mine\n"[..], "application/yaml")
        );
    }

    #[test]
    fn parts_become_one_submission() {
        let head = json!({"apiVersion": "concordat/v1", "kind": "Submission"});
        for (files, template, input, wanted) in [
            (
                vec!["kind: Contract"],
                None,
                Some("a: 1"),
                json!([{"contract": {"kind": "Contract"}, "input": {"a": 1}}]),
            ),
            (vec![], Some("loan@1.2.0"), None, json!([{"template": "loan@1.2.0"}])),
            (vec![], Some("loan"), Some("{a: 1}"), json!([{"template": "loan", "input": {"a": 1}}])),
            (
                vec!["kind: A", "kind: B"],
                None,
                None,
                json!([{"contract": {"kind": "A"}}, {"contract": {"kind": "B"}}]),
            ),
            (
                vec!["{kind: Submission, contracts: [{template: a}, {template: b}]}", "kind: C"],
                None,
                None,
                json!([{"template": "a"}, {"template": "b"}, {"contract": {"kind": "C"}}]),
            ),
        ] {
            let files =
                files.into_iter().enumerate().map(|(nth, text)| document(&format!("{nth}"), text)).collect();
            let wrapped = wrap(files, template, input.map(|text| document("input", text))).unwrap();
            let mut wanted_body = head.clone();
            wanted_body["contracts"] = wanted;
            assert_eq!(body(&wrapped), wanted_body);
        }
    }

    #[test]
    fn what_makes_no_submission_is_refused() {
        let input = || Some(document("input", "a: 1"));
        let large = format!("a: {}", "x".repeat(MAX_BYTES - 10));
        for (files, template, input, wanted) in [
            (vec![], None, None, "nothing to send"),
            (vec![], None, input(), "nothing to send"),
            (vec!["a: 1", "b: 1"], None, input(), "but there are 2"),
            (vec!["a: 1"], Some("loan"), input(), "but there are 2"),
            (vec!["kind: Submission"], None, input(), "leave `--input` out"),
            (vec!["kind: Submission", "a: 1"], None, None, "a list of `contracts`"),
            (vec!["{kind: Submission, contracts: [1]}", "a: 1"], None, None, "a contract is a map"),
            (vec!["a: ["], None, None, "1:"),
            (vec![&large, &large], None, None, "submit them one by one"),
        ] {
            let files = files.into_iter().map(|text| document("file", text)).collect();
            let told = wrap(files, template, input).unwrap_err().to_string();
            assert!(told.contains(wanted), "{told}");
        }
    }

    #[test]
    fn problems_find_their_way_back() {
        let submission = "kind: Submission\ncontracts:\n  - template: a\n  - template: nosuch\n";
        let files =
            vec![document("s.yaml", submission), document("c.yaml", "kind: Contract\nspec:\n  steps: []\n")];
        let wrapped = wrap(files, None, None).unwrap();
        let at = |pointer: &str| Problem::new("x", pointer, "wrong").on(1, 77);
        let pointers =
            ["/contracts/1/template", "/contracts/2/contract/spec/steps", "/contracts/20", "/kind"];
        let traced = wrapped.trace(&pointers.map(at));
        let told: Vec<String> = traced
            .documents
            .iter()
            .flat_map(|(document, problems)| {
                problems.iter().map(|problem| format!("{}:{problem}", document.name))
            })
            .collect();
        assert_eq!(told, ["s.yaml:4:5: /contracts/1/template: wrong", "c.yaml:3:3: /spec/steps: wrong"]);
        assert_eq!(traced.elsewhere.len(), 2);
    }

    #[test]
    fn the_lines_of_a_lone_document_are_the_servers() {
        let wrapped = wrap(vec![document("a.yaml", "kind: Contract\n")], None, None).unwrap();
        let traced = wrapped.trace(&[Problem::new("x", "/kind", "wrong").on(9, 9)]);
        assert_eq!(traced.documents[0].1[0].line, Some(9));
    }
}
