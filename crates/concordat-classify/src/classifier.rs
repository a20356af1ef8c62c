//! The classifier: domain files in, one answer for each contract out.

use std::collections::BTreeMap;

use concordat_model::classification::{Classification, Verdict};
use concordat_model::digest::Digest;
use concordat_model::name::DomainName;
use concordat_model::problem::Problems;

use crate::domain::{Domain, Rule};
use crate::domain_file::DomainFile;
use crate::lexicon::Lexicon;
use crate::reading::Reading;
use crate::text::ContractText;
use crate::weigh::weigh;

/// The most domain files.
const MOST_FILES: usize = 64;

/// The version of what this crate makes of the rules: higher whenever the same rules may answer otherwise.
const VERSION: u32 = 1;

/// Tells which domain a contract is of, by rules that people can read.
#[derive(Debug, Clone)]
pub struct Classifier {
    domains: Vec<Domain>,
    rules: Vec<Rule>,
    lexicon: Lexicon,
    name: String,
}

/// Why a classifier could not be made from its domain files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There are no files.
    #[error("there are no domain files: a classifier without domains could only abstain")]
    NoFiles,
    /// There are more files than may be.
    #[error("there are more than {MOST_FILES} domain files")]
    ManyFiles,
    /// A file's name is not plain.
    #[error("`{0}` is not the name of a domain file: use a-z, 0-9, `-`, `_` and `.`")]
    FileName(String),
    /// Two files have one name.
    #[error("`{0}` is given twice")]
    SameFile(String),
    /// A file is not in order.
    #[error("{file}: {problems}")]
    File {
        /// The file.
        file: String,
        /// What is wrong with it, with rule, line and column.
        problems: Problems,
    },
    /// Two files describe one domain.
    #[error("{file}: the domain `{domain}` has another file already: {earlier}")]
    SameDomain {
        /// The second file.
        file: String,
        /// The domain.
        domain: DomainName,
        /// The first file.
        earlier: String,
    },
}

impl Classifier {
    /// A classifier from domain files, given as pairs of a file name and its YAML text.
    ///
    /// The order in which they come does not matter.
    ///
    /// # Errors
    /// Files that are not in order, with the file, line and column, and what to do about it.
    pub fn load<N: AsRef<str>, T: AsRef<str>>(
        files: impl IntoIterator<Item = (N, T)>,
    ) -> Result<Classifier, Error> {
        let mut texts = BTreeMap::new();
        for (name, text) in files {
            let name = checked_name(name.as_ref())?;
            if texts.len() == MOST_FILES {
                return Err(Error::ManyFiles);
            }
            if texts.insert(name.clone(), text).is_some() {
                return Err(Error::SameFile(name));
            }
        }
        let mut classifier = Classifier {
            domains: Vec::new(),
            rules: Vec::new(),
            lexicon: Lexicon::new(),
            name: format!("rules/{VERSION} {}", digest(&texts)),
        };
        let mut files_by_domain: BTreeMap<DomainName, &String> = BTreeMap::new();
        for (name, text) in &texts {
            let file = DomainFile::read(text.as_ref())
                .map_err(|problems| Error::File { file: name.clone(), problems })?;
            if let Some(earlier) = files_by_domain.insert(file.domain.clone(), name) {
                let earlier = earlier.clone();
                return Err(Error::SameDomain { file: name.clone(), domain: file.domain, earlier });
            }
            classifier.add(file);
        }
        if classifier.domains.is_empty() { Err(Error::NoFiles) } else { Ok(classifier) }
    }

    /// The name, version and digest that every answer carries, such as `rules/1 sha256:…`.
    ///
    /// The digest is what `LC_ALL=C sha256sum *.yaml | sha256sum` prints in the folder of the domain files.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The domains that an answer may name, in the order of their files' names.
    pub fn domains(&self) -> impl Iterator<Item = &DomainName> {
        self.domains.iter().filter(|domain| domain.abstain.is_none()).map(|domain| &domain.name)
    }

