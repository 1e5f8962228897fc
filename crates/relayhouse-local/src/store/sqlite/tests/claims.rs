//! Keys of the dedup store: bounded, forgotten in time, and not by a clock that jumps.

use super::*;

impl Fixture {
    fn claim(&mut self, key: &'static str, owner: u64) -> Option<Claim> {
        let claimed = self.group(|store| store.claim(&[keyed(key, owner)], HOUR));
        claimed[0]
    }

    fn complete(&mut self, key: &'static str, owner: u64) -> Verdict {
        let completed = self.group(|store| store.complete(&[keyed(key, owner)], HOUR));
        completed[0].clone()
    }

    fn rows(&self) -> i64 {
        let count = "SELECT count(*) FROM claim";
        let count = self.store.connection.query_row(count, [], |row| row.get(0));
        count.unwrap()
    }
}

#[test]
fn full_store_refuses_keys_until_some_are_over() {
    let mut fixture = Fixture::new(&settings());
    let keys = ["a", "b", "c", "d", "a"].map(|key| keyed(key, 1));
    let claimed = fixture.group(|store| store.claim(&keys, SECOND));
    let (new, own) = (Some(Claim::New), Some(Claim::Own));
    assert_eq!(claimed, [new, new, new, None, own]);
    assert_eq!(fixture.complete("d", 1), Verdict::KeysFull);
    fixture.group(|store| store.abandon(&[keyed("b", 2), keyed("c", 1)]));
    assert_eq!(fixture.complete("d", 1), Verdict::Done);
    fixture.reopen();
    assert_eq!(fixture.claim("c", 1), None, "the count is kept");
    fixture.clock.advance(SECOND);
    assert_eq!(fixture.claim("c", 1), Some(Claim::New));
    assert_eq!(fixture.rows(), 2, "those whose time is over are gone");
    assert_eq!(fixture.claim("d", 2), Some(Claim::Done));
}

#[test]
fn full_store_forgets_what_is_over_to_make_room() {
    let mut fixture = Fixture::new(&settings());
    let keys = ["a", "b", "c"].map(|key| keyed(key, 1));
    fixture.group(|store| store.claim(&keys, SECOND));
    fixture.clock.advance(SECOND);
    let moment = fixture.moment();
    // What would be forgotten at the start of a group was too much for it.
    fixture.store.claims_until = i64::MAX;
    fixture.store.begin(moment, Access::Flush).unwrap();
    fixture.store.claims_until = i64::MIN;
    let claimed = fixture.store.claim(&[keyed("d", 1)], SECOND).unwrap();
    fixture.store.commit().unwrap();
    assert_eq!(claimed, [Some(Claim::New)]);
    assert_eq!(fixture.rows(), 1);
}

#[test]
fn no_key_is_lost_to_a_jump_of_the_wall_clock_or_a_restart_of_the_machine() {
    let mut fixture = Fixture::new(&settings());
    fixture.claim("held", 1);
    fixture.complete("done", 1);
    let held = Some(Claim::Held { left: HOUR });
    for jump in [TestClock::set_ahead, TestClock::set_behind] {
        jump(&fixture.jumping, 2 * HOUR);
        fixture.reopen();
        assert_eq!(fixture.claim("held", 2), held);
        assert_eq!(fixture.claim("done", 2), Some(Claim::Done));
    }
    fixture.clock.restart();
    fixture.reopen();
    assert_eq!(fixture.claim("held", 2), held);
    assert_eq!(fixture.claim("done", 2), Some(Claim::Done));
    fixture.clock.advance(HOUR);
    for key in ["held", "done"] {
        assert_eq!(fixture.claim(key, 2), Some(Claim::New));
    }
}
