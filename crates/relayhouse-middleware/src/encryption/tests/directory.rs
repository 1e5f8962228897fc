//! Keys in the files of a directory.

use super::*;

#[tokio::test]
async fn directory_is_read_again_and_names_its_current_key() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    let keys = KeyDirectory::new(directory.path());
    let error = keys.keys().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyNotFound);
    write("2026-10.key", &"0a".repeat(32));
    write("2026-11.key", &format!("{}\n", "0b".repeat(32)));
    write("README", "no key");
    let ring = keys.keys().await.unwrap();
    assert_eq!(ring.current().id().as_str(), "2026-11");
    assert_eq!(ring.iter().count(), 2);
    write("current", "2026-10\n");
    let ring = keys.keys().await.unwrap();
    assert_eq!(ring.current().expose(), &[0x0a; 32]);
    write("current", "2026-12");
    assert_eq!(
        keys.keys().await.unwrap_err().kind(),
        ErrorKind::KeyNotFound
    );
}

#[tokio::test]
async fn wrong_files_of_a_directory_are_errors_that_tell_no_key() {
    let directory = tempfile::tempdir().unwrap();
    let keys = KeyDirectory::new(directory.path());
    for text in ["abc", &"0a".repeat(33), &"z".repeat(1000)] {
        std::fs::write(directory.path().join("a.key"), text).unwrap();
        let error = keys.keys().await.unwrap_err();
        assert!(!format!("{error:?}").contains(text), "{error:?}");
    }
    let absent = KeyDirectory::new(directory.path().join("absent"));
    let error = absent.keys().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyNotFound);
    assert!(error.is_temporary());
}