    /// Which domain the contract is of, with the evidence; the same text always gets the same answer.
    #[must_use]
    pub fn classify(&self, text: &ContractText<'_>) -> Classification {
        let reading = Reading::of(text, &self.lexicon, &self.rules);
        let (verdict, alternatives) = weigh(reading.cases(&self.domains));
        let verdict = match reading.cut_short() {
            Some(because) => Verdict::Abstained { because },
            None => verdict,
        };
        let evidence = reading.evidence(&self.domains);
        Classification { verdict, alternatives, evidence, classifier: self.name.clone() }
    }

    fn add(&mut self, file: DomainFile) {
        let domain = self.domains.len();
        for (id, line) in file.rules {
            for phrase in &line.phrases {
                self.lexicon.add(phrase, self.rules.len());
            }
            let id = format!("{}/{id}", file.domain);
            self.rules.push(Rule { id, domain, weight: line.weight, effect: line.effect });
        }
        self.domains.push(Domain { name: file.domain, abstain: file.abstain, yields: file.yields });
    }
}

fn checked_name(name: &str) -> Result<String, Error> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    let good = !name.is_empty() && name.len() <= 64 && name.chars().all(plain);
    if good { Ok(name.to_owned()) } else { Err(Error::FileName(name.chars().take(64).collect())) }
}

