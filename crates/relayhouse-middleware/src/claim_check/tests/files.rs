//! Blobs in the files of a directory.

use super::*;

#[tokio::test]
async fn files_keep_the_rules_of_the_port() {
    let fixture = Fixture::new();
    stores::blobs(&fixture.store.files, &fixture.clock)
        .await
        .unwrap();
}

#[tokio::test]
async fn sweep_removes_unfinished_blobs_and_no_other_files() {
    let fixture = Fixture::new();
    fixture.sent(vec![large("a")]).await;
    let name = fixture.files().remove(0);
    let directory = fixture.directory.path().join("blobs").join(&name[..2]);
    std::fs::write(directory.join(format!("{name}.0123456789abcdef.part")), "").unwrap();
    std::fs::write(directory.join("README"), "").unwrap();
    // What the test wrote is as old as the machine's clock has it: later than the fixture's.
    fixture
        .clock
        .advance(Duration::from_secs(100 * 365 * 24 * 3600));
    assert_eq!(fixture.store.sweep(Duration::ZERO).await.unwrap(), 2);
    assert_eq!(fixture.files(), ["README"]);
}
