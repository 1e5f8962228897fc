//! Tests of names, directories and files.

use proptest::prelude::*;

use super::*;

fn name(text: &str) -> QueueName {
    text.parse().unwrap()
}

fn file_name(text: &str) -> String {
    let file = queue_file(Path::new("q"), &name(text)).unwrap();
    file.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn only_small_letters_digits_and_two_signs_stay() {
    let table = [
        ("orders", "orders.queue"),
        ("a-b_7", "a-b_7.queue"),
        ("Orders", "%4Frders.queue"),
        ("orders.fifo", "orders%2Efifo.queue"),
        ("sales/orders", "sales%2Forders.queue"),
        ("~a:b", "%7Ea%3Ab.queue"),
    ];
    for (queue, file) in table {
        assert_eq!(file_name(queue), file);
        assert_eq!(queue_name(file), Some(name(queue)));
    }
    let bell = bell_file(Path::new("q"), &name("a.b")).unwrap();
    assert_eq!(bell, Path::new("q/a%2Eb.bell"));
}

#[test]
fn files_that_were_not_named_here_are_no_queues() {
    for file in [
        "orders.queue-wal",
        "orders.bell",
        "orders",
        ".queue",
        "Orders.queue",
        "%6frders.queue",
        "%6Frders.queue",
        "%2e%2E.queue",
        "%2E%2E.queue",
        "%FF.queue",
        "a%2.queue",
    ] {
        assert_eq!(queue_name(file), None, "{file}");
    }
}

#[test]
fn name_that_is_too_long_for_a_file_is_refused_with_the_limit() {
    assert!(queue_file(Path::new(""), &name(&"q".repeat(STEM_BYTES_MAX))).is_ok());
    for long in ["q".repeat(STEM_BYTES_MAX + 1), "Q".repeat(81)] {
        let error = queue_file(Path::new(""), &name(&long)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert!(error.to_string().contains("at most 241"), "{error}");
    }
}

proptest! {
    #[test]
    fn name_survives_its_file(text in "[a-zA-Z0-9._~:-]{1,20}(/[a-zA-Z0-9._~:-]{1,20}){0,2}") {
        let Ok(name) = text.parse::<QueueName>() else {
            return Ok(());
        };
        let file = file_name(&text);
        prop_assert_eq!(queue_name(&file), Some(name));
        prop_assert_eq!(Path::new(&file).components().count(), 1);
        prop_assert!(!file.starts_with('.'));
    }

    #[test]
    fn other_names_have_other_files_whatever_the_disk_makes_of_case(
        one in "[aAbB.eE2]{1,4}",
        other in "[aAbB.eE2]{1,4}",
    ) {
        if let (Ok(_), Ok(_)) = (one.parse::<QueueName>(), other.parse::<QueueName>()) {
            let fold = |text: &str| file_name(text).to_ascii_lowercase();
            prop_assert_eq!(one == other, fold(&one) == fold(&other));
        }
    }
}

#[test]
fn names_of_a_directory_are_listed_in_order() {
    let directory = tempfile::tempdir().unwrap();
    for queue in ["b", "a/c", "A"] {
        let file = queue_file(directory.path(), &name(queue)).unwrap();
        ensure_file(&file, Missing::Create).unwrap();
    }
    fs::write(directory.path().join("b.bell"), "").unwrap();
    let names = queue_names(directory.path()).unwrap();
    assert_eq!(names, ["A", "a/c", "b"].map(name));
}

#[test]
fn missing_file_and_directory_are_created_only_if_asked() {
    let directory = tempfile::tempdir().unwrap();
    let deep = directory.path().join("a").join("b");
    let error = prepare_directory(&deep, Missing::Refuse).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueueNotFound);
    let deep = prepare_directory(&deep, Missing::Create).unwrap();
    assert_eq!(prepare_directory(&deep, Missing::Refuse).unwrap(), deep);

    let file = deep.join("orders.queue");
    let error = ensure_file(&file, Missing::Refuse).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueueNotFound);
    ensure_file(&file, Missing::Create).unwrap();
    fs::write(&file, "kept").unwrap();
    ensure_file(&file, Missing::Create).unwrap();
    open_file(&file).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
}

#[test]
fn file_in_the_place_of_the_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("q");
    fs::write(&file, "").unwrap();
    let error = prepare_directory(&file, Missing::Create).unwrap_err();
    assert!(error.to_string().contains("not a directory"), "{error}");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn directory_and_file_are_for_this_user_alone() {
        let directory = tempfile::tempdir().unwrap();
        let queues = directory.path().join("above").join("q");
        let queues = prepare_directory(&queues, Missing::Create).unwrap();
        let file = queues.join("orders.queue");
        ensure_file(&file, Missing::Create).unwrap();
        let bell = queues.join("orders.bell");
        open_file(&bell).unwrap();
        assert_eq!(mode(&queues), 0o700);
        assert_eq!([mode(&file), mode(&bell)], [0o600; 2]);
    }

    #[test]
    fn links_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("target");
        fs::create_dir(&target).unwrap();
        let link = directory.path().join("link");
        symlink(&target, &link).unwrap();
        for link in [link.clone(), link.join(""), link.join(".")] {
            let error = prepare_directory(&link, Missing::Create).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
            assert!(error.to_string().contains("symbolic link"), "{error}");
        }
        // A link further up is the business of whoever named it, and is resolved once.
        let below = prepare_directory(&link.join("q"), Missing::Create).unwrap();
        assert_eq!(below, fs::canonicalize(&target).unwrap().join("q"));

        for (target, link) in [("is-there", "a.queue"), ("is-not-there", "b.queue")] {
            fs::write(directory.path().join("is-there"), "").unwrap();
            let link = directory.path().join(link);
            symlink(directory.path().join(target), &link).unwrap();
            for refused in [
                ensure_file(&link, Missing::Create),
                open_file(&link).map(drop),
            ] {
                let error = refused.unwrap_err();
                assert!(error.to_string().contains("symbolic link"), "{error}");
            }
        }
        assert!(!directory.path().join("is-not-there").exists());
    }

    #[test]
    fn what_is_not_a_plain_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("a.queue");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for path in [socket.as_path(), Path::new("/dev/null"), directory.path()] {
            for refused in [
                ensure_file(path, Missing::Create),
                open_file(path).map(drop),
            ] {
                let error = refused.unwrap_err();
                assert!(error.to_string().contains("plain file"), "{error}");
            }
        }
    }

    #[test]
    fn directory_that_all_may_write_to_needs_the_sticky_bit() {
        let directory = tempfile::tempdir().unwrap();
        let set = |mode| fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode));
        set(0o777).unwrap();
        let error = prepare_directory(directory.path(), Missing::Create).unwrap_err();
        assert!(error.to_string().contains("chmod o-w"), "{error}");
        for mode in [0o1777, 0o775, 0o700] {
            set(mode).unwrap();
            prepare_directory(directory.path(), Missing::Create).unwrap();
        }
    }

    #[test]
    fn files_of_this_user_and_of_root_are_trusted() {
        let table = [(7, 7, true), (0, 7, true), (8, 7, false), (7, 0, false)];
        for (owner, us, is_trusted) in table {
            assert_eq!(platform::is_trusted(owner, us), is_trusted, "{owner} {us}");
        }
    }
}