/// The digest of a listing of digests, so that it is fixed which byte stands in which file.
fn digest<T: AsRef<str>>(texts: &BTreeMap<String, T>) -> Digest {
    let mut listing = String::new();
    for (name, text) in texts {
        let digest = Digest::of(text.as_ref().as_bytes()).to_string();
        listing.push_str(digest.trim_start_matches("sha256:"));
        listing.push_str("  ");
        listing.push_str(name);
        listing.push('\n');
    }
    Digest::of(listing.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::{MOST_EVIDENCE, MOST_TEXT};
    use crate::text::Kind;

    const ANIMALS: [(&str, &str); 3] = [
        (
            "cats.yaml",
            "domain: cats\nrules:\n  cat: {weight: 60, phrases: [cat]}\n  toy: {effect: ignore, phrases: [cat toy]}\n",
        ),
        ("dogs.yaml", "domain: dogs\nrules:\n  dog: {weight: 60, phrases: [dog, \"bark*\"]}\n"),
        (
            "other.yaml",
            "domain: other\nabstain: it is about fish\nrules:\n  fish: {weight: 90, phrases: [fish]}\n",
        ),
    ];

    fn check_load(files: &[(&str, &str)], expected: &str) {
        let told = Classifier::load(files.iter().copied()).unwrap_err().to_string();
        assert!(told.contains(expected), "{told}");
    }

    fn text<'a>(objective: &'a str, skills: &[&'a str]) -> ContractText<'a> {
        let text = ContractText::new().with(Kind::Objective, "spec.objective", objective);
        skills.iter().enumerate().fold(text, |text, (nth, skill)| {
            text.with(Kind::Skill, format!("spec.steps[{nth}].skill"), *skill)
        })
    }

    fn shown(objective: &str, skills: &[&str]) -> String {
        let answer = Classifier::load(ANIMALS).unwrap().classify(&text(objective, skills));
        let verdict = match answer.verdict {
            Verdict::Domain { domain, confidence } => format!("{domain} {}", confidence.points()),
            Verdict::Abstained { because } => because,
        };
        let evidence = answer.evidence.iter();
        let evidence = evidence
            .map(|piece| format!("{}@{}:{}-{}={}", piece.rule, piece.at, piece.start, piece.end, piece.text));
        std::iter::once(verdict).chain(evidence).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn odd_sets_of_files_are_refused() {
        let [cats, dogs, _] = ANIMALS;
        check_load(&[], "there are no domain files");
        check_load(&[cats, cats], "`cats.yaml` is given twice");
        check_load(&[("Cats/../x", "")], "`Cats/../x` is not the name of a domain file");
        check_load(
            &[dogs, ("more-dogs.yaml", dogs.1)],
            "more-dogs.yaml: the domain `dogs` has another file already: dogs.yaml",
        );
        check_load(
            &[("cats.yaml", "domain: cats\nrules:\n  cat: {weight: 600, phrases: [cat]}\n")],
            "cats.yaml: 3:3: /rules/cat: the weight 600",
        );
        let names: Vec<String> = (0..=MOST_FILES).map(|nth| format!("{nth}.yaml")).collect();
        check_load(&names.iter().map(|name| (name.as_str(), cats.1)).collect::<Vec<_>>(), "more than 64");
    }

    #[test]
    fn evidence_says_where_it_was_found() {
        assert_eq!(
            shown("Feed the Cats and a cat toy", &["wash_cat", "bark"]),
            "the text speaks for `cats` and nearly as much for `dogs`; cats/cat@spec.objective:9-13=Cats; \
             cats/cat@spec.steps[0].skill:5-8=cat; dogs/dog@spec.steps[1].skill:0-4=bark",
        );
        assert_eq!(
            shown("Fish for a cat", &[]),
            "it is about fish; other/fish@spec.objective:0-4=Fish; cats/cat@spec.objective:11-14=cat"
        );
        assert_eq!(shown("", &[]), "nothing in the text speaks for any domain");
        assert_eq!(
            shown("ｃａｔ \u{202e}\0\u{feff} \u{1f408}", &[]),
            "nothing in the text speaks for any domain"
        );
    }

    #[test]
    fn a_skill_that_many_steps_share_is_read_once() {
        let once = shown("Wash", &["wash_cat"]);
        assert_eq!(shown("Wash", &["wash_cat"; 10_000]), once);
    }

    #[test]
    fn what_is_too_long_gets_an_abstention() {
        let long = format!("{} cat", "é".repeat(MOST_TEXT / 2));
        assert!(shown(&long, &[]).contains("more than 65536 bytes"));
        let just_fits = format!("{} cat", "e".repeat(MOST_TEXT - 4));
        assert!(shown(&just_fits, &[]).starts_with("cats"));
        assert!(shown(&"cat ".repeat(MOST_TEXT), &[]).contains("more than 65536 bytes"));
    }

    #[test]
    fn a_list_of_keywords_gets_an_abstention() {
        let rules: String = (0..=MOST_EVIDENCE)
            .map(|nth| format!("  r{nth}: {{weight: 1, phrases: [word{nth}]}}\n"))
            .collect();
        let classifier = Classifier::load([("w.yaml", format!("domain: w\nrules:\n{rules}"))]).unwrap();
        let words: Vec<String> = (0..=MOST_EVIDENCE).map(|nth| format!("word{nth}")).collect();
        let few = classifier.classify(&text(&words[1..].join(" "), &[]));
        assert!(few.domain().is_some());
        let many = classifier.classify(&text(&words.join(" "), &[]));
        assert_eq!(many.evidence.len(), MOST_EVIDENCE);
        assert!(matches!(many.verdict, Verdict::Abstained { because } if because.contains("and 1 more")));
    }

    #[test]
    fn the_same_files_in_any_order_give_the_same_answers() {
        let one = Classifier::load(ANIMALS).unwrap();
        let other = Classifier::load(ANIMALS.into_iter().rev()).unwrap();
        assert_eq!(one.name(), other.name());
        let text = text("A dog barks at cats", &["fish"]);
        assert_eq!(one.classify(&text), other.classify(&text));
        assert_eq!(one.domains().map(DomainName::as_str).collect::<Vec<_>>(), ["cats", "dogs"]);
    }

    #[test]
    fn the_name_fixes_every_byte() {
        // What `LC_ALL=C sha256sum *.yaml | sha256sum` prints for two files `a.yaml` and `b.yaml`.
        let files = [
            ("a.yaml", "domain: a\nrules: {x: {weight: 1, phrases: [y]}}\n"),
            ("b.yaml", "domain: b\nrules: {x: {weight: 1, phrases: [y]}}\n"),
        ];
        assert_eq!(
            Classifier::load(files).unwrap().name(),
            "rules/1 sha256:9257e940a5595b19a8208a0c4c5cc8bb5ba0bf150a55b4cf094d92f459dd7249"
        );
        let moved = [("a.yaml", "domain: a\nrules: {x: {weight: 1, phrases: [y]}}\n\n"), files[1]];
        assert_ne!(Classifier::load(moved).unwrap().name(), Classifier::load(files).unwrap().name());
    }
}
