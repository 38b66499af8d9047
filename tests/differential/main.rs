//! The differential test: the same random scripts here and at Apache ZooKeeper 3.8.
//!
//! A script is made from a seed and runs step by step on both servers. After each step the reply,
//! the headers and the events of all sessions are compared, after normalisation; what may differ is
//! written in `docs/differences.md`, one named rule each in `rules`.
//!
//! Environment: `TENURE_DIFF_SEED` runs one seed instead of those in `seeds.txt`,
//! `TENURE_DIFF_STEPS` ends the scripts early, `TENURE_DIFF_MUTATE=1` falsifies one reply, which
//! has to turn the test red.

mod action;
mod rules;
mod run;
mod script;
mod side;

use std::collections::BTreeMap;

use rules::Rule;
use tenure_tests::apache;

/// Steps of one script.
const STEPS: usize = 2_000;

#[test]
fn the_same_scripts_give_the_same_answers_as_apache() {
    if apache_is_missing() {
        return;
    }
    let mutate = std::env::var_os("TENURE_DIFF_MUTATE").is_some();
    let steps = number("TENURE_DIFF_STEPS").map_or(STEPS, |steps| steps as usize);
    let mut applied = BTreeMap::new();
    let (mut total, mut granted, mut events) = (0, 0, 0);
    for seed in seeds() {
        match run::run(seed, steps, mutate) {
            Ok(report) => {
                total += report.steps;
                granted += report.granted;
                events += report.events;
                for (rule, count) in report.applied {
                    *applied.entry(rule).or_insert(0) += count;
                }
            }
            Err(mismatch) => panic!("{mismatch}"),
        }
    }
    println!(
        "{total} operations gave equal answers, {granted} of them without an error, and {events} \
         events; differences allowed on the way:"
    );
    for (rule, count) in &applied {
        println!("  {}: {count}", Rule::name(*rule));
    }
}

#[test]
fn a_falsified_reply_is_noticed() {
    if apache_is_missing() {
        return;
    }
    let mismatch = run::run(1, 400, true).err().expect("one cversion was raised by 1");
    assert!(mismatch.contains("cversion"), "{mismatch}");
}

#[test]
fn every_rule_is_explained_in_the_docs() {
    let text = include_str!("../../docs/differences.md");
    for rule in Rule::ALL {
        assert!(text.contains(&format!("`{}`", rule.name())), "{} is missing", rule.name());
    }
    let written = text.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(written, Rule::ALL.len(), "the table lists the rules and no others");
}

/// Says so if there is no Apache ZooKeeper to compare with; a strict run fails then.
fn apache_is_missing() -> bool {
    let Some(why) = apache::missing() else { return false };
    println!("SKIPPED differential: {why}");
    let is_strict = std::env::var_os("TENURE_STRICT").is_some_and(|value| value == "1");
    assert!(!is_strict, "a skip is a failure when strict: {why}");
    true
}

fn seeds() -> Vec<u64> {
    if let Some(seed) = number("TENURE_DIFF_SEED") {
        return vec![seed];
    }
    let lines = include_str!("../seeds.txt").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.trim().parse().expect("seeds.txt holds one number a line")).collect()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}
