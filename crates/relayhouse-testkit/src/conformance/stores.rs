//! What every store owes those who use it: one check for each store port.

use std::time::Duration;

use bytes::Bytes;
use relayhouse_core::{
    ErrorKind, Outcome, SeededRandom,
    port::{
        BlobName, BlobStore, Claim, Claiming, DedupStore, Deleting, Fetching, Marking, Storing,
    },
};

use super::violation::{Verdict, Violation, equal};
use crate::clock::ManualClock;

const HOLD: Duration = Duration::from_secs(60);
const KEEP: Duration = Duration::from_secs(600);

/// Checks that `store`, which is empty and goes by `clock`, keeps the rules of a dedup store.
///
/// # Errors
///
/// Returns the first rule that it breaks.
pub async fn dedup(store: &dyn DedupStore, clock: &ManualClock) -> Verdict {
    let dedup = Dedup { store, clock };
    dedup.key_has_one_owner().await?;
    dedup.claim_ends_with_its_time().await?;
    dedup.abandoned_key_is_new().await?;
    dedup.done_key_is_remembered_for_its_time().await?;
    dedup.late_owner_changes_nothing().await?;
    dedup.batch_answers_each_item().await
}

struct Dedup<'a> {
    store: &'a dyn DedupStore,
    clock: &'a ManualClock,
}

impl Dedup<'_> {
    async fn claim(&self, key: &'static str, owner: u64) -> Result<Claim, Violation> {
        let mut batch = [Claiming::new(key, owner)];
        let call = self.store.claim(&mut batch, HOLD).await;
        let [item] = batch;
        Ok(item.outcome.settle(&call)?)
    }

    async fn complete(&self, key: &'static str, owner: u64) -> Result<(), ErrorKind> {
        let mut batch = [Marking::new(key, owner)];
        let call = self.store.complete(&mut batch, KEEP).await;
        let [item] = batch;
        item.outcome.settle(&call).map_err(|error| error.kind())
    }

    async fn abandon(&self, key: &'static str, owner: u64) -> Verdict {
        let mut batch = [Marking::new(key, owner)];
        let call = self.store.abandon(&mut batch).await;
        let [item] = batch;
        Ok(item.outcome.settle(&call)?)
    }

    async fn key_has_one_owner(&self) -> Verdict {
        let key = "owned";
        equal("first claim", self.claim(key, 1).await?, Claim::New)?;
        equal("same owner", self.claim(key, 1).await?, Claim::Own)?;
        self.clock.advance(HOLD / 2);
        let left = HOLD / 2;
        let other = self.claim(key, 2).await?;
        equal("another owner", other, Claim::Held { left })
    }

    async fn claim_ends_with_its_time(&self) -> Verdict {
        let key = "ending";
        equal("claim", self.claim(key, 1).await?, Claim::New)?;
        self.clock.advance(HOLD / 2);
        equal("renewal", self.claim(key, 1).await?, Claim::Own)?;
        self.clock.advance(HOLD - Duration::from_millis(1));
        let left = Duration::from_millis(1);
        let other = self.claim(key, 2).await?;
        equal("just before its end", other, Claim::Held { left })?;
        self.clock.advance(left);
        equal("at its end", self.claim(key, 2).await?, Claim::New)
    }

    async fn abandoned_key_is_new(&self) -> Verdict {
        let key = "abandoned";
        equal("claim", self.claim(key, 1).await?, Claim::New)?;
        self.abandon(key, 2).await?;
        equal(
            "abandoned by another",
            self.claim(key, 1).await?,
            Claim::Own,
        )?;
        self.abandon(key, 1).await?;
        self.abandon(key, 1).await?;
        equal("abandoned", self.claim(key, 2).await?, Claim::New)
    }

    async fn done_key_is_remembered_for_its_time(&self) -> Verdict {
        let key = "done";
        equal("claim", self.claim(key, 1).await?, Claim::New)?;
        equal("complete", self.complete(key, 1).await, Ok(()))?;
        equal("again", self.complete(key, 1).await, Ok(()))?;
        self.abandon(key, 1).await?;
        self.clock.advance(KEEP - Duration::from_millis(1));
        equal("own key", self.claim(key, 1).await?, Claim::Done)?;
        equal("other's key", self.claim(key, 2).await?, Claim::Done)?;
        self.clock.advance(Duration::from_millis(1));
        equal("after its time", self.claim(key, 2).await?, Claim::New)
    }

    async fn late_owner_changes_nothing(&self) -> Verdict {
        let (taken, free) = ("late and taken", "late and free");
        equal("claim", self.claim(taken, 1).await?, Claim::New)?;
        equal("claim", self.claim(free, 1).await?, Claim::New)?;
        self.clock.advance(HOLD);
        equal("takes over", self.claim(taken, 2).await?, Claim::New)?;
        let late = self.complete(taken, 1).await;
        equal("completes what is taken", late, Err(ErrorKind::LeaseLost))?;
        equal("new owner", self.claim(taken, 2).await?, Claim::Own)?;
        equal(
            "completes what is free",
            self.complete(free, 1).await,
            Ok(()),
        )?;
        equal("is done", self.claim(free, 2).await?, Claim::Done)
    }

    async fn batch_answers_each_item(&self) -> Verdict {
        self.store.claim(&mut [], HOLD).await?;
        equal("complete", self.complete("batch/done", 1).await, Ok(()))?;
        let items = [("batch/new", 1), ("batch/new", 2), ("batch/done", 2)];
        let mut batch = items.map(|(key, owner)| Claiming::new(key, owner));
        let call = self.store.claim(&mut batch, HOLD).await;
        let answers = batch.map(|item| item.outcome.settle(&call).ok());
        let held = Claim::Held { left: HOLD };
        let expected = [Claim::New, held, Claim::Done].map(Some);
        equal("answers", answers, expected)?;
        let mut batch = items.map(|(key, owner)| Marking::new(key, owner));
        let call = self.store.complete(&mut batch, KEEP).await;
        let kind = |outcome: Outcome<()>| outcome.settle(&call).map_err(|error| error.kind());
        let answers = batch.map(|item| kind(item.outcome));
        let lost = Err(ErrorKind::LeaseLost);
        equal("answers", answers, [Ok(()), lost, lost])
    }
}

