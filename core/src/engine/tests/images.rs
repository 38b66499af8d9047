//! Images of releases before this one.

use super::*;
use crate::session::Registered;

/// An image of version 1, by the layout of then: a root, the reserved znodes, and an ephemeral.
fn image_of_version_1() -> Vec<u8> {
    let text = |text: &str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let mut image = vec![1];
    image.extend(1_u32.to_le_bytes());
    image.extend(9_i64.to_le_bytes());
    image.push(2);
    image.extend(1_u32.to_le_bytes());
    image.extend(31_i32.to_le_bytes());
    image.extend(text("world"));
    image.extend(text("anyone"));
    image.push(3);
    image.extend(ME.0.to_le_bytes());
    image.extend(10_000_u32.to_le_bytes());
    image.extend([7; 16]);
    for (number, (parent, name)) in
        (0_u32..).zip([(u32::MAX, ""), (0, "zookeeper"), (1, "quota"), (1, "config"), (0, "e")])
    {
        let is_ephemeral = name == "e";
        image.extend([4, u8::from(is_ephemeral)]);
        image.extend(number.to_le_bytes());
        image.extend(parent.to_le_bytes());
        image.extend(0_u32.to_le_bytes());
        image.extend(i64::from(number).to_le_bytes());
        image.extend(5_i64.to_le_bytes());
        if is_ephemeral {
            image.extend(ME.0.to_le_bytes());
        }
        image.extend(text(name));
    }
    image.push(5);
    for count in [1_u64, 1, 5] {
        image.extend(count.to_le_bytes());
    }
    image
}

fn load(image: &[u8]) -> Result<Engine, Inconsistent> {
    let mut loader = Loader::new(EngineOptions::default());
    loader.feed(image)?;
    loader.finish()
}

#[test]
fn an_image_of_version_1_is_read_and_its_sessions_go_on() {
    let mut engine = load(&image_of_version_1()).expect("version 1 is read");
    engine.check();
    let expected = Registered::new(Millis(10_000), Password([7; 16]));
    assert_eq!(engine.registry().get(ME), Some(&expected));
    assert_eq!(engine.ephemerals().of(ME).collect::<Vec<_>>(), ["/e"]);
    assert_eq!(engine.registry().ended().iter().len(), 0);
    let identities = Arc::from([]);
    let change = Change::EndSession { id: ME, cause: Cause::Closed };
    let effects = engine.apply(&Txn { at: WallMillis(1), session: ME, identities, change });
    assert_eq!((effects.zxid, effects.ended), (Zxid(10), Some(ME)));
    engine.check();
}

#[test]
fn an_image_of_a_later_version_is_refused_by_its_number() {
    let mut image = image_of_version_1();
    image[1] = 3;
    let refused = load(&image).err().expect("refused").to_string();
    assert!(refused.contains("has format version 3, this release reads up to 2"), "{refused}");
}
