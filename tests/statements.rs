//! The table of statements agrees with the list, and the list with the tests.

use std::fs;
use std::path::Path;

use tenure_tests::statements::{faults, parse, table, tests_in};

#[test]
fn every_statement_marked_tested_has_a_test_and_the_table_is_fresh() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = fs::read_to_string(home.join("statements.txt")).expect("the list is there");
    let list = parse(&list).unwrap_or_else(|why| panic!("tests/statements.txt: {why}"));
    let core = home.join("../core");
    let tests = tests_in(&[&home.join("conformance"), &core.join("src"), &core.join("tests")]);
    let faults = faults(&list, &tests);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let fresh = table(&list, &tests);
    let file = home.join("../docs/statements.md");
    if std::env::var_os("TENURE_BLESS").is_some() {
        fs::write(&file, &fresh).expect("the table can be written");
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == fresh,
        "docs/statements.md is stale: TENURE_BLESS=1 cargo test -p tenure-tests --test statements"
    );
}

#[test]
fn a_statement_without_a_test_is_noticed() {
    let list =
        parse("S-01 | tested | Something.\nS-02 | later | Something. | Not yet.").expect("ok");
    let none = Default::default();
    assert_eq!(faults(&list, &none), ["S-01 has no test"]);
    assert!(parse("S-01 | tested | Something. | A reason.").is_err());
    assert!(parse("S-01 | later | Something.").is_err());
    assert!(parse("S-01 | perhaps | Something.").is_err());
}
