use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::*;
use crate::Ended;

const LONG: Duration = Duration::from_secs(30);

fn shell(line: &str) -> ScriptCommand {
    ScriptCommand::new(["/bin/sh", "-c", line])
}

/// A folder only root can change, when root runs the tests.
fn safe_folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn run(command: &ScriptCommand, limit: Duration) -> Outcome {
    crate::run_local(async { command.start().unwrap().wait_at_most(limit).await.unwrap() }).unwrap()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Whether a test that needs root may go on.
fn root_for(name: &str) -> bool {
    if !is_root() {
        println!("skipped: {name}: not root");
        assert!(std::env::var_os("CI").is_none(), "CI runs {name} as root");
    }
    is_root()
}

#[test]
fn ends_are_reported() {
    for (line, expected) in [
        ("exit 0", Ended::Code(0)),
        ("exit 7", Ended::Code(7)),
        ("kill -9 $$", Ended::Signal(9)),
        ("test -z \"$LD_LIBRARY_PATH$IFS_OF_DAEMON\" && test \"$ADDED\" = yes", Ended::Code(0)),
        // A process group of its own.
        ("test $(ps -o pgid= -p $$) = $$", Ended::Code(0)),
    ] {
        let mut command = shell(line);
        command.environment = vec![("ADDED".into(), "yes".into())];
        assert_eq!(run(&command, LONG), Outcome::Ended(expected), "{line}");
    }
}

#[test]
fn arguments_are_passed_as_they_are() {
    let dir = safe_folder();
    let out = dir.path().join("out");
    let script = dir.path().join("script with space");
    fs::write(&script, format!("#!/bin/sh\nprintf '%s|' \"$@\" > {}\n", out.display())).unwrap();
    fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    let command =
        ScriptCommand::new([script.as_os_str(), OsStr::new("a b"), OsStr::new("$x"), OsStr::new("")]);
    assert_eq!(run(&command, LONG), Outcome::Ended(Ended::Code(0)));
    assert_eq!(fs::read_to_string(out).unwrap(), "a b|$x||");
}

#[test]
fn what_cannot_be_executed_is_an_error() {
    crate::run_local(async {
        assert!(ScriptCommand::new(["/nonexistent/script"]).start().is_err());
        assert!(ScriptCommand::new([] as [&str; 0]).start().is_err());
    })
    .unwrap();
}

/// Lets a script run until it has written a file, then ends its time; the file's text and the outcome.
fn run_until_written(line: &str) -> (String, Outcome) {
    let dir = safe_folder();
    let file = dir.path().join("written");
    let line = line.replace("WRITTEN", &file.display().to_string());
    crate::run_local(async {
        let mut script = shell(&line).start().unwrap();
        let text = loop {
            match fs::read_to_string(&file) {
                Ok(text) if text.ends_with('\n') => break text,
                _ => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        };
        (text, script.wait_at_most(Duration::ZERO).await.unwrap())
    })
    .unwrap()
}

#[test]
fn a_group_ends_when_its_time_is_over() {
    // The script's own child is in its group, and ends with it.
    let (child, outcome) = run_until_written("sleep 1000 & echo $! > WRITTEN; wait");
    assert_eq!(outcome, Outcome::TimedOut(Ended::Signal(15)));
    let stat = format!("/proc/{}/stat", child.trim());
    let runs = || fs::read_to_string(&stat).is_ok_and(|s| !s.contains(") Z"));
    let start = Instant::now();
    while runs() {
        assert!(start.elapsed() < LONG, "{child} still runs");
        std::thread::yield_now();
    }
}

#[test]
fn who_does_not_listen_is_killed() {
    let start = Instant::now();
    let (_, outcome) = run_until_written("trap '' TERM; echo ready > WRITTEN; while :; do sleep 0.05; done");
    assert_eq!(outcome, Outcome::TimedOut(Ended::Signal(9)));
    assert!(start.elapsed() >= GRACE);
}

#[test]
fn a_script_has_its_users_rights() {
    if !root_for("a_script_has_its_users_rights") {
        return;
    }
    let nobody = script_user("nobody", None).unwrap();
    let mut command = shell("test $(id -u):$(id -g) = $WANTED && test \"$(id -G)\" = $(id -g)");
    command.environment = vec![("WANTED".into(), format!("{}:{}", nobody.uid, nobody.gid).into())];
    command.user = Some(nobody.clone());
    assert_eq!(run(&command, LONG), Outcome::Ended(Ended::Code(0)));
    let mixed = script_user("nobody", Some("root")).unwrap();
    assert_eq!((mixed.uid, mixed.gid), (nobody.uid, 0));
    assert_eq!(script_user("no-such-user", None), Err("no-such-user".to_owned()));
    assert_eq!(script_user("root", Some("no-such-group")), Err("no-such-group".to_owned()));
}

fn root() -> ScriptUser {
    ScriptUser { uid: 0, gid: 0, groups: Vec::new() }
}

fn other() -> ScriptUser {
    ScriptUser { uid: 65_534, gid: 65_534, groups: vec![] }
}

fn script(dir: &Path, name: &str, mode: u32) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn weak_parts_of_a_path_are_named() {
    if !root_for("weak_parts_of_a_path_are_named") {
        return;
    }
    let dir = safe_folder();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let weak = |path: &Path, user: &ScriptUser| check_script(path.as_os_str(), user).unwrap().weak;
    let part = |path: &Path, why| Some(WeakPart { path: path.to_path_buf(), why });

    let safe = script(dir.path(), "safe", 0o755);
    assert_eq!(weak(&safe, &root()), None);
    let world = script(dir.path(), "world", 0o757);
    assert_eq!(weak(&world, &root()), part(&world, Weakness::WorldWritable));
    assert_eq!(weak(&world, &other()), None, "it has no rights to abuse");
    let set_user = script(dir.path(), "set_user", 0o4757);
    assert_eq!(weak(&set_user, &other()), part(&set_user, Weakness::WorldWritable));
    let group = script(dir.path(), "group", 0o775);
    assert_eq!(weak(&group, &root()), None, "root's group is root");
    chown(&group, None, Some(65_534)).unwrap();
    assert_eq!(weak(&group, &root()), part(&group, Weakness::GroupWritable(65_534)));
    let owned = script(dir.path(), "owned", 0o755);
    chown(&owned, Some(65_534), None).unwrap();
    assert_eq!(weak(&owned, &root()), part(&owned, Weakness::Owner(65_534)));

    let open = dir.path().join("open");
    fs::create_dir(&open).unwrap();
    let inside = script(&open, "inside", 0o755);
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    assert_eq!(weak(&inside, &root()), part(&open, Weakness::WorldWritable));
    fs::set_permissions(&open, Permissions::from_mode(0o1777)).unwrap();
    assert_eq!(weak(&inside, &root()), None, "the sticky bit protects what is inside");

    // A link is followed, and both ways are looked at.
    let link = dir.path().join("link");
    symlink(&world, &link).unwrap();
    let verdict = check_script(link.as_os_str(), &root()).unwrap();
    assert_eq!(verdict.path, world);
    assert_eq!(verdict.weak, part(&world, Weakness::WorldWritable));
}

#[test]
fn scripts_that_cannot_run_say_why() {
    if !root_for("scripts_that_cannot_run_say_why") {
        return;
    }
    let dir = safe_folder();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let why = |path: &Path, user: &ScriptUser| check_script(path.as_os_str(), user).unwrap_err();
    let plain = script(dir.path(), "plain", 0o644);
    assert_eq!(why(&plain, &root()), Unusable::NotExecutable);
    let mine = script(dir.path(), "mine", 0o700);
    assert_eq!(why(&mine, &other()), Unusable::NotExecutable);
    assert_eq!(check_script(mine.as_os_str(), &root()).unwrap().path, mine);
    assert_eq!(why(dir.path(), &root()), Unusable::WrongType(dir.path().to_path_buf()));
    let none = Unusable::Inaccessible("No such file or directory".to_owned());
    assert_eq!(why(&dir.path().join("none"), &root()), none);
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    let inside = script(&closed, "inside", 0o755);
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    assert_eq!(why(&inside, &other()), Unusable::Inaccessible("Permission denied".to_owned()));

    let found = check_script(OsStr::new("sh"), &root()).unwrap();
    assert!(found.searched && found.path.is_absolute(), "{found:?}");
    assert_eq!(check_script(OsStr::new("rha-no-such-script"), &root()), Err(Unusable::NotInPath));
}
