//! Words that no socket is needed for.

use super::*;

#[test]
fn means_have_one_to_four_decimals() {
    assert_eq!(decimal(0.0), "0.0");
    assert_eq!(decimal(2.8119), "2.8119");
    assert_eq!(decimal(2.5), "2.5");
}
