//! The program itself, and what stands before two of them.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use super::{ENDPOINT, PUBLIC};

/// A process.
pub struct Instance {
    pub address: SocketAddr,
    pub admin: SocketAddr,
    child: Child,
}

impl Instance {
    /// Starts the program, with these arguments besides.
    pub fn start(devices: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyfob-relay"));
        command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--public-url", PUBLIC]);
        command.args(["--authorization-endpoint", ENDPOINT]).arg("--devices").arg(devices).args(more);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = |start: &str| {
            let line = lines.next().and_then(Result::ok).unwrap_or_default();
            let address =
                line.strip_prefix(start).map(|rest| rest.trim_start_matches('s').trim_start_matches("://"));
            let address = address.unwrap_or_else(|| panic!("no `{start}…` but `{line}`"));
            address.parse().unwrap()
        };
        let (address, admin) = (address("relay listens on http"), address("admin listens on http"));
        Self { address, admin, child }
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// A signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end; whether it was a success, and its log.
    pub fn end(mut self) -> (bool, String) {
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().success(), log)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What stands before several instances: each connection goes to the next one that takes it.
pub struct Front {
    pub address: SocketAddr,
}

impl Front {
    pub fn new(behind: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let turn = Arc::new(Mutex::new(0));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (behind, turn) = (behind.clone(), turn.clone());
                thread::spawn(move || {
                    let first = {
                        let mut turn = turn.lock().unwrap();
                        *turn += 1;
                        *turn
                    };
                    let order = (0..behind.len()).map(|place| behind[(first + place) % behind.len()]);
                    let server = order.into_iter().find_map(|address| TcpStream::connect(address).ok());
                    if let Some(server) = server {
                        let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                        thread::spawn(move || carry(back.0, back.1));
                        carry(client, server);
                    }
                });
            }
        });
        Self { address }
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    let mut octets = [0; 4096];
    let mut step = || -> io::Result<usize> {
        let length = from.read(&mut octets)?;
        to.write_all(&octets[..length])?;
        Ok(length)
    };
    while step().is_ok_and(|length| length > 0) {}
    let _ = to.shutdown(Shutdown::Write);
}
