//! A real `redis-server`, or `valkey-server`, of this test alone.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use redis::{Client, Connection, Value};

use super::Folder;

/// A server that runs, on a port of its own, with its files in a folder of its own.
pub struct RedisServer {
    folder: Folder,
    port: u16,
    child: Child,
}

impl RedisServer {
    /// Starts one, or says what to install.
    pub fn start() -> Self {
        for _ in 0..5 {
            let folder = Folder::new();
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut server = Self { port, child: spawn(&folder, port), folder };
            // Or somebody else took the port in between.
            if server.answers() {
                return server;
            }
        }
        panic!("no redis-server answers")
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it as a power cut does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again, with what it had written.
    pub fn restart(&mut self) {
        self.child = spawn(&self.folder, self.port);
        assert!(self.answers());
    }

    pub fn connection(&self) -> Connection {
        Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// Everything in it: keys and values by key, and the key's life in milliseconds.
    pub fn dump(&self) -> BTreeMap<Vec<u8>, (Vec<u8>, i64)> {
        let mut connection = self.connection();
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
        let mut all = BTreeMap::new();
        for key in keys {
            let kind: String = redis::cmd("TYPE").arg(&key).query(&mut connection).unwrap();
            let command = if kind == "hash" { "HGETALL" } else { "GET" };
            let value: Value = redis::cmd(command).arg(&key).query(&mut connection).unwrap();
            let life: i64 = redis::cmd("PTTL").arg(&key).query(&mut connection).unwrap();
            let mut octets = key.clone();
            flatten(&value, &mut octets);
            all.insert(key, (octets, life));
        }
        all
    }

    /// The lives of the keys of a kind, in milliseconds.
    pub fn lives(&self, kind: &str) -> Vec<i64> {
        let all = self.dump();
        all.iter().filter(|(key, _)| is_kind(key, kind)).map(|(_, (_, life))| *life).collect()
    }

    /// Lets the time of the keys of a kind run out.
    pub fn expire(&self, kind: &str) {
        let mut connection = self.connection();
        for key in self.dump().keys().filter(|key| is_kind(key, kind)) {
            redis::cmd("PEXPIRE").arg(key).arg(0).exec(&mut connection).unwrap();
        }
    }

    /// Lets the waits after wrong codes run out.
    pub fn end_waits(&self) {
        let mut connection = self.connection();
        for key in self.dump().keys().filter(|key| is_kind(key, "wrong")) {
            redis::cmd("HDEL").arg(key).arg("till").exec(&mut connection).unwrap();
        }
    }

    fn answers(&mut self) -> bool {
        for _ in 0..200 {
            let ping = Client::open(self.url()).unwrap().get_connection();
            if ping.is_ok_and(|mut connection| redis::cmd("PING").query::<String>(&mut connection).is_ok()) {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            thread::sleep(Duration::from_millis(25));
        }
        false
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_kind(key: &[u8], kind: &str) -> bool {
    key.starts_with(format!("keyfob-relay:1:{kind}:").as_bytes())
}

fn spawn(folder: &Folder, port: u16) -> Child {
    for name in ["redis-server", "valkey-server"] {
        let mut command = Command::new(name);
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--appendonly", "yes", "--appendfsync", "always"]).arg("--dir").arg(&folder.0);
        match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(child) => return child,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => panic!("{name}: {error}"),
        }
    }
    panic!("Install redis-server or valkey-server (on Debian: `apt-get install redis-server`).")
}

fn flatten(value: &Value, out: &mut Vec<u8>) {
    out.push(b'\n');
    match value {
        Value::BulkString(octets) => out.extend_from_slice(octets),
        Value::SimpleString(text) => out.extend_from_slice(text.as_bytes()),
        Value::Array(values) => values.iter().for_each(|value| flatten(value, out)),
        Value::Map(pairs) => pairs.iter().for_each(|(key, value)| {
            flatten(key, out);
            flatten(value, out);
        }),
        Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        other => panic!("{other:?}"),
    }
}
