//! The differential test: the same random scripts here and at Apache ZooKeeper 3.8.
//!
//! A script is made from a seed and runs step by step on both servers. After each step the reply,
//! the headers and the events of all sessions are compared, after normalisation; what may differ is
//! written in `docs/differences.md`, one named rule each in `rules`.
//!
//! Environment: `TENURE_DIFF_SEED` runs one seed instead of those in `seeds.txt`,
//! `TENURE_DIFF_STEPS` ends the scripts early, `TENURE_DIFF_MUTATE=WAY` falsifies one reply in a way
//! that `falsify` lists, which has to turn the test red.

mod action;
mod falsify;
mod paths;
mod quotas;
mod reaping;
mod rules;
mod run;
mod script;
mod shell;
mod side;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use rules::Rule;
use run::{Control, Report};
use tenure_tests::apache;

/// Steps of one script.
const STEPS: usize = 10_000;

/// Scripts that run side by side.
const LANES: usize = 2;

#[test]
fn the_same_scripts_give_the_same_answers_as_apache() {
    if apache_is_missing() {
        return;
    }
    let control = match std::env::var("TENURE_DIFF_MUTATE") {
        Ok(way) => Control::One(way),
        Err(_) => Control::None,
    };
    let steps = number("TENURE_DIFF_STEPS").map_or(STEPS, |steps| steps as usize);
    let started = Instant::now();
    let reports = run_all(seeds(), steps, &control);
    let took = started.elapsed().as_secs_f64();
    let sum = |of: fn(&Report) -> usize| reports.iter().map(of).sum::<usize>();
    println!(
        "{} operations over {} seeds in {took:.1} s gave equal answers, {} of them without an \
         error; {} events, {} znodes removed when they were due",
        sum(|report| report.steps),
        reports.len(),
        sum(|report| report.granted),
        sum(|report| report.events),
        sum(|report| report.reaped),
    );
    let codes = merged(&reports, |report| &report.codes);
    println!("codes: {codes:?}");
    println!("differences allowed on the way:");
    for (rule, count) in merged(&reports, |report| &report.applied) {
        println!("  {}: {count}", rule.name());
    }
}

/// Runs the scripts of these seeds, some side by side; panics with the first difference.
fn run_all(seeds: Vec<u64>, steps: usize, control: &Control) -> Vec<Report> {
    let left = Mutex::new(seeds.into_iter());
    let reports = Mutex::new(Vec::new());
    let lane = || {
        loop {
            let next = left.lock().expect("nobody panics here").next();
            let Some(seed) = next else { break };
            let report = run::run(seed, steps, control.clone());
            let is_over = report.is_err();
            reports.lock().expect("nobody panics here").push(report);
            if is_over {
                break;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(lane);
        }
    });
    let reports = reports.into_inner().expect("nobody panics here");
    reports.into_iter().map(|report| report.unwrap_or_else(|why| panic!("{why}"))).collect()
}

/// The sums of what the reports count.
fn merged<K: Ord + Copy>(
    reports: &[Report],
    of: fn(&Report) -> &BTreeMap<K, usize>,
) -> BTreeMap<K, usize> {
    let mut all = BTreeMap::new();
    for (key, count) in reports.iter().flat_map(of) {
        *all.entry(*key).or_insert(0) += count;
    }
    all
}

#[test]
fn whatever_is_falsified_is_noticed() {
    if apache_is_missing() {
        return;
    }
    let report = run::run(1, 3_000, Control::Every).unwrap_or_else(|why| panic!("{why}"));
    println!("noticed: {:?}", report.falsified);
    for (way, _) in falsify::WAYS {
        assert!(report.falsified.contains_key(way), "{way} was never tried");
    }
}

#[test]
fn a_falsified_reply_turns_the_run_red() {
    if apache_is_missing() {
        return;
    }
    let control = Control::One("quota-usage".to_owned());
    let mismatch = run::run(1, 1_500, control).err().expect("one answer was made wrong");
    assert!(mismatch.contains("and more"), "{mismatch}");
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
