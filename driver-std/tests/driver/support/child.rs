//! Tests whose environment must be another one: they run once more, in a process of their own.

use std::{
    env,
    process::{Command, Output},
};

const MARK: &str = "KEYFOB_TEST_CHILD";

/// Whether this is the process of its own.
pub fn is_child() -> bool {
    env::var_os(MARK).is_some()
}

/// Runs `test` with these variables, and without a proxy unless they name one.
pub fn run(test: &str, variables: &[(&str, &str)]) {
    let mut command = Command::new(env::current_exe().expect("this program has a path"));
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "BROWSER"]
    {
        command.env_remove(name);
    }
    command.args(["--exact", test, "--nocapture"]).env(MARK, "1").envs(variables.iter().copied());
    let Output { status, stdout, stderr } = command.output().expect("the child runs");
    let stdout = String::from_utf8_lossy(&stdout);
    assert!(status.success(), "{stdout}{}", String::from_utf8_lossy(&stderr));
    assert!(stdout.contains("1 passed"), "no test is called {test}: {stdout}");
}

/// A variable that the parent set.
pub fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is set"))
}