/// Checks that `store`, which is empty and goes by `clock`, keeps the rules of a blob store.
///
/// # Errors
///
/// Returns the first rule that it breaks.
pub async fn blobs(store: &dyn BlobStore, clock: &ManualClock) -> Verdict {
    let blobs = Blobs {
        store,
        clock,
        random: SeededRandom::new(7),
    };
    blobs.any_bytes_come_back().await?;
    blobs.name_that_is_taken_gets_the_new_bytes().await?;
    blobs.batch_answers_each_item().await?;
    blobs.too_large_blob_is_refused().await?;
    blobs.sweep_takes_what_is_old().await
}

struct Blobs<'a> {
    store: &'a dyn BlobStore,
    clock: &'a ManualClock,
    random: SeededRandom,
}

impl Blobs<'_> {
    async fn put(&self, name: BlobName, bytes: Bytes) -> Verdict {
        let mut batch = [Storing::new(name, bytes)];
        let call = self.store.put(&mut batch).await;
        let [item] = batch;
        Ok(item.outcome.settle(&call)?)
    }

    async fn get(&self, name: BlobName, bytes_max: u64) -> Result<Bytes, ErrorKind> {
        let mut batch = [Fetching::new(name)];
        let call = self.store.get(&mut batch, bytes_max).await;
        let [item] = batch;
        item.outcome.settle(&call).map_err(|error| error.kind())
    }

    fn name(&self) -> BlobName {
        BlobName::draw(&self.random)
    }

    async fn any_bytes_come_back(&self) -> Verdict {
        let every_byte: Vec<u8> = (0..=255).collect();
        for bytes in [Vec::new(), every_byte, vec![7; 1 << 20]] {
            let (name, bytes) = (self.name(), Bytes::from(bytes));
            self.put(name, bytes.clone()).await?;
            equal("blob", self.get(name, u64::MAX).await, Ok(bytes))?;
        }
        Ok(())
    }

    async fn name_that_is_taken_gets_the_new_bytes(&self) -> Verdict {
        let name = self.name();
        for bytes in ["longer than the next", "next"] {
            self.put(name, bytes.into()).await?;
            equal("blob", self.get(name, u64::MAX).await, Ok(bytes.into()))?;
        }
        Ok(())
    }

    async fn batch_answers_each_item(&self) -> Verdict {
        self.store.put(&mut []).await?;
        self.store.get(&mut [], u64::MAX).await?;
        self.store.delete(&mut []).await?;
        let [one, absent, other] = [(); 3].map(|()| self.name());
        let mut batch = [
            Storing::new(one, "1".into()),
            Storing::new(other, "2".into()),
        ];
        self.store.put(&mut batch).await?;
        let all_stored = batch.iter().all(|item| item.outcome.is_done());
        equal("all are stored", all_stored, true)?;
        let mut batch = [one, absent, other].map(Fetching::new);
        let call = self.store.get(&mut batch, u64::MAX).await;
        let kind = |outcome: Outcome<Bytes>| outcome.settle(&call).map_err(|error| error.kind());
        let answers = batch.map(|item| kind(item.outcome));
        let missing = Err(ErrorKind::BlobNotFound);
        let expected = [Ok("1".into()), missing.clone(), Ok("2".into())];
        equal("answers", answers, expected)?;
        let mut batch = [one, absent].map(Deleting::new);
        self.store.delete(&mut batch).await?;
        let all_removed = batch.iter().all(|item| item.outcome.is_done());
        equal("all are removed", all_removed, true)?;
        equal("removed", self.get(one, u64::MAX).await, missing)?;
        equal("kept", self.get(other, u64::MAX).await, Ok("2".into()))
    }

    async fn too_large_blob_is_refused(&self) -> Verdict {
        let name = self.name();
        self.put(name, "four".into()).await?;
        equal("fits", self.get(name, 4).await, Ok("four".into()))?;
        let too_large = Err(ErrorKind::MessageTooLarge);
        equal("too large", self.get(name, 3).await, too_large)
    }

    async fn sweep_takes_what_is_old(&self) -> Verdict {
        self.clock.advance(KEEP);
        self.store.sweep(HOLD).await?;
        let (old, young) = (self.name(), self.name());
        self.put(old, "old".into()).await?;
        self.clock.advance(HOLD / 2);
        self.put(young, "young".into()).await?;
        self.clock.advance(HOLD / 2);
        equal("swept at its age", self.store.sweep(HOLD).await?, 0)?;
        self.clock.advance(Duration::from_millis(1));
        equal("swept after its age", self.store.sweep(HOLD).await?, 1)?;
        equal("old", self.get(old, 9).await, Err(ErrorKind::BlobNotFound))?;
        equal("young", self.get(young, 9).await, Ok("young".into()))
    }
}
