//! The terminal program, `examples/sign-in`, as a user runs it.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;

/// The program on its way; it is ended with this.
#[derive(Debug)]
pub struct Program {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Program {
    /// Builds it, if need be, and starts it with these options, for scripts and without a browser.
    #[track_caller]
    pub fn start(arguments: &[&str]) -> Self {
        let built =
            Command::new(env!("CARGO")).args(["build", "--quiet", "--package", "keyfob-sign-in"]).status();
        assert!(built.is_ok_and(|status| status.success()), "the program cannot be built");
        // Beside the folder that this test lies in.
        let own = std::env::current_exe().expect("a path");
        let program: PathBuf = own.ancestors().nth(2).expect("a folder").join("sign-in");
        let mut child = Command::new(program)
            .args(["--json", "--no-browser"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        Self { child, lines }
    }

    /// Reads events up to one of this kind.
    #[track_caller]
    pub fn event(&mut self, kind: &str) -> Value {
        for line in self.lines.by_ref() {
            let event: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
            assert_ne!((event["event"].as_str(), kind != "error"), (Some("error"), true), "{event}");
            if event["event"] == kind {
                return event;
            }
        }
        panic!("there is no `{kind}`");
    }

    /// Waits for its end, with this exit code.
    #[track_caller]
    pub fn ends_with(mut self, code: i32) {
        assert_eq!(self.child.wait().expect("an end").code(), Some(code));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, where the test passed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
